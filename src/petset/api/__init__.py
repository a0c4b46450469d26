"""API machinery, generic over kinds and pure: types, errors, resources, metadata, schema, patches, selectors, tables.

What must not live here: I/O, asyncio, a clock, randomness, or a rule of one particular kind (see `petset.kinds`).
"""
