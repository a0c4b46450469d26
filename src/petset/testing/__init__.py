"""The public test kit: virtual clock, object builders, an in-process cluster."""
