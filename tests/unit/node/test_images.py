"""Images for containers: policies, shared pulls, back-off, and what the events say."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from petset.aio.tasks import Supervisor
from petset.api.types import Container, ObjectMeta, Pod
from petset.client.recorder import EventRecorder
from petset.node.images import ImageFailed, Images, milliseconds
from petset.node.runtimes.errors import ImageNotFound
from petset.node.runtimes.interface import Image, RegistryCredentials
from petset.node.runtimes.simulated import SimulatedRuntime
from petset.testing.clock import VirtualClock
from tests.unit.client.scripted import ScriptedClient

PATH = "spec.containers{nginx}"
POD = Pod(metadata=ObjectMeta(name="web-0", namespace="default", uid="uid"))


class Registry(SimulatedRuntime):
    """A machine without images, and a registry that may fail."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self._clock = clock
        self.present: set[str] = set()
        self.failing = False
        self.password = ""
        self.pulls: list[str] = []

    async def image(self, reference: str) -> Image | None:
        return Image("sha256:1", reference) if reference in self.present else None

    async def pull(self, reference: str, credentials: RegistryCredentials | None = None) -> Image:
        self.pulls.append(reference)
        await self._clock.sleep(2)
        if self.failing or (self.password and (credentials is None or credentials.password != self.password)):
            raise ImageNotFound(f"{reference}: not found")
        self.present.add(reference)
        return Image("sha256:1", reference, size=12)


