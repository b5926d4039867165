"""Questions that no family can answer alone: checks that set the observations of several side by side."""
