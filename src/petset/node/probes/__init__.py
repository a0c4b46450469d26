"""Probes: when to ask a container how it is (`schedule`), how (`handlers`), and what the answers mean (`results`).

What must not live here: what follows from a verdict; that is a pod's plan. Lifecycle hooks are asked in the same ways
and so are in `handlers`, too.
"""
