"""Names of Services and pods: what the cluster's DNS answers, and the server that answers it.

`records` computes answers and is pure; `view` is the picture of the cluster that it reads; `wire` is the message
format; `upstream` asks the machine's own resolvers about everything else; `server` listens. `resolv` builds a pod's
resolv.conf.
What must not live here: addresses being given (see `petset.node.network`), watches (whoever has them feeds the view).

Invariant: an answer shows the view at the moment of the question; nothing is cached, here or (TTL) for long elsewhere.
"""
