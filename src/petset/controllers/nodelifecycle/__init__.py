"""Keeps pods away from nodes that are not well: what a node's conditions say becomes taints, as upstream's
node-lifecycle-controller has it.

`plan` says which taints a node is to have; `controller` watches and writes. What must not live here: who may run in
spite of a taint, and what becomes of the pods that a node has.
"""
