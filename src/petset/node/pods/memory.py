"""What only this process knows of a pod. All of it may be lost at any moment: it is found out again, or starts anew."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from petset.api.meta import revision_of
from petset.api.types import Container, Pod
from petset.node.pods.backoff import BackOff
from petset.node.pods.model import Action, Probing, Rejection, Slot, Waiting
from petset.node.runtimes.interface import Image


@dataclass(slots=True)
class Operation:
    """An action that goes on, and its task."""

    action: Action
    task: asyncio.Task[None]


@dataclass(slots=True)
class Memory:
    """One pod. `pod` is its object as last seen or written, None when it was never seen."""

    uid: str
    pod: Pod | None = None
    address: str = ""
    etc_written: bool = False
    volumes: Mapping[str, Path] | None = None
    images: dict[str, Image] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    back_offs: dict[str, BackOff] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    hooks_due: set[str] = field(default_factory=set)
    probes: tuple[Probing, ...] = ()
    noticed: dict[str, str] = field(default_factory=dict)
    ongoing: dict[Slot, Operation] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    report_due: float | None = None
    own_revision: str = ""
    sent: Pod | None = None
    """What is being written and has no answer yet."""
    overtaken: bool = False
    """Whether there was a turn since then: what was sent may be the past."""
    torn_down: bool = False
    deleted: bool = False
    admitted: bool = False
    """Whether the machine has taken the pod."""
    rejection: Rejection | None = None

    def take(self, pod: Pod) -> Pod:
        """Remembers the newer one of what is known and this object; returns it."""
        if self.pod is None or (pod is not self.pod and revision_of(pod) >= revision_of(self.pod)):
            self.pod = pod
        return self.pod

    def take_answer(self, pod: Pod) -> None:
        """Remembers an answer's object, unless the news of it came first: that copy is everybody's, this one ours."""
        if self.pod is None or revision_of(pod) > revision_of(self.pod):
            self.pod = pod

    def is_writing(self, pod: Pod) -> bool:
        """Whether this state of the pod is the one being written, whose news came before the answer."""
        sent = self.sent
        return pod is sent or (
            sent is not None
            and pod.status == sent.status
            and pod.spec == sent.spec
            and replace(pod.metadata, resource_version="") == replace(sent.metadata, resource_version="")
        )

    def container(self, name: str) -> Container | None:
        """The spec of a container."""
        if self.pod is None:
            return None
        spec = self.pod.spec
        return next((c for c in (*spec.init_containers, *spec.containers) if c.name == name), None)

    @property
    def holds_something(self) -> bool:
        """Whether an address or volumes have yet to be freed when the pod goes."""
        return not self.torn_down and (bool(self.address) or self.volumes is not None)
