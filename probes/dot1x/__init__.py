"""Port-based access control (IEEE 802.1X), seen from a socket: closed, asking, opening, closing again."""
