"""Building protocols: one read-only question to each declared service."""
