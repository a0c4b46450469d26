"""The pods' network: an address and an interface for each pod, and the addresses of Services.

`interface` is the port, `bridge` the real one (Linux, root), `simulated` the one for pods that exist on paper only.
`addresses` and the plan of `proxy` decide and are pure; `kernel` and `firewall` carry out and are the only modules that
know netlink. What must not live here: names (see `petset.node.dns`), images, containers.

Invariants: an address in the pods' range that no pod has never leaves the machine; every link, route, address and rule
carries a name or number by which a later process finds it, so that `destroy` removes exactly what was made here.
"""
