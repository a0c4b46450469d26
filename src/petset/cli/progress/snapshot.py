"""The objects that progress is told from, as seen at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from petset.api.meta import Key, controller_of, key_of
from petset.api.types import (
    ControllerRevision,
    Event,
    Node,
    Object,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    StatefulSet,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects of the kinds that matter here, in no particular order, at the moment `now`, in the local zone."""

    sets: Sequence[StatefulSet] = ()
    pods: Sequence[Pod] = ()
    claims: Sequence[PersistentVolumeClaim] = ()
    volumes: Sequence[PersistentVolume] = ()
    nodes: Sequence[Node] = ()
    events: Sequence[Event] = ()
    revisions: Sequence[ControllerRevision] = ()
    now: datetime = EPOCH

    def set_named(self, key: Key) -> StatefulSet | None:
        """One StatefulSet."""
        return next((set_ for set_ in self.sets if key_of(set_) == key), None)

    def pods_of(self, set_: StatefulSet) -> list[Pod]:
        """The pods a set controls."""
        return [pod for pod in self.pods if (owner := controller_of(pod)) and owner.uid == set_.metadata.uid]

    def revisions_of(self, set_: StatefulSet) -> list[ControllerRevision]:
        """The revisions a set controls."""
        return [each for each in self.revisions if (owner := controller_of(each)) and owner.uid == set_.metadata.uid]

    def claim_named(self, key: Key) -> PersistentVolumeClaim | None:
        """One claim."""
        return next((claim for claim in self.claims if key_of(claim) == key), None)

    def volume_named(self, name: str | None) -> PersistentVolume | None:
        """One volume."""
        return next((volume for volume in self.volumes if volume.metadata.name == name), None)

    def events_about(self, obj: Object) -> list[Event]:
        """The events of one object, the latest last."""
        about = [event for event in self.events if event.involved_object.uid == obj.metadata.uid]
        return sorted(about, key=lambda event: event.last_timestamp or event.event_time or "")


def shown_name(obj: Object) -> str:
    """`web-0`, or `prod/web-0` outside of the default namespace."""
    return shown_key(key_of(obj))


def shown_key(key: Key) -> str:
    """The same for a key."""
    return key.name if key.namespace in ("", "default") else f"{key.namespace}/{key.name}"


def directory_of(volume: PersistentVolume | None) -> str:
    """The directory of this machine behind a volume; empty when it is none."""
    if volume is None:
        return ""
    source = volume.spec.host_path or volume.spec.local
    return source.path if source is not None else ""
