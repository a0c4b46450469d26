"""The StatefulSet controller: observe, plan, act.

    names       how pods, claims and revisions are called
    model       what a decision looks at (`Observed`) and what it says (`Plan`)
    revisions   which ControllerRevisions a set has, needs and may forget
    identity    the ordinals, and the pod and the claims that each must have
    retention   who owns a claim under each persistentVolumeClaimRetentionPolicy
    claims      what is missing of an ordinal's claims, what is going away, who shall own them
    status      what a set reports of its pods
    waiting     what a set waits for, why, since when, in words
    plan        the decision: a pure function from Observed to Plan
    ranks       what the rules ask about the pods, and the plain answers: a walk over all of them
    ledger      the same answers from a summary that each change of a pod updates
    observe     reads what a decision needs from the informers
    ledgers     the ledger of each set, told by the informers what changed
    act         carries a plan out, through the client port
    events      tells of a wait that lasts, once
    controller  events to keys, keys to runs

Everything above `observe` is pure. The rules are those of apps/v1 in Kubernetes 1.37; `events` adds to them.
"""
