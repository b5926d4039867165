"""The report that people read: one HTML file, for a screen, a telephone and A4."""

from reports.html.page import policy, render

__all__ = ["policy", "render"]
