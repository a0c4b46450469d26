"""Probes: thresholds, when they ask, and how they ask a real server."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from aiohttp import web

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.meta import Key
from petset.api.types import (
    Container,
    ContainerPort,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    LifecycleHandler,
    ObjectMeta,
    Pod,
    PodSpec,
    Probe,
    SleepAction,
    TCPSocketAction,
)
from petset.client.recorder import EventRecorder
from petset.node.pods.model import Health, ProbeKind, Probing
from petset.node.probes.handlers import ContainerHooks, ContainerProber, Target, target_of
from petset.node.probes.results import Outcome, Verdict, early_pause, judge
from petset.node.probes.schedule import ProbeSchedule, Subject
from petset.node.runtimes.errors import ExecFailed, RuntimeUnavailable
from petset.node.runtimes.interface import ExecResult
from petset.node.runtimes.simulated import SimulatedRuntime
from petset.testing.clock import VirtualClock
from tests.unit.client.scripted import ScriptedClient

YES, NO = Outcome(success=True), Outcome(success=False, message="it is ill")
ERROR = Outcome(success=False, message="cannot ask", errored=True)


# --- thresholds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "healthy"),
    [
        ([YES], True),
        ([NO, NO], None),
        ([NO, NO, NO], False),
        ([YES, NO, NO], True),
        ([YES, NO, NO, NO], False),
        ([YES, NO, NO, YES, NO, NO], True),
        ([NO, NO, NO, YES], True),
        ([NO, ERROR, NO, ERROR, ERROR], None),
        ([NO, ERROR, NO, ERROR, NO], False),
    ],
)
def test_three_failures_in_a_row_and_one_success(answers: list[Outcome], healthy: bool | None) -> None:
    verdict = Verdict()
    for answer in answers:
        verdict = judge(verdict, Probe(), answer)
    assert verdict.healthy is healthy


def test_thresholds_of_the_probe() -> None:
    probe = Probe(success_threshold=2, failure_threshold=1)
    verdict = judge(Verdict(), probe, YES)
    assert verdict.healthy is None
    assert judge(verdict, probe, YES).healthy is True
    assert judge(verdict, probe, NO).healthy is False


def test_early_questions_end_with_the_first_period() -> None:
    elapsed = 0.0
    pauses: list[float] = []
    while (pause := early_pause(len(pauses), elapsed, 2.0)) is not None:
        pauses.append(pause)
        elapsed += pause
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8]


# --- schedule ---------------------------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """A prober that says what a test wants, and notes when it was asked."""

    clock: VirtualClock
    answer: Callable[[float], Outcome] = lambda _: YES
    asked: list[float] = field(default_factory=list)

    async def probe(self, target: Target, probe: Probe) -> Outcome:
        self.asked.append(round(self.clock.monotonic(), 3))
        return self.answer(self.clock.monotonic())


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
        self.prober = Scripted(clock)
        self.notes = Notes(clock)
        self.changes: list[Key] = []
        self.schedule = ProbeSchedule(self.prober, self.notes, tasks, clock, self.changes.append)
        self.known: tuple[Probing, ...] = ()

    def want(self, kind: ProbeKind | None, probe: Probe, started: datetime | None = None) -> None:
        container = Container(name="nginx")
        setattr(container, f"{kind or 'readiness'}_probe", probe)
        pod = Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=PodSpec(containers=[container]))
        subject = Subject(pod, "10.244.0.5", {"id": started or self.clock.now()})
        wanted = (Probing("id", kind, "nginx"),) if kind is not None else ()
        self.schedule.want(subject, wanted, self.known)
        self.known = wanted

    def health(self) -> Health:
        return self.schedule.health("id")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    clock = VirtualClock()
    async with Supervisor("test", clock) as tasks:
        bench = Bench(tasks, clock)
        tasks.start("probes", bench.schedule.run)
        yield bench


HTTP = HTTPGetAction(port=80)
EXEC = ExecAction(command=["true"])


async def test_the_first_question_comes_at_once_and_then_every_period(bench: Bench) -> None:
    bench.want("readiness", Probe(exec=EXEC, period_seconds=5))
    await bench.clock.advance(11)
    assert bench.prober.asked == [0, 5, 10]
    assert bench.health() == Health(readiness=True)
    assert bench.changes == [Key("default", "web-0")]


async def test_the_initial_delay_counts_from_the_start_of_the_container(bench: Bench) -> None:
    started = bench.clock.now()
    await bench.clock.advance(4)
    bench.want("liveness", Probe(http_get=HTTP, initial_delay_seconds=10, period_seconds=5), started)
    await bench.clock.advance(12)
    assert bench.prober.asked == [10, 15]


async def test_a_container_that_gets_ready_within_its_first_period_is_noticed(bench: Bench) -> None:
    bench.prober.answer = lambda now: YES if now >= 0.3 else NO
    bench.want("readiness", Probe(http_get=HTTP, period_seconds=10))
    await bench.clock.advance(0.5)
    assert bench.prober.asked == [0, 0.05, 0.15, 0.35]
    assert bench.health() == Health(readiness=True)
    assert not bench.notes.noted
    await bench.clock.advance(20)
    assert bench.prober.asked[4:] == [10, 20]


async def test_failures_are_told_and_counted(bench: Bench) -> None:
    bench.prober.answer = lambda now: YES if now < 1 else NO
    bench.want("readiness", Probe(http_get=HTTP, period_seconds=10))
    await bench.clock.advance(25)
    assert bench.health() == Health(readiness=True)
    await bench.clock.advance(10)
    assert bench.health() == Health(readiness=False)
    assert bench.notes.noted == [("Unhealthy", "Readiness probe failed: it is ill")] * 3
    assert len(bench.changes) == 2


async def test_a_condemned_container_is_not_asked_again(bench: Bench) -> None:
    bench.prober.answer = lambda _: NO
    bench.want("liveness", Probe(http_get=HTTP, period_seconds=1, failure_threshold=2))
    await bench.clock.advance(10)
    assert bench.prober.asked == [0, 1]
    assert bench.health() == Health(liveness=False)


async def test_a_startup_probe_has_threshold_times_period(bench: Bench) -> None:
    bench.prober.answer = lambda _: NO
    bench.want("startup", Probe(http_get=HTTP, period_seconds=2, failure_threshold=3))
    await bench.clock.advance(5.9)
    assert bench.health() == Health()
    await bench.clock.advance(0.2)
    assert bench.health() == Health(startup=False)


async def test_an_error_says_nothing_about_the_container(bench: Bench) -> None:
    bench.prober.answer = lambda _: ERROR
    bench.want("liveness", Probe(exec=EXEC, period_seconds=1, failure_threshold=1))
    await bench.clock.advance(3)
    assert bench.health() == Health()
    assert bench.notes.noted[0] == ("Unhealthy", "Liveness probe errored: cannot ask")


async def test_a_probe_that_is_no_longer_wanted_ends(bench: Bench) -> None:
    bench.want("readiness", Probe(exec=EXEC, period_seconds=1))
    await bench.clock.advance(2.5)
    bench.want(None, Probe())
    await bench.clock.advance(5)
    assert bench.prober.asked == [0, 1, 2]
    bench.schedule.forget("id")
    assert bench.health() == Health()


# --- HTTP and TCP -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    """A server on the loopback: `/status/<code>`, `/slow`, `/to?<location>`, `/headers`."""

    async def status(request: web.Request) -> web.Response:
        return web.Response(status=int(request.match_info["code"]))

    async def slow(_: web.Request) -> web.Response:
        await SystemClock().sleep(3)
        return web.Response()

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query_string})

    async def loop(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/loop"})

    async def headers(request: web.Request) -> web.Response:
        good = request.headers.get("X-Token") == "t" and request.headers["User-Agent"].startswith("kube-probe/")
        return web.Response(status=200 if good and request.host == "web.example" else 400)

    app = web.Application()
    app.add_routes(
        [
            web.get("/loop", loop),
            web.get("/status/{code}", status),
            web.get("/slow", slow),
            web.get("/to", redirect),
            web.get("/headers", headers),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


PROBER = ContainerProber(SimulatedRuntime(VirtualClock()))


def target(port: int) -> Target:
    container = Container(name="nginx", ports=[ContainerPort(name="web", container_port=port)])
    return target_of(container, "id", "127.0.0.1")


@pytest.mark.parametrize(
    ("path", "success"),
    [
        ("/status/200", True),
        ("status/204", True),
        ("/status/304", True),
        ("/status/399", True),
        ("/status/400", False),
        ("/status/500", False),
        ("/to?/status/200", True),
        ("/to?/status/500", False),
        ("/to?http://other.example/", True),
    ],
)
async def test_http(path: str, *, success: bool) -> None:
    async with server() as port:
        outcome = await PROBER.probe(target(port), Probe(http_get=HTTPGetAction(path=path, port="web")))
    assert (outcome.success, outcome.errored) == (success, False)


async def test_messages_of_http() -> None:
    async with server() as port:
        failed = await PROBER.probe(target(port), Probe(http_get=HTTPGetAction(path="/status/503", port=port)))
        late = await PROBER.probe(target(port), Probe(http_get=HTTPGetAction(path="/slow", port=port)))
    refused = await PROBER.probe(target(port), Probe(http_get=HTTPGetAction(path="/", port=port)))
    assert failed.message == "HTTP probe failed with statuscode: 503"
    assert refused.message == (
        f'Get "http://127.0.0.1:{port}/": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )
    assert late.message == (
        f'Get "http://127.0.0.1:{port}/slow": '
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    )


async def test_headers_of_http() -> None:
    headers = [HTTPHeader(name="X-Token", value="t"), HTTPHeader(name="Host", value="web.example")]
    async with server() as port:
        action = HTTPGetAction(path="/headers", port=port, http_headers=headers)
        assert (await PROBER.probe(target(port), Probe(http_get=action))).success


async def test_redirects_do_not_go_on_for_ever() -> None:
    async with server() as port:
        action = HTTPGetAction(path="/loop", port=port)
        outcome = await PROBER.probe(target(port), Probe(http_get=action))
    assert not outcome.success


async def test_tcp() -> None:
    async with server() as port:
        assert (await PROBER.probe(target(port), Probe(tcp_socket=TCPSocketAction(port="web")))).success
    refused = await PROBER.probe(target(port), Probe(tcp_socket=TCPSocketAction(port="web")))
    assert refused == Outcome(success=False, message=f"dial tcp 127.0.0.1:{port}: connect: connection refused")


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        (Probe(tcp_socket=TCPSocketAction(port="none")), "couldn't find port: none"),
        (Probe(grpc=GRPCAction(port=1)), "gRPC probes are not supported"),
        (Probe(), "missing probe handler"),
    ],
)
async def test_what_cannot_be_asked(probe: Probe, message: str) -> None:
    assert await PROBER.probe(target(1), probe) == Outcome(success=False, message=message, errored=True)


# --- commands and hooks -----------------------------------------------------------------------------------------------


class Commands(SimulatedRuntime):
    """Commands whose names say how they end."""

    async def exec_sync(self, container_id: str, command: object, timeout_seconds: float) -> ExecResult:
        match list(command):  # type: ignore[call-overload]
            case ["late"]:
                raise TimeoutError
            case ["absent"]:
                raise ExecFailed("no such file", 127)
            case ["gone"]:
                raise RuntimeUnavailable("no engine")
            case ["fail"]:
                return ExecResult(1, b"it is ill")
        return ExecResult(0, b"fine")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("good", Outcome(success=True, message="fine")),
        ("fail", Outcome(success=False, message="it is ill")),
        ("absent", Outcome(success=False, message="no such file")),
        ("late", Outcome(success=False, message='command timed out: "late" timed out after 2s')),
        ("gone", Outcome(success=False, message="no engine", errored=True)),
    ],
)
async def test_commands(command: str, expected: Outcome) -> None:
    prober = ContainerProber(Commands(VirtualClock()))
    assert await prober.probe(target(1), Probe(exec=ExecAction(command=[command]), timeout_seconds=2)) == expected


@pytest.mark.parametrize(
    ("hook", "failure"),
    [
        (LifecycleHandler(exec=ExecAction(command=["good"])), ""),
        (LifecycleHandler(exec=ExecAction(command=["fail"])), "it is ill"),
        (LifecycleHandler(http_get=HTTPGetAction(port="none")), "couldn't find port: none"),
        (LifecycleHandler(sleep=SleepAction(seconds=0)), ""),
        (LifecycleHandler(), "invalid handler"),
    ],
)
async def test_hooks(hook: LifecycleHandler, failure: str) -> None:
    clock = VirtualClock()
    hooks = ContainerHooks(Commands(clock), clock)
    assert await hooks.run(Pod(), "id", "127.0.0.1", Container(name="nginx"), hook) == failure
