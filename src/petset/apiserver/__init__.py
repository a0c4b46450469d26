"""The request pipeline, transport-neutral: decode, default, validate, commit, encode."""
