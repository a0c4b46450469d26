"""What the end of all pods still waits for, and why. Pure."""

from collections.abc import Collection
from datetime import datetime

from petset.api.meta import is_terminating, parse_time
from petset.api.types import Pod
from petset.cli.progress.snapshot import Snapshot, shown_name
from petset.controllers.shutdown.plan import plan

PODS_SHOWN = 5


def remaining(snapshot: Snapshot, trouble: str = "") -> list[str]:
    """Lines about the pods that are left, those first that are waited for; indented where they explain.

    `trouble` is why the server cannot go on. Empty when no pod is left.
    """
    if not snapshot.pods:
        return []
    due = {pod.metadata.uid for pod in plan(snapshot.pods, snapshot.sets)}
    lines = [f"pods that have to end: {len(snapshot.pods)}"]
    if trouble:
        lines.append(f"  the server cannot go on: {trouble}")
    ordered = sorted(snapshot.pods, key=lambda pod: (not is_terminating(pod), pod.metadata.uid not in due))
    lines += [f"  {shown_name(pod)}: {_state(pod, due, snapshot.now)}" for pod in ordered[:PODS_SHOWN]]
    if len(ordered) > PODS_SHOWN:
        lines.append(f"  and {len(ordered) - PODS_SHOWN} more")
    return lines


def _state(pod: Pod, due: Collection[str], now: datetime) -> str:
    if not is_terminating(pod):
        return "is told to end next" if pod.metadata.uid in due else "ends after the pods of higher ordinals of its set"
    end = parse_time(pod.metadata.deletion_timestamp or "").astimezone(now.tzinfo)
    if end > now:
        return f"terminating, is killed at {end:%H:%M:%S} at the latest"
    if pod.metadata.finalizers:
        return f"terminating, held by finalizers: {', '.join(pod.metadata.finalizers)}"
    return f"terminating, over its grace period since {end:%H:%M:%S}"
