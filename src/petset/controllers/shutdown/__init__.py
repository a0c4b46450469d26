"""Ends all pods before the server ends, as their StatefulSets would scale them down. The objects behind them stay.

Whatever creates pods has to be stopped before.
"""
