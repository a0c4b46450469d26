"""From changes of objects to lines that tell what happened. Pure, but for what it remembers of the past."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from petset.api.meta import is_pod_ready, is_terminating
from petset.api.types import Event, PersistentVolume, PersistentVolumeClaim, Pod
from petset.cli.durations import format_seconds
from petset.cli.progress.snapshot import directory_of, shown_name
from petset.controllers.statefulset.waiting import pod_state

_IMAGE = re.compile(r'image "([^"]+)"')
_PASSING = frozenset({"FailedScheduling"})
"""Warnings about what is often over in a moment; what lasts is told by `missing`."""
_ECHOES = frozenset({"Error: ErrImagePull", "Error: ImagePullBackOff"})
"""They follow a warning that says why."""
_TOOK = re.compile(r" in (\S+)")


@dataclass(slots=True)
class Narrator:
    """Tells each thing once. `at` is a monotonic time in seconds."""

    _created: dict[str, float] = field(default_factory=dict)
    _warned: set[tuple[str, str, str]] = field(default_factory=set)
    _volumes: dict[str, PersistentVolume] = field(default_factory=dict)
    _unbound: dict[str, PersistentVolumeClaim] = field(default_factory=dict)

    def pod_created(self, pod: Pod, at: float) -> Iterator[str]:
        """A pod that was not there before."""
        self._created[pod.metadata.uid] = at
        yield f"{shown_name(pod)} created"
        yield from self.pod_changed(Pod(metadata=pod.metadata), pod, at)

    def pod_changed(self, old: Pod, new: Pod, at: float) -> Iterator[str]:
        """What differs between two states of one pod."""
        name = shown_name(new)
        if is_terminating(new):
            if not is_terminating(old):
                yield f"{name} terminating"
            return
        yield from (f"{name} {text}" for text in _restarts(old, new))
        if new.status.phase == "Failed" and old.status.phase != "Failed":
            yield f"{name} failed: {new.status.message or new.status.reason or pod_state(new)}"
        if _runs(new) and not _runs(old):
            yield f"{name} running"
        if is_pod_ready(new) and not is_pod_ready(old):
            began = self._created.get(new.metadata.uid)
            yield f"{name} ready" + (f" ({format_seconds(at - began)})" if began is not None else "")
        if is_pod_ready(old) and not is_pod_ready(new):
            yield f"{name} is no longer ready: {pod_state(new)}"

    def pod_gone(self, pod: Pod) -> Iterator[str]:
        """A pod that was there before."""
        self._created.pop(pod.metadata.uid, None)
        yield f"{shown_name(pod)} gone"

    def event(self, event: Event) -> Iterator[str]:
        """Pulls of images, and warnings; each warning once."""
        about = event.involved_object
        name = about.name if about.namespace in (None, "", "default") else f"{about.namespace}/{about.name}"
        message = event.message or ""
        if event.reason in _PASSING or message in _ECHOES:
            return
        if event.type == "Warning":
            seen = (about.uid or "", event.reason or "", message)
            if seen not in self._warned:
                self._warned.add(seen)
                yield f"{name} warning, {event.reason}: {message}"
        elif image := _IMAGE.search(message):
            if event.reason == "Pulling":
                yield f"{name} pulling {image[1]}"
            elif event.reason == "Pulled" and (took := _TOOK.search(message, image.end())):
                yield f"{name} pulled {image[1]} in {took[1]}"

    def volume(self, volume: PersistentVolume) -> Iterator[str]:
        """A volume; claims are told of once their volume is known."""
        self._volumes[volume.metadata.name] = volume
        for claim in [c for c in self._unbound.values() if c.spec.volume_name == volume.metadata.name]:
            yield from self._bound(claim, volume)

    def claim_changed(self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim) -> Iterator[str]:
        """A claim that is bound now and was not before."""
        if new.status.phase != "Bound" or (old is not None and old.status.phase == "Bound"):
            return
        volume = self._volumes.get(new.spec.volume_name or "")
        if volume is None:
            self._unbound[new.metadata.uid] = new
        else:
            yield from self._bound(new, volume)

    def _bound(self, claim: PersistentVolumeClaim, volume: PersistentVolume) -> Iterator[str]:
        self._unbound.pop(claim.metadata.uid, None)
        yield f"claim {shown_name(claim)} bound to {directory_of(volume) or volume.metadata.name}"


def _runs(pod: Pod) -> bool:
    statuses = pod.status.container_statuses
    return bool(statuses) and all(status.state.running is not None for status in statuses)


def _restarts(old: Pod, new: Pod) -> Iterator[str]:
    before = {status.name: status.restart_count for status in old.status.container_statuses}
    for status in new.status.container_statuses:
        if status.restart_count > before.get(status.name, status.restart_count):
            ended = status.last_state.terminated
            why = f", it ended with exit code {ended.exit_code}" if ended is not None else ""
            yield f"restarted container {status.name} (number {status.restart_count}{why})"
