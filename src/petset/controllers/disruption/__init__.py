"""Disruption budgets: how many pods of an application are healthy, and how many may be evicted now.

The status is for the server, which asks it at every eviction. Follows upstream's `pkg/controller/disruption`.
"""
