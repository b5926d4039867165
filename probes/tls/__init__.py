"""TLS services: which versions, suites and certificates an endpoint shows, and what ANSSI SDE-NT-35 says of them."""
