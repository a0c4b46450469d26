"""Revisions in, revisions out: keys and bytes, not kinds."""
