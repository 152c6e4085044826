"""Networks that are fitted to one slice."""
