"""What standards ask of a technique (TLS, SSH…), as parameters of checks."""
