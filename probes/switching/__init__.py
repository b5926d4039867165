"""What a switch is configured to do, whoever says it: words that the families share. Pure; it asks nobody."""
