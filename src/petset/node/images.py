"""Images for containers: pull policies, one pull at a time per image, and the wait after a failure.

The rules, reasons and events are those of upstream's `pkg/kubelet/images/image_manager.go`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from petset.aio.clock import Clock
from petset.aio.tasks import Supervisor
from petset.api.types import Container, Pod
from petset.client.recorder import EventRecorder, reference_to
from petset.node.pods.backoff import BackOff, after_failure
from petset.node.runtimes.errors import ContainerRuntimeError, ImageNotFound, ImagePullFailed, RuntimeUnavailable
from petset.node.runtimes.interface import Image, RegistryCredentials, Runtime

Credentials = Callable[[Pod, str], Awaitable[Sequence[RegistryCredentials]]]
"""Finds what a pod's pull secrets say about an image, the best match first."""

BEFORE_BACK_OFF_SHOWS = 1.0
"""Seconds for which a failed pull is shown as ErrImagePull before it is shown as ImagePullBackOff."""
NEVER_PULL_RETRY = 10.0

_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d+)?/)?"
_REFERENCE = re.compile(rf"{_HOST}{_NAME}(?:/{_NAME})*(?::[\w][\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?", re.ASCII)


class ImageFailed(Exception):
    """A container's image is not there; says the waiting reason, and when to ask again."""

    def __init__(self, reason: str, message: str, retry_at: datetime) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_at = retry_at


class Images:
    """Makes sure that images are on this machine."""

    def __init__(
        self,
        runtime: Runtime,
        recorder: EventRecorder,
        tasks: Supervisor,
        clock: Clock,
        credentials: Credentials,
    ) -> None:
        self._runtime = runtime
        self._recorder = recorder
        self._tasks = tasks
        self._clock = clock
        self._credentials = credentials
        self._back_offs: dict[tuple[str, str], BackOff] = {}
        self._last_failures: dict[tuple[str, str], str] = {}
        self._pulls: dict[tuple[str, tuple[RegistryCredentials, ...]], asyncio.Task[Image | ContainerRuntimeError]] = {}

    async def ensure(self, pod: Pod, container: Container, field_path: str) -> Image:
        """The container's image, pulled when its policy says so. Raises ImageFailed, RuntimeUnavailable."""
        name = container.image or ""
        about = reference_to(pod, field_path)
        if not _REFERENCE.fullmatch(name):
            why = f'Failed to apply default image tag "{name}": couldn\'t parse image name: invalid reference format'
            self._recorder.event(about, "Warning", "InspectFailed", why)
            raise ImageFailed("InvalidImageName", why, self._in(NEVER_PULL_RETRY))
        policy = container.image_pull_policy or "IfNotPresent"
        present = await self._runtime.image(name)
        if present is not None and policy != "Always":
            self._recorder.event(about, "Normal", "Pulled", f'Container image "{name}" already present on machine')
            return present
        if policy == "Never":
            why = f'Container image "{name}" is not present with pull policy of Never'
            self._recorder.event(about, "Warning", "ErrImageNeverPull", why)
            raise ImageFailed("ErrImageNeverPull", why, self._in(NEVER_PULL_RETRY))
        self._check_back_off(pod, name, field_path)
        return await self._pull_for(pod, name, field_path)

    def forget(self, uid: str) -> None:
        """Drops what is remembered of a pod."""
        for key in [key for key in self._back_offs if key[0] == uid]:
            del self._back_offs[key]
            self._last_failures.pop(key, None)

    def _in(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)

    def _check_back_off(self, pod: Pod, name: str, field_path: str) -> None:
        key = (pod.metadata.uid, name)
        entry, now = self._back_offs.get(key), self._clock.now()
        if entry is None or entry.expired(now):
            return
        ends = entry.ends(entry.updated)
        if ends <= now:
            return
        why = f'Back-off pulling image "{name}"'
        about = reference_to(pod, field_path)
        self._recorder.event(about, "Normal", "BackOff", why)
        self._recorder.event(about, "Warning", "Failed", "Error: ImagePullBackOff")
        raise ImageFailed("ImagePullBackOff", f"{why}: ErrImagePull: {self._last_failures.get(key, '')}", ends)

    async def _pull_for(self, pod: Pod, name: str, field_path: str) -> Image:
        about = reference_to(pod, field_path)
        key = (pod.metadata.uid, name)
        self._recorder.event(about, "Normal", "Pulling", f'Pulling image "{name}"')
        began = self._clock.monotonic()
        try:
            image = await self._pull(pod, name)
        except (ImageNotFound, ImagePullFailed) as error:
            now = self._clock.now()
            self._back_offs[key] = after_failure(self._back_offs.get(key), now, now)
            self._last_failures[key] = str(error)
            self._recorder.event(about, "Warning", "Failed", f'Failed to pull image "{name}": {error}')
            self._recorder.event(about, "Warning", "Failed", "Error: ErrImagePull")
            raise ImageFailed("ErrImagePull", str(error), self._in(BEFORE_BACK_OFF_SHOWS)) from error
        self._back_offs.pop(key, None)
        self._last_failures.pop(key, None)
        took = milliseconds(self._clock.monotonic() - began)
        text = f'Successfully pulled image "{name}" in {took} ({took} including waiting). '
        text += f"Image size: {image.size} bytes."
        self._recorder.event(about, "Normal", "Pulled", text)
        return image

    async def _pull(self, pod: Pod, name: str) -> Image:
        """One pull for all that want the same image with the same credentials; a caller's end does not end it."""
        found = await self._credentials(pod, name)
        key = (name, tuple(found))
        task = self._pulls.get(key)
        if task is None:
            task = self._tasks.background(f"pull {name}", self._try_all(name, found))
            self._pulls[key] = task
            task.add_done_callback(lambda _: self._pulls.pop(key, None))
        outcome = await asyncio.shield(task)
        if isinstance(outcome, ContainerRuntimeError):
            raise outcome
        return outcome

    async def _try_all(self, name: str, found: Sequence[RegistryCredentials]) -> Image | ContainerRuntimeError:
        """Every credential in turn; the first failure is what the user is told."""
        failures: list[ContainerRuntimeError] = []
        for credentials in found or (None,):
            try:
                return await self._runtime.pull(name, credentials)
            except (ImageNotFound, ImagePullFailed, RuntimeUnavailable) as error:
                failures.append(error)
        return failures[0]


def milliseconds(seconds: float) -> str:
    """A duration the way Go prints it, to the millisecond: `27ms`, `1.234s`, `1m2.5s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{int(minutes)}m{text}" if minutes else text
