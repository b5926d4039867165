"""Thin renderers over one immutable audit document."""
