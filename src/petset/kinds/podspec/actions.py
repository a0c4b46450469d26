"""Validation of what can be done to a container from outside: probes and lifecycle handlers."""

import re
from collections.abc import Iterator
from typing import Protocol

from petset.api.field import FieldError, forbidden, invalid, required
from petset.api.types import (
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    Probe,
    SleepAction,
    TCPSocketAction,
)
from petset.kinds.checks import not_negative, one_of, optional_one_of, port_number, port_number_or_name

_HEADER_PATTERN = "[-A-Za-z0-9]+"
_HEADER_RULE = (
    "a valid HTTP header must consist of alphanumeric characters or '-' "
    f"(e.g. 'X-Header-Name', regex used for validation is '{_HEADER_PATTERN}')"
)


_NUMBERED = [f"RTMIN+{number}" for number in range(1, 16)] + [f"RTMAX-{number}" for number in range(1, 15)]
# fmt: off
_NAMED = (
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "RTMAX", "RTMIN", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN",
    "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
)
# fmt: on
_SIGNALS = {
    "linux": frozenset(f"SIG{name}" for name in (*_NAMED, *_NUMBERED)),
    "windows": frozenset({"SIGKILL", "SIGTERM"}),
}


class Handler(Protocol):
    """What probes and lifecycle handlers have in common."""

    exec: ExecAction | None
    http_get: HTTPGetAction | None
    tcp_socket: TCPSocketAction | None


def liveness_errors(path: str, probe: Probe | None) -> Iterator[FieldError]:
    """A liveness or startup probe: one success is all they can ask for."""
    yield from _probe_errors(path, probe)
    if probe is not None and probe.success_threshold != 1:
        yield invalid(f"{path}.successThreshold", probe.success_threshold or 0, "must be 1")


def readiness_errors(path: str, probe: Probe | None) -> Iterator[FieldError]:
    """A readiness probe: it kills nothing, so it has no grace period."""
    yield from _probe_errors(path, probe)
    if probe is not None and probe.termination_grace_period_seconds is not None:
        seconds = probe.termination_grace_period_seconds
        yield invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must not be set for readinessProbes")


def lifecycle_errors(
    path: str, lifecycle: Lifecycle | None, grace: int | None, system: str | None
) -> Iterator[FieldError]:
    """The hooks of a container; a sleep must end within the grace period of the pod."""
    if lifecycle is None:
        return
    for name, handler in (("postStart", lifecycle.post_start), ("preStop", lifecycle.pre_stop)):
        if handler is not None:
            yield from _lifecycle_handler_errors(f"{path}.{name}", handler, grace)
    if lifecycle.stop_signal is not None:
        yield from _stop_signal_errors(f"{path}.stopSignal", lifecycle.stop_signal, system)


def _stop_signal_errors(path: str, signal: str, system: str | None) -> Iterator[FieldError]:
    """Which signals there are depends on the system, so that has to be told."""
    if system is None:
        yield forbidden(path, "may not be set for containers with empty `spec.os.name`")
    elif system in _SIGNALS:
        yield from optional_one_of(path, signal, _SIGNALS[system])


def _probe_errors(path: str, probe: Probe | None) -> Iterator[FieldError]:
    if probe is None:
        return
    yield from _handler_errors(path, probe, grpc=probe.grpc)
    yield from not_negative(f"{path}.initialDelaySeconds", probe.initial_delay_seconds)
    yield from not_negative(f"{path}.timeoutSeconds", probe.timeout_seconds)
    yield from not_negative(f"{path}.periodSeconds", probe.period_seconds)
    yield from not_negative(f"{path}.successThreshold", probe.success_threshold)
    yield from not_negative(f"{path}.failureThreshold", probe.failure_threshold)
    seconds = probe.termination_grace_period_seconds
    if seconds is not None and seconds <= 0:
        yield invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must be greater than 0")


def _lifecycle_handler_errors(path: str, handler: LifecycleHandler, grace: int | None) -> Iterator[FieldError]:
    yield from _handler_errors(path, handler, sleep=handler.sleep)
    longest = 0 if grace is None else grace
    if handler.sleep is not None and not 0 <= handler.sleep.seconds <= longest:
        rule = f"must be non-negative and less than terminationGracePeriodSeconds ({longest})"
        yield invalid(f"{path}.sleep", handler.sleep.seconds, rule)


def _handler_errors(
    path: str, handler: Handler, *, grpc: GRPCAction | None = None, sleep: SleepAction | None = None
) -> Iterator[FieldError]:
    actions = {
        "exec": handler.exec,
        "httpGet": handler.http_get,
        "tcpSocket": handler.tcp_socket,
        "grpc": grpc,
        "sleep": sleep,
    }
    given = [name for name, action in actions.items() if action is not None]
    if not given:
        yield required(path, "must specify a handler type")
    for name in given[1:]:
        yield forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    if handler.exec is not None and not handler.exec.command:
        yield required(f"{path}.exec.command")
    if handler.http_get is not None:
        yield from _http_get_errors(f"{path}.httpGet", handler.http_get)
    if handler.tcp_socket is not None:
        yield from port_number_or_name(f"{path}.tcpSocket.port", handler.tcp_socket.port)
    if grpc is not None:
        yield from port_number(f"{path}.grpc.port", grpc.port)


def _http_get_errors(path: str, action: HTTPGetAction) -> Iterator[FieldError]:
    if not action.path:
        yield required(f"{path}.path")
    yield from port_number_or_name(f"{path}.port", action.port)
    yield from one_of(f"{path}.scheme", action.scheme, ("HTTP", "HTTPS"))
    for header in action.http_headers:
        if not re.fullmatch(_HEADER_PATTERN, header.name):
            yield invalid(f"{path}.httpHeaders", header.name, _HEADER_RULE)
