"""What is counted about requests: under a microsecond or two each, in plain dictionaries.

`exposition` shows it in Prometheus' format, under upstream's names (apiserver's `endpoints/metrics`).
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from petset.aio.clock import Clock
from petset.aio.histogram import Histogram
from petset.api.errors import StatusError
from petset.api.resources import Resource
from petset.httpd.routes import Route, asks_for_watch

_SMALL = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0)
SECONDS = (*_SMALL, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0)
BYTES = tuple(10.0**power for power in range(3, 10))

_CONNECTS = frozenset({"log", "exec", "attach", "portforward", "proxy"})
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_READS = frozenset({"GET", "LIST"})
_LONG_RUNNING = frozenset({"WATCH", "CONNECT"})
_CLIENT_LEFT = 499


class Labels(NamedTuple):
    """What tells requests apart; the values of each are few."""

    verb: str
    dry_run: str
    group: str
    version: str
    resource: str
    subresource: str
    scope: str


def labels_of(method: str, route: Route, query: Mapping[str, str], media_type: str) -> Labels:
    """The labels of a request for a resource, as upstream's `CleanVerb` and `CleanScope`."""
    target = route.target
    resource = target.resource
    verb = _verb(method, route, query, media_type)
    listed = "namespace" if target.namespace else "cluster"
    scope = "resource" if target.name or verb == "POST" else listed
    dry_run = "All" if query.get("dryRun") == "All" else ""
    return Labels(verb, dry_run, resource.group, resource.version, resource.plural, target.subresource, scope)


def _verb(method: str, route: Route, query: Mapping[str, str], media_type: str) -> str:
    if route.target.subresource in _CONNECTS:
        return "CONNECT"
    if method in ("GET", "HEAD"):
        if asks_for_watch(route, query):
            return "WATCH"
        return "GET" if route.target.name else "LIST"
    if method == "DELETE" and not route.target.name:
        return "DELETECOLLECTION"
    if method == "PATCH" and media_type == "application/apply-patch+yaml":
        return "APPLY"
    return method if method in _METHODS else "other"


class Requests:
    """All requests with the same labels."""

    __slots__ = ("codes", "labels", "running", "seconds", "sizes")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.codes: Counter[int] = Counter()
        self.seconds = Histogram(SECONDS)
        self.sizes = Histogram(BYTES)
        self.running = 0


class InFlight:
    """How many requests are under way, and the most of this second and the last."""

    __slots__ = ("_before", "_most", "_second", "now")

    def __init__(self) -> None:
        self.now = 0
        self._second = 0
        self._most = 0
        self._before = 0

    def begin(self, time: float) -> None:
        """One more."""
        self._turn(int(time))
        self.now += 1
        self._most = max(self._most, self.now)

    def end(self, time: float) -> None:
        """One less."""
        self._turn(int(time))
        self.now -= 1

    def most(self, time: float) -> int:
        """The most at the same time within the last second or two."""
        self._turn(int(time))
        return max(self._most, self._before)

    def _turn(self, second: int) -> None:
        if second != self._second:
            self._before = self._most if second == self._second + 1 else self.now
            self._most = self.now
            self._second = second


class Running:
    """One request under way."""

    __slots__ = ("_began", "_clock", "_in_flight", "_requests")

    def __init__(self, requests: Requests, in_flight: InFlight | None, clock: Clock, began: float) -> None:
        self._requests = requests
        self._in_flight = in_flight
        self._clock = clock
        self._began = began
        requests.running += 1
        if in_flight is not None:
            in_flight.begin(self._began)

    def end(self, code: int, size: int = 0) -> None:
        """It was answered with this code, and a body of that size."""
        requests, now = self._requests, self._clock.monotonic()
        requests.running -= 1
        requests.codes[code] += 1
        requests.seconds.observe(now - self._began)
        if requests.labels.verb in _READS:
            requests.sizes.observe(size)
        if self._in_flight is not None:
            self._in_flight.end(now)

    def fail(self, request: web.BaseRequest, error: BaseException) -> None:
        """It ended with an error."""
        if isinstance(error, StatusError):
            self.end(error.code)
        elif request.writer.output_size > 0:
            self.end(200)  # the answer had begun: a watch whose client leaves ends like this
        else:
            self.end(_CLIENT_LEFT if isinstance(error, asyncio.CancelledError | ConnectionError) else 500)


class RequestMetrics:
    """The counts of one server."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.read_only = InFlight()
        self.mutating = InFlight()
        self._watches = InFlight()
        self.authentications: Counter[str] = Counter()
        """By result, as upstream's `filters/metrics.go`. Who is refused there, or by `authorizations`, asks for no
        resource: such requests are not among `all`, nor are those for unknown paths."""
        self.authorizations: Counter[str] = Counter()
        self.watch_events: Counter[Resource[Any]] = Counter()
        self._by_labels: dict[Labels, Requests] = {}

    @property
    def open_watches(self) -> int:
        """How many watches there are now."""
        return self._watches.now

    def all(self) -> list[Requests]:
        """Everything counted so far."""
        return [*self._by_labels.values()]

    def begin(self, labels: Labels, began: float | None = None) -> Running:
        """A request begins, or did at that time; the caller has to end it."""
        began = self.clock.monotonic() if began is None else began
        requests = self._by_labels.get(labels)
        if requests is None:
            requests = self._by_labels[labels] = Requests(labels)
        if labels.verb in _LONG_RUNNING:
            in_flight = self._watches if labels.verb == "WATCH" else None
            return Running(requests, in_flight, self.clock, began)
        return Running(requests, self.read_only if labels.verb in _READS else self.mutating, self.clock, began)
