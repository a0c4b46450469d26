"""Which budgets select a pod, and which pods a budget selects, without looking at all of them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from petset.api.selectors import NOTHING, Selector, SelectorError, selector_of
from petset.api.types import Pod, PodDisruptionBudget
from petset.controllers.endpoints.selection import LABEL_INDEX, OF_ONE_POD, label_key

BUDGET_INDEX = "budgets by label"
"""The name of the budgets' index by `budget_label`."""


def selector_of_budget(budget: PodDisruptionBudget) -> Selector:
    """What a budget selects; nothing when its selector cannot be understood."""
    try:
        return selector_of(budget.spec.selector)
    except SelectorError:
        return NOTHING


def budget_label(budget: PodDisruptionBudget) -> Iterable[str]:
    """Index function: one label that every pod of the budget has, or its namespace when no single one is asked for."""
    namespace, selector = budget.metadata.namespace, budget.spec.selector
    labels = selector.match_labels if selector is not None else {}
    names = sorted(labels.keys() - OF_ONE_POD)
    return (label_key(namespace, names[0], labels[names[0]]) if names else namespace,)


def budgets_of(
    pod: Pod, by_index: Callable[[str, str], Sequence[PodDisruptionBudget]]
) -> Iterator[PodDisruptionBudget]:
    """The budgets that select a pod."""
    namespace, labels = pod.metadata.namespace, pod.metadata.labels
    places = [namespace, *(label_key(namespace, name, value) for name, value in labels.items())]
    for place in places:
        for budget in by_index(BUDGET_INDEX, place):
            if selector_of_budget(budget).matches(labels):
                yield budget


def pods_of(
    budget: PodDisruptionBudget,
    by_index: Callable[[str, str], Sequence[Pod]],
    all_pods: Callable[[str], Sequence[Pod]],
) -> tuple[Pod, ...]:
    """The pods that a budget selects; `by_index` is that of pods by `by_label`."""
    (place,) = budget_label(budget)
    namespace = budget.metadata.namespace
    candidates = all_pods(namespace) if place == namespace else by_index(LABEL_INDEX, place)
    selector = selector_of_budget(budget)
    return tuple(pod for pod in candidates if selector.matches(pod.metadata.labels))
