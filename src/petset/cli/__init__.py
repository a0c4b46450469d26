"""The command line: one file per command; it prints, it never decides."""
