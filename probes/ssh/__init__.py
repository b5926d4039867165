"""The command line of a switch over SSH: read, never written to."""
