"""Evidence that stands: bytes by digest, an append-only chained ledger, the record that joins them."""
