"""Plain typed data, no I/O: the words of the design as classes."""
