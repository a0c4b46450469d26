"""`/metrics`: what is counted, under upstream's names, in the format that Prometheus reads.

Imported when first asked for. The counts are taken on the event loop, which changes them, and written in a thread.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    UnknownMetricFamily,
)

import petset
from petset.aio.histogram import Histogram
from petset.aio.queue import living_queues
from petset.api.types import StatefulSet
from petset.apiserver.discovery import KUBERNETES_MINOR
from petset.apiserver.registry import Registry
from petset.httpd.metrics import Labels, RequestMetrics

_REQUEST = ("verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component")
_LIVE = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_RESULT = ("result",)
_SET = ("statefulset_namespace", "statefulset_name", "pod_management_policy")
_COMPONENT = "apiserver"


class Taken:
    """What was counted, at one moment."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> list[Metric]:
        """As Prometheus' library asks for it."""
        return self._families

    def written(self, accept: str) -> tuple[bytes, str]:
        """The body and its media type, for this Accept header. May run in any thread."""
        encode: Callable[[Any], bytes]
        encode, media_type = choose_encoder(accept)
        return encode(self), media_type


class Exposition:
    """All that is shown of one server."""

    def __init__(self, requests: RequestMetrics, objects: Registry) -> None:
        self._requests = requests
        self._objects = objects
        self._process = CollectorRegistry(auto_describe=False)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._process)

    def take(self) -> Taken:
        """The counts of now. Belongs on the event loop."""
        return Taken((*self._process.collect(), *self._of_requests(), *self._of_objects(), *_of_queues(), _build()))

    def _of_requests(self) -> Iterator[Metric]:
        requests, now = self._requests, self._requests.clock.monotonic()
        total = CounterMetricFamily("apiserver_request", "Requests that were answered.", labels=(*_REQUEST, "code"))
        seconds = HistogramMetricFamily(
            "apiserver_request_duration_seconds", "Seconds from a request to the end of its answer.", labels=_REQUEST
        )
        sizes = HistogramMetricFamily("apiserver_response_sizes", "Bytes of answers to reads.", labels=_LIVE)
        running = GaugeMetricFamily(
            "apiserver_longrunning_requests", "Watches and streams that are open.", labels=_LIVE
        )
        for one in requests.all():
            labels, live = (*one.labels, _COMPONENT), (*_without_dry_run(one.labels), _COMPONENT)
            for code, count in one.codes.items():
                total.add_metric((*labels, str(code)), count)
            _add(seconds, labels, one.seconds)
            if one.sizes.count:
                _add(sizes, live, one.sizes)
            if one.labels.verb in ("WATCH", "CONNECT"):
                running.add_metric(live, one.running)
        in_flight = GaugeMetricFamily(
            "apiserver_current_inflight_requests",
            "Most requests under way at the same time in the last second.",
            labels=("request_kind",),
        )
        in_flight.add_metric(("readOnly",), requests.read_only.most(now))
        in_flight.add_metric(("mutating",), requests.mutating.most(now))
        events = CounterMetricFamily(
            "apiserver_watch_events", "Changes sent to watchers.", labels=("group", "version", "resource")
        )
        for resource, count in requests.watch_events.items():
            events.add_metric((resource.group, resource.version, resource.plural), count)
        yield from (total, seconds, sizes, running, in_flight, events, *self._of_refusals())

    def _of_refusals(self) -> Iterator[Metric]:
        who = UnknownMetricFamily(
            "authentication_attempts", "Requests by whether it is known who sent them.", labels=_RESULT
        )
        for result, count in self._requests.authentications.items():
            who.add_metric((result,), count)
        may = CounterMetricFamily("authorization_attempts", "Requests by whether their sender may.", labels=_RESULT)
        for result, count in self._requests.authorizations.items():
            may.add_metric((result,), count)
        yield from (who, may)

    def _of_objects(self) -> Iterator[Metric]:
        by_name = GaugeMetricFamily("apiserver_storage_objects", "Objects that are stored.", labels=("resource",))
        by_group = GaugeMetricFamily(
            "apiserver_resource_objects", "Objects that are stored.", labels=("group", "resource")
        )
        sizes = GaugeMetricFamily(
            "apiserver_resource_size_estimate_bytes",
            "Bytes of the objects that are stored.",
            labels=("group", "resource"),
        )
        for resource in self._objects.catalogue.resources:
            if resource.view is not None:
                continue
            records = self._objects.store.list(resource.collection).records
            place = (resource.group, resource.plural)
            by_name.add_metric((f"{resource.plural}.{resource.group}".rstrip("."),), len(records))
            by_group.add_metric(place, len(records))
            sizes.add_metric(place, sum([len(record.value) for record in records]))
        yield from (by_name, by_group, sizes, *self._of_sets())

    def _of_sets(self) -> Iterator[Metric]:
        prefix = "statefulset_controller_statefulset"
        missing = GaugeMetricFamily(f"{prefix}_unavailable_replicas", "Pods that are not available.", labels=_SET)
        permitted = GaugeMetricFamily(
            f"{prefix}_max_unavailable", "Pods that may be unavailable during a rolling update.", labels=_SET
        )
        for set_ in self._objects.all(StatefulSet):
            spec, metadata = set_.spec, set_.metadata
            labels = (metadata.namespace, metadata.name, spec.pod_management_policy or "")
            replicas = 1 if spec.replicas is None else spec.replicas
            missing.add_metric(labels, max(0, replicas - (set_.status.available_replicas or 0)))
            rolling = spec.update_strategy.rolling_update
            permitted.add_metric(labels, _pods(rolling.max_unavailable if rolling else None, replicas))
        yield from (missing, permitted)


