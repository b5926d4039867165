"""``python -m r2s_audit`` is ``r2s-audit``."""

from r2s_audit.cli.entry import main

main()
