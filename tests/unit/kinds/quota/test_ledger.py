"""The sums of a namespace, and the words in which a quota refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petset.api.quantity import ZERO, parse
from petset.api.types import ConfigMap, Pod, ResourceQuota
from petset.kinds import CATALOGUE
from petset.kinds.quota.ledger import Ledger
from petset.kinds.quota.usage import charge_of
from tests.unit.kinds.samples import POD, Tree, created, defaulted, merged

PODS = CATALOGUE.of(Pod)
RESOURCES = CATALOGUE.resources


def quota(hard: Tree, name: str = "quota", **spec: object) -> ResourceQuota:
    return created(ResourceQuota, {"metadata": {"name": name}, "spec": {"hard": hard, **spec}})


def pod(cpu: str = "", name: str = "web-0", **spec: object) -> Pod:
    resources = {"requests": {"cpu": cpu}} if cpu else {}
    containers = [{"name": "c", "image": "i", "resources": resources}]
    return defaulted(Pod, merged(POD, {"metadata": {"name": name}, "spec": {"containers": containers, **spec}}))


def ledger(*quotas: ResourceQuota) -> Ledger:
    made = Ledger()
    for each in quotas:
        made.open(each)
    return made


def put(made: Ledger, obj: Pod) -> list[str]:
    return made.put(("pods", obj.metadata.name), charge_of(PODS, obj))


def refusal(made: Ledger, obj: Pod) -> str:
    return made.refusal(PODS, obj, charge_of(PODS, obj), made.charge(("pods", obj.metadata.name)))


def test_used_tells_every_limit_that_something_can_count_for() -> None:
    made = ledger(quota({"pods": "3", "requests.cpu": "1", "count/widgets.example.com": "1"}))
    put(made, pod("250m"))
    put(made, pod("1250m", "web-1"))
    assert made.used("quota", RESOURCES) == {"pods": "2", "requests.cpu": "1500m"}


def test_a_change_is_counted_once_and_names_the_quotas_that_notice() -> None:
    made = ledger(quota({"cpu": "1"}, "cpu"), quota({"pods": "1"}, "pods"), quota({"services": "1"}, "services"))
    assert put(made, pod("1")) == ["cpu", "pods"]
    assert put(made, pod("1")) == []
    assert put(made, pod("2")) == ["cpu"]
    assert made.put(("pods", "web-0"), None) == ["cpu", "pods"]
    assert made.put(("pods", "web-0"), None) == []
    assert made.used("cpu", RESOURCES) == {"cpu": "0"}


def test_what_was_there_counts_like_what_comes() -> None:
    limits = {"requests.cpu": "9", "requests.memory": "9Gi", "pods": "99"}
    early, late = ledger(quota(limits)), ledger()
    for number, amounts in enumerate([{"cpu": "1"}, {"cpu": "250m"}, {}, {"cpu": "1", "memory": "1Ki"}, {"cpu": "1"}]):
        containers = [{"name": "c", "image": "i", "resources": {"requests": amounts}}]
        for made in (early, late):
            put(made, pod(name=f"web-{number}", containers=containers))
    late.open(quota(limits))
    assert late.used("quota", RESOURCES) == early.used("quota", RESOURCES)
    assert late.used("quota", RESOURCES) == {"requests.cpu": "3250m", "requests.memory": "1Ki", "pods": "5"}


def test_a_quota_that_comes_later_counts_what_is_there() -> None:
    made = ledger()
    put(made, pod("1"))
    made.open(quota({"cpu": "5"}))
    assert made.used("quota", RESOURCES) == {"cpu": "1"}
    made.close("quota")
    assert not made


def test_a_quota_with_scopes_counts_what_is_in_them() -> None:
    made = ledger(quota({"pods": "5"}, scopes=["BestEffort"]))
    put(made, pod("1"))
    put(made, pod("", "web-1"))
    assert made.used("quota", RESOURCES) == {"pods": "1"}


@pytest.mark.parametrize(
    ("hard", "given_pod", "words"),
    [
        ({"pods": "2"}, pod(), ""),
        ({"pods": "1"}, pod(), "exceeded quota: quota, requested: pods=1, used: pods=1, limited: pods=1"),
        (
            {"requests.cpu": "1", "pods": "1", "count/pods": "9"},
            pod("750m"),
            (
                "exceeded quota: quota, requested: pods=1,requests.cpu=750m, used: pods=1,requests.cpu=500m, "
                "limited: pods=1,requests.cpu=1"
            ),
        ),
        ({"requests.cpu": "1"}, pod("500m"), ""),
        ({"requests.cpu": "9"}, pod(), "failed quota: quota: must specify requests.cpu for: c"),
        (
            {"limits.memory": "1", "cpu": "9"},
            pod(),
            "failed quota: quota: must specify cpu for: c; limits.memory for: c",
        ),
        ({"limits.memory": "1"}, pod(resources={"limits": {"memory": "1"}}), ""),
        ({"requests.ephemeral-storage": "1"}, pod(), ""),
        ({"services": "0"}, pod(), ""),
    ],
)
def test_a_new_pod_fits_or_is_told_why_not(hard: Tree, given_pod: Pod, words: str) -> None:
    made = ledger(quota(hard))
    put(made, pod("500m", "web-9"))
    assert refusal(made, given_pod) == words


def test_quotas_are_asked_in_the_order_of_their_names_those_that_ask_for_words_first() -> None:
    made = ledger(quota({"pods": "0"}, "a"), quota({"cpu": "1"}, "b"))
    assert refusal(made, pod()) == "failed quota: b: must specify cpu for: c"
    assert refusal(made, pod("1")).startswith("exceeded quota: a,")


def test_only_what_a_change_adds_has_to_fit() -> None:
    made = ledger(quota({"requests.cpu": "1"}))
    put(made, pod("2"))
    assert refusal(made, pod("1")) == ""
    assert refusal(made, pod("3")) == (
        "exceeded quota: quota, requested: requests.cpu=1, used: requests.cpu=2, limited: requests.cpu=1"
    )


def test_what_newly_falls_under_a_quota_has_to_fit_as_a_whole() -> None:
    made = ledger(quota({"pods": "0"}, scopes=["Terminating"]))
    put(made, pod())
    assert refusal(made, pod(activeDeadlineSeconds=9)) == (
        "exceeded quota: quota, requested: pods=1, used: pods=0, limited: pods=0"
    )


def test_a_limit_is_of_no_concern_to_other_kinds() -> None:
    made = ledger(quota({"pods": "0"}))
    maps = CATALOGUE.of(ConfigMap)
    obj = defaulted(ConfigMap, {"metadata": {"name": "c"}})
    assert made.refusal(maps, obj, charge_of(maps, obj), None) == ""


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "100m", "1", "1500m", "gone"]))))
def test_the_sums_are_those_of_counting_anew(steps: list[tuple[str, str]]) -> None:
    made = ledger(quota({"pods": "9", "requests.cpu": "9"}))
    there: dict[str, str] = {}
    for name, cpu in steps:
        if cpu == "gone":
            made.put(("pods", name), None)
            there.pop(name, None)
        else:
            put(made, pod(cpu, name))
            there[name] = cpu
    used = made.used("quota", RESOURCES)
    whole = sum((parse(cpu) for cpu in there.values() if cpu), start=ZERO)
    assert used == {"pods": str(len(there)), "requests.cpu": str(whole)}
