"""Plan, collect, record, judge: the only part that knows both probes and profiles."""
