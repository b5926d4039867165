"""Whom to ask and from where: as everybody does who wants facts of a command line."""

from __future__ import annotations

from probes.switching.asking import point_for, port_of, readable, requests_for, the_request

__all__ = ["point_for", "port_of", "readable", "requests_for", "the_request"]