def _of_queues() -> Iterator[Metric]:
    name = ("name",)
    depth = GaugeMetricFamily("workqueue_depth", "Keys that wait for a worker.", labels=name)
    adds = CounterMetricFamily("workqueue_adds", "Keys that were added.", labels=name)
    retries = CounterMetricFamily("workqueue_retries", "Keys that were added again after a back-off.", labels=name)
    waits = HistogramMetricFamily("workqueue_queue_duration_seconds", "Seconds that keys waited.", labels=name)
    runs = HistogramMetricFamily("workqueue_work_duration_seconds", "Seconds that the work on a key took.", labels=name)
    unfinished = GaugeMetricFamily("workqueue_unfinished_work_seconds", "Seconds of work under way.", labels=name)
    longest = GaugeMetricFamily(
        "workqueue_longest_running_processor_seconds", "Seconds of the longest work under way.", labels=name
    )
    shown: Counter[str] = Counter()
    for queue in living_queues():
        shown[queue.name] += 1
        if shown[queue.name] > 1:  # a name twice would make the page unreadable
            continue
        labels, running = (queue.name,), queue.running()
        depth.add_metric(labels, len(queue))
        adds.add_metric(labels, queue.adds)
        retries.add_metric(labels, queue.retries)
        _add(waits, labels, queue.waits)
        _add(runs, labels, queue.runs)
        unfinished.add_metric(labels, sum(running))
        longest.add_metric(labels, max(running, default=0.0))
    yield from (depth, adds, retries, waits, runs, unfinished, longest)


def _build() -> Metric:
    family = GaugeMetricFamily("kubernetes_build_info", "The version.", labels=("major", "minor", "git_version"))
    version = f"v1.{KUBERNETES_MINOR}.0-petset.{petset.__version__}"
    family.add_metric(("1", str(KUBERNETES_MINOR), version), 1)
    return family


def _add(family: HistogramMetricFamily, labels: tuple[str, ...], histogram: Histogram) -> None:
    buckets = [(_bound(bound), count) for bound, count in histogram.cumulative()]
    family.add_metric(labels, buckets, histogram.total)


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else f"{bound:g}"


def _without_dry_run(labels: Labels) -> tuple[str, ...]:
    return (labels.verb, *labels[2:])


def _pods(share: int | str | None, replicas: int) -> int:
    """The number of pods that maxUnavailable stands for, at least one."""
    if isinstance(share, str):
        share = int(share.rstrip("%") or 0) * replicas // 100
    return max(1, share or 1)
