"""Which node a pod runs on.

    model       what a decision looks at, and what it says
    fit         whether a node suits a pod; pure
    usage       what is taken up on each node; pure
    plan        the decision for one pod; pure
    controller  events to pods, pods to bindings

One machine is one node, so there is nothing to optimise: the scheduler keeps the promises of the API (nodeSelector,
node affinity, taints, unschedulable nodes, resources, volumes that wait for their first consumer) and says why a pod
waits.
"""
