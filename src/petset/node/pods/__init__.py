"""The pods bound to this node: from what the API and the runtime say to what has to be done next.

`model`, `plan`, `starting`, `ending`, `status`, `conditions` and `backoff` decide and are pure. `inventory` knows what
the runtime has, `memory` what only this process knows, `act` does, `worker` goes round.

Invariants:
- nothing of a pod starts while a sandbox or container of another pod of the same name is alive;
- a container is started at most once per name and attempt, whatever died in between: the runtime's names see to it;
- what is not in the runtime's labels or in the API may be forgotten at any moment without harm.
"""
