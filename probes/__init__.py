"""Probe families: what is observed, how it is collected, what it means."""
