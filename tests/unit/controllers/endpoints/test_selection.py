"""Services and pods find each other as a look at all of them would tell."""

from hypothesis import given
from hypothesis import strategies as st

from petset.api.meta import Key, key_of
from petset.api.types import ObjectMeta, Pod, Service
from petset.client.cache import Cache
from petset.controllers.endpoints.selection import LABEL_INDEX, Selectors, by_label, selected_pods

NAMESPACES = st.sampled_from(["default", "other"])
LABELS = st.dictionaries(
    st.sampled_from(["app", "tier", "statefulset.kubernetes.io/pod-name"]), st.sampled_from(["a", "b"]), max_size=3
)


def pod(namespace: str, labels: dict[str, str]) -> Pod:
    return Pod(metadata=ObjectMeta(name="pod", namespace=namespace, labels=labels))


def service(namespace: str, selector: dict[str, str]) -> Service:
    service = Service(metadata=ObjectMeta(name="service", namespace=namespace))
    service.spec.selector = selector
    return service


def fits(service: Service, pod: Pod) -> bool:
    selector = service.spec.selector
    together = service.metadata.namespace == pod.metadata.namespace
    return bool(selector) and together and selector.items() <= pod.metadata.labels.items()


PODS = st.lists(st.builds(pod, NAMESPACES, LABELS), max_size=8)
SERVICES = st.lists(st.builds(service, NAMESPACES, LABELS), max_size=8)


@given(SERVICES, PODS, st.lists(st.integers(0, 7), max_size=4))
def test_the_services_of_a_pod(services: list[Service], pods: list[Pod], removed: list[int]) -> None:
    selectors = Selectors()
    there: dict[Key, Service] = {}
    for number, each in enumerate(services):
        each.metadata.name = f"service-{number % 5}"
        selectors.put(each)
        there[key_of(each)] = each
    for number in removed:
        for namespace in ("default", "other"):
            selectors.remove(Key(namespace, f"service-{number}"))
            there.pop(Key(namespace, f"service-{number}"), None)
    for each_pod in pods:
        assert sorted(selectors.of(each_pod)) == sorted(key for key, s in there.items() if fits(s, each_pod))


@given(st.builds(service, NAMESPACES, LABELS.filter(bool)), PODS)
def test_the_pods_of_a_service(subject: Service, pods: list[Pod]) -> None:
    cache: Cache[Pod] = Cache()
    cache.add_indexes({LABEL_INDEX: by_label})
    for number, each in enumerate(pods):
        each.metadata.name = f"pod-{number}"
        cache.put(each)
    found = selected_pods(subject, cache.by_index, cache.list)
    assert sorted(p.metadata.name for p in found) == sorted(p.metadata.name for p in pods if fits(subject, p))


def test_services_of_one_chart_are_filed_apart() -> None:
    """Looking for a pod's Services then touches those of its release, not of all releases."""
    selectors = Selectors()
    for number in range(100):
        each = service("default", {"chart": "postgresql", "release": f"r{number}"})
        each.metadata.name = f"service-{number}"
        selectors.put(each)
    assert max(len(filed) for filed in selectors._filed["default"].values()) == 1
