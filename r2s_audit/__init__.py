"""r2s-audit: evidence for the French label R2S Résidentiel, gathered on the building's own network."""

__version__ = "0.1.0"
