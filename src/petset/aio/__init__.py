"""Building blocks that know nothing of Kubernetes: clock, supervised tasks, keyed work queue, fan-out, memory, files.

What must not live here: any name of a kind, any HTTP, any storage. This is the only package that may read the system
clock, draw random numbers, start tasks or sleep.
"""