class Notes(EventRecorder):
    """Keeps events instead of writing them."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(ScriptedClient(), "kubelet", clock=clock)  # type: ignore[arg-type]
        self.noted: list[tuple[str, str]] = []

    def event(self, about: object, type_: str, reason: str, message: str, *, allowance: str = "") -> None:
        self.noted.append((reason, message))


class Bench:
    def __init__(self, tasks: Supervisor, clock: VirtualClock) -> None:
        self.clock = clock
        self.registry = Registry(clock)
        self.notes = Notes(clock)
        self.credentials: Sequence[RegistryCredentials] = ()
        self.images = Images(self.registry, self.notes, tasks, clock, self._found)

    async def _found(self, pod: Pod, image: str) -> Sequence[RegistryCredentials]:
        return self.credentials

    async def ensure(self, image: str = "nginx:1", policy: str = "IfNotPresent", of: Pod = POD) -> Image | ImageFailed:
        container = Container(name="nginx", image=image, image_pull_policy=policy)
        task = asyncio.get_running_loop().create_task(self._ensure(of, container))
        while not task.done():
            await self.clock.advance(1)
        return task.result()

    async def _ensure(self, of: Pod, container: Container) -> Image | ImageFailed:
        try:
            return await self.images.ensure(of, container, PATH)
        except ImageFailed as failure:
            return failure

    async def fails(self, image: str = "nginx:1", policy: str = "IfNotPresent") -> tuple[str, str]:
        failure = await self.ensure(image, policy)
        assert isinstance(failure, ImageFailed)
        return failure.reason, failure.message


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    clock = VirtualClock()
    async with Supervisor("test", clock) as tasks:
        yield Bench(tasks, clock)


@pytest.mark.parametrize(
    ("policy", "present", "pulls"),
    [
        ("IfNotPresent", True, 0),
        ("IfNotPresent", False, 1),
        ("Always", True, 1),
        ("Always", False, 1),
        ("Never", True, 0),
    ],
)
async def test_policies(bench: Bench, policy: str, *, present: bool, pulls: int) -> None:
    if present:
        bench.registry.present.add("nginx:1")
    assert isinstance(await bench.ensure(policy=policy), Image)
    assert len(bench.registry.pulls) == pulls


async def test_events_of_a_pull(bench: Bench) -> None:
    await bench.ensure()
    await bench.ensure()
    assert bench.notes.noted == [
        ("Pulling", 'Pulling image "nginx:1"'),
        ("Pulled", 'Successfully pulled image "nginx:1" in 2s (2s including waiting). Image size: 12 bytes.'),
        ("Pulled", 'Container image "nginx:1" already present on machine'),
    ]


async def test_never_pulls(bench: Bench) -> None:
    message = 'Container image "nginx:1" is not present with pull policy of Never'
    assert await bench.fails(policy="Never") == ("ErrImageNeverPull", message)
    assert bench.notes.noted == [("ErrImageNeverPull", message)]


async def test_always_fails_without_the_registry_though_the_image_is_there(bench: Bench) -> None:
    bench.registry.present.add("nginx:1")
    bench.registry.failing = True
    assert await bench.fails(policy="Always") == ("ErrImagePull", "nginx:1: not found")


@pytest.mark.parametrize("name", ["", "Nginx:1", "nginx:", "nginx@sha256:12", "https://nginx"])
async def test_names_that_are_none(bench: Bench, name: str) -> None:
    assert (await bench.fails(name))[0] == "InvalidImageName"


@pytest.mark.parametrize(
    "name",
    ["nginx", "nginx:1.7.9", "localhost:5000/a/b_c:v1", "registry.k8s.io/pause@sha256:" + "a" * 64, "127.0.0.1:1/x"],
)
async def test_names_that_are_good(bench: Bench, name: str) -> None:
    assert isinstance(await bench.ensure(name), Image)


async def test_back_off(bench: Bench) -> None:
    bench.registry.failing = True
    assert await bench.fails() == ("ErrImagePull", "nginx:1: not found")
    message = 'Back-off pulling image "nginx:1": ErrImagePull: nginx:1: not found'
    assert await bench.fails() == ("ImagePullBackOff", message)
    await bench.clock.advance(10)
    assert (await bench.fails())[0] == "ErrImagePull"
    await bench.clock.advance(10)
    assert (await bench.fails())[0] == "ImagePullBackOff"
    await bench.clock.advance(10)
    bench.registry.failing = False
    assert isinstance(await bench.ensure(), Image)
    assert [reason for reason, _ in bench.notes.noted] == [
        *("Pulling", "Failed", "Failed", "BackOff", "Failed"),
        *("Pulling", "Failed", "Failed", "BackOff", "Failed"),
        *("Pulling", "Pulled"),
    ]


async def test_pods_share_a_pull(bench: Bench) -> None:
    async def one() -> Image:
        return await bench.images.ensure(POD, Container(name="nginx", image="nginx:1"), PATH)

    tasks = [asyncio.get_running_loop().create_task(one()) for _ in range(3)]
    await bench.clock.advance(0.5)
    tasks[0].cancel()
    await bench.clock.advance(5)
    assert [task.cancelled() or task.result().reference for task in tasks] == [True, "nginx:1", "nginx:1"]
    assert bench.registry.pulls == ["nginx:1"]


async def test_credentials_are_tried_in_turn(bench: Bench) -> None:
    bench.registry.password = "right"
    bench.credentials = [RegistryCredentials("a", "wrong"), RegistryCredentials("b", "right")]
    assert isinstance(await bench.ensure(), Image)
    assert bench.registry.pulls == ["nginx:1", "nginx:1"]


async def test_a_pull_is_shared_only_with_the_same_password(bench: Bench) -> None:
    bench.registry.password = "right"
    outcomes = []
    for password in ("wrong", "right"):
        bench.credentials = [RegistryCredentials("a", password)]
        ensuring = bench.images.ensure(POD, Container(name="nginx", image="nginx:1"), PATH)
        outcomes.append(asyncio.get_running_loop().create_task(ensuring))
        await bench.clock.advance(0.5)
    await bench.clock.advance(5)
    assert [type(outcome.exception()) for outcome in outcomes] == [ImageFailed, type(None)]


@pytest.mark.parametrize(("seconds", "text"), [(0.0274, "27ms"), (1.5, "1.5s"), (2, "2s"), (61.25, "1m1.25s")])
def test_durations_as_go_prints_them(seconds: float, text: str) -> None:
    assert milliseconds(seconds) == text
