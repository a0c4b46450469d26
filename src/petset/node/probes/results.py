"""What single answers of a probe come to: thresholds. Pure.

The rules are those of upstream's `pkg/kubelet/prober/worker.go`.
"""

from dataclasses import dataclass, replace

from petset.api.types import Probe


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer. An errored probe could not be asked at all, which says nothing about the container."""

    success: bool
    message: str = ""
    errored: bool = False
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How often the same answer came in a row, and what has become of the container by that; None: nothing yet."""

    healthy: bool | None = None
    last: bool | None = None
    run: int = 0


FIRST_PAUSE = 0.05


def early_pause(attempt: int, elapsed: float, period: float) -> float | None:
    """Seconds until a container that has just started is asked once more, before its first period is over.

    0.05 s, doubled each time; None: it is time to go over to the period. Few things in a start take longer than waiting
    for the second probe, and an early answer does no harm: an early failure counts for nothing.
    """
    pause: float = FIRST_PAUSE * 2**attempt
    return pause if elapsed + pause < period else None


def judge(verdict: Verdict, probe: Probe, outcome: Outcome) -> Verdict:
    """The verdict after one more answer."""
    if outcome.errored:
        return verdict
    run = verdict.run + 1 if verdict.last == outcome.success else 1
    threshold = (probe.success_threshold or 1) if outcome.success else (probe.failure_threshold or 3)
    if run < threshold:
        return replace(verdict, last=outcome.success, run=run)
    return Verdict(outcome.success, outcome.success, run)
