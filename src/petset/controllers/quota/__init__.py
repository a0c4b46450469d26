"""Quotas: what each says is used. The server itself counts for admission; this is for people and programs to read."""
