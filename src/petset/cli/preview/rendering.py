"""A preview as lines for people and as data for programs. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from petset.cli.preview.previews import Preview
from petset.cli.preview.situation import Situation
from petset.cli.preview.steps import listed
from petset.cli.preview.traps import Trap, traps

Line = tuple[str, str]
"""A style, by Rich's names, empty for none; and a text."""

NOTHING: Final = "nothing to do"

_VERB_STYLES = {
    "create": "green",
    "adopt": "green",
    "update": "yellow",
    "delete": "red",
    "release": "red",
    "wait": "dim",
}
_TRAP_STYLES = {"refused": "bold red", "stuck": "bold red", "data loss": "bold red", "note": "bold yellow"}


def outcome(it: Situation) -> str:
    """`refused`, `stops`, `cut` (the steps go on in the same way) or `completes`."""
    if it.fixed:
        return "refused"
    if it.forecast.stops is not None:
        return "stops"
    return "cut" if it.forecast.cut else "completes"


def lines(preview: Preview) -> Iterator[Line]:
    """What would happen, step by step, then the traps."""
    it, note = preview.situation, preview.note
    yield "bold", f"{_title(it)}: {_change(it)}"
    if note:
        yield "dim", f"  note: {note}"
    if it.fixed:
        yield "", "  the API refuses this change; deleted with --cascade=orphan and created anew, it would be:"
    width = len(str(len(it.forecast.steps)))
    for number, step in enumerate(it.forecast.steps, 1):
        yield _VERB_STYLES[step.verb], f"  {number:>{width}}  {step.verb:<7} {step}"
    if it.forecast.stops is not None:
        yield "bold red", f"  stops here, waiting for {it.forecast.stops}"
    elif it.forecast.cut:
        yield "bold", "  ... and so on; a set of this size is not previewed to its end"
    elif not it.forecast.steps:
        yield "", f"  {NOTHING}"
    for trap in traps(it):
        yield from _trap_lines(trap)


def _trap_lines(trap: Trap) -> Iterator[Line]:
    mark = "note" if trap.weight == "note" else f"warning ({trap.weight})"
    yield _TRAP_STYLES[trap.weight], f"  {mark}: {trap.says} [{trap.name}]"
    if trap.way_out:
        yield "", f"    way out: {trap.way_out}"


def _title(it: Situation) -> str:
    return f"statefulset.apps/{it.name} in namespace {it.set.metadata.namespace}"


def _change(it: Situation) -> str:
    update = it.history.update.metadata.name
    if it.live is None:
        return f"would be created, {it.set.spec.replicas} replicas at revision {update}"
    parts = []
    before, after = it.live.spec.replicas, it.set.spec.replicas
    if before != after:
        parts.append(f"replicas {before} -> {after}")
    if it.outdated:
        names = [pod.metadata.name for pod in it.outdated]
        parts.append(f"revision {update}, which {listed(names)} {'has' if len(names) == 1 else 'have'} not")
    return "; ".join(parts) or f"replicas {after}, revision {update}, as it is"


def data(preview: Preview) -> dict[str, Any]:
    """The same for programs."""
    it, note = preview.situation, preview.note
    found: dict[str, Any] = {
        "namespace": it.set.metadata.namespace,
        "name": it.name,
        "exists": it.live is not None,
        "revision": it.history.update.metadata.name,
        "outcome": outcome(it),
        "steps": [step.data() for step in it.forecast.steps],
        "traps": [
            {"name": trap.name, "weight": trap.weight, "says": trap.says, "wayOut": trap.way_out} for trap in traps(it)
        ],
    }
    if it.forecast.stops is not None:
        found["waitingFor"] = it.forecast.stops
    if note:
        found["note"] = note
    return found
