"""Small devices of the reference building, for protocols that no light Debian daemon speaks.

Each one answers the read-only question of its protocol as a sane device does, on the standard library alone: a
building has a dozen of them, and starts in seconds. Run as ``python -m r2s_audit.lab.responders KIND JSON``.
"""
