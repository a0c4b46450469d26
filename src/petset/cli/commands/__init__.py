"""One file per command; each has `command`. They print, they never decide."""
