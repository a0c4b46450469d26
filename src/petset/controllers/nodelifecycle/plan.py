"""Which taints a node is to have for what its conditions say: a pure function."""

from petset.api.types import Node, Taint

EFFECT = "NoSchedule"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
OF_CONDITIONS = {
    ("Ready", "False"): "node.kubernetes.io/not-ready",
    ("Ready", "Unknown"): "node.kubernetes.io/unreachable",
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_MANAGED = {*OF_CONDITIONS.values(), UNSCHEDULABLE}


def taints_of(node: Node, now: str) -> list[Taint]:
    """All its taints. Those that people gave it stay; new ones are from `now`, a `Time`."""
    states = [(condition.type, condition.status) for condition in node.status.conditions]
    wanted = [OF_CONDITIONS[state] for state in states if state in OF_CONDITIONS]
    if node.spec.unschedulable:
        wanted.append(UNSCHEDULABLE)
    kept = [taint for taint in node.spec.taints if not _is_managed(taint) or taint.key in wanted]
    known = {taint.key for taint in kept if taint.effect == EFFECT}
    return [*kept, *(Taint(key=key, effect=EFFECT, time_added=now) for key in wanted if key not in known)]


def _is_managed(taint: Taint) -> bool:
    return taint.effect == EFFECT and taint.key in _MANAGED
