"""Gathers the rules of ClusterRoles into those that aggregate them: admin, edit, view, and what people define.

`plan` says what an aggregating role is to hold; `controller` watches and writes. What must not live here: what a rule
allows.
"""
