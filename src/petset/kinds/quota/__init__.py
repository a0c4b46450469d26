"""What quotas count: what one object uses, which quotas it falls under, and the sums of a namespace. Pure.

The server's admission and the quota controller each keep a `ledger.Ledger` of every namespace that has a quota. The
source is upstream's `pkg/quota/v1/evaluator/core` and the quota admission of the generic apiserver.
"""
