"""Which Services select a pod, and which pods a Service selects, without looking at all of them. Pure.

A selector asks for several labels at once. Both ways start from the one that the fewest others have, since labels such
as `app.kubernetes.io/name` are shared by everything that came out of one chart.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from petset.api.meta import Key, key_of
from petset.api.types import Pod, Service

LABEL_INDEX = "label"
"""The name of the pods' index by `by_label`."""

Label = tuple[str, str]
"""Name and value."""

OF_ONE_POD = frozenset({"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"})


def label_key(namespace: str, name: str, value: str) -> str:
    """A label as an index key."""
    return f"{namespace}/{name}={value}"


def by_label(pod: Pod) -> Iterable[str]:
    """Index function: the labels of a pod, but for those that would make an index of single pods."""
    meta = pod.metadata
    return [label_key(meta.namespace, name, value) for name, value in meta.labels.items() if name not in OF_ONE_POD]


def selected_pods(
    service: Service, by_index: Callable[[str, str], Sequence[Pod]], all_pods: Callable[[str], Sequence[Pod]]
) -> list[Pod]:
    """The pods that have every label the Service asks for."""
    namespace, selector = service.metadata.namespace, service.spec.selector
    found = [
        by_index(LABEL_INDEX, label_key(namespace, name, value))
        for name, value in selector.items()
        if name not in OF_ONE_POD
    ]
    candidates = min(found, key=len) if found else all_pods(namespace)
    return [pod for pod in candidates if selector.items() <= pod.metadata.labels.items()]


class Selectors:
    """The selectors of all Services, each filed in its namespace under one of its labels."""

    def __init__(self) -> None:
        self._filed: defaultdict[str, dict[Label, dict[Key, Mapping[str, str]]]] = defaultdict(dict)
        self._places: dict[Key, Label] = {}

    def put(self, service: Service) -> None:
        """Files a Service; one without selector selects nothing and is not filed."""
        key, selector = key_of(service), service.spec.selector
        self.remove(key)
        if not selector:
            return
        filed = self._filed[key.namespace]
        place = min(selector.items(), key=lambda label: len(filed.get(label, ())))
        filed.setdefault(place, {})[key] = selector
        self._places[key] = place

    def remove(self, key: Key) -> None:
        """Takes a Service out."""
        place = self._places.pop(key, None)
        if place is None:
            return
        filed = self._filed[key.namespace]
        del filed[place][key]
        if not filed[place]:
            del filed[place]
        if not filed:
            del self._filed[key.namespace]

    def of(self, pod: Pod) -> Iterator[Key]:
        """The Services that select a pod."""
        filed = self._filed.get(pod.metadata.namespace)
        if filed is None:
            return
        labels = pod.metadata.labels
        for label in labels.items():
            for key, selector in filed.get(label, {}).items():
                if selector.items() <= labels.items():
                    yield key
