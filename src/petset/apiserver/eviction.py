"""POST to `pods/eviction`: deletes a pod unless its disruption budget has nothing left.

Follows upstream's `registry/core/pod/storage/eviction.go`. What upstream retries on a conflict is decided here against
the newest state at once; the budget's loss is durable before the pod is touched.
"""

from dataclasses import replace

from petset.api.errors import BadRequest, BareFailure, Forbidden, Invalid, TooManyRequests
from petset.api.field import invalid
from petset.api.meta import copy, get_condition, is_pod_ready, is_terminating, set_condition
from petset.api.selectors import SelectorError, selector_of
from petset.api.types import (
    DeleteOptions,
    Eviction,
    Pod,
    PodCondition,
    PodDisruptionBudget,
    Preconditions,
)
from petset.apiserver import decoding, delete, metadata
from petset.apiserver.registry import Registry
from petset.apiserver.request import Answer, Content, Identity, Target, WriteOptions, dry_runs
from petset.apiserver.write import Change, put
from petset.kinds.disruption import decide_condition

MOST_DISRUPTED = 2000
"""Evicted pods that a budget remembers while its controller has not seen them go."""
_PENDING_SECONDS = 10
_SERVER = Identity("system:apiserver", ("system:masters",))
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."


async def evict(change: Change, content: Content) -> Answer:
    """Deletes a pod with the Eviction's options, within its budget.

    Raises BadRequest, NotFound, Conflict, Forbidden, TooManyRequests, and a 500 for a pod with several budgets.
    """
    eviction, warnings = decoding.read_as(content, Eviction, "policy/v1", change.options.field_validation)
    if eviction.metadata.name != change.target.name:
        raise BadRequest("name in URL does not match name in Eviction object")
    metadata.place(change.resource, eviction, change.target.namespace)
    options = _options(change, eviction)
    pod = _pod(change)
    if not _needs_no_budget(pod):
        await _spend(change, pod, dry_run=dry_runs(options))
    options = await _announce(change, options)
    return replace(await delete.delete(change, options), warnings=warnings)


def _options(change: Change, eviction: Eviction) -> DeleteOptions:
    """The deletion's options, tried only when the request or the Eviction says so. Raises Invalid."""
    options = copy(eviction.delete_options) if eviction.delete_options is not None else DeleteOptions()
    if options.ignore_store_read_error_with_cluster_breaking_potential:
        path = "deleteOptions.ignoreStoreReadErrorWithClusterBreakingPotential"
        text = "can not be set for pod eviction, try after removing the option"
        raise Invalid.of("policy", "Eviction", change.target.name, [invalid(path, value=True, detail=text)])
    if change.options.dry_run and not options.dry_run:
        options.dry_run = ["All"]
    delete.check_options(options)  # before a budget pays for a deletion that would be refused
    return options


def _pod(change: Change) -> Pod:
    pod: Pod = change.registry.decode(change.resource, change.newest().value)
    return pod


def _needs_no_budget(pod: Pod) -> bool:
    """Whether the pod is down already, or not up yet."""
    return pod.status.phase in ("Failed", "Pending", "Succeeded") or is_terminating(pod)


# --- the budget -------------------------------------------------------------------------------------------------------


async def _spend(change: Change, pod: Pod, *, dry_run: bool) -> None:
    """Takes one disruption from the budget of a pod that has one. Raises TooManyRequests."""
    budgets = _budgets_of(change.registry, pod)
    if len(budgets) > 1:
        raise BareFailure(_SEVERAL)
    for budget in budgets:
        if is_pod_ready(pod) or not _spares_unhealthy(budget):
            _check(budget)
            if not dry_run:
                await _decrement(change, budget, pod.metadata.name)


def _budgets_of(registry: Registry, pod: Pod) -> list[PodDisruptionBudget]:
    """The newest state of the budgets that select a pod."""
    resource, found = registry.catalogue.of(PodDisruptionBudget), []
    for record in registry.store.scan(registry.collection(resource), f"{pod.metadata.namespace}/"):
        budget = registry.shared(resource, record)
        if _selects(budget, pod):
            newest = registry.find(PodDisruptionBudget, pod.metadata.namespace, budget.metadata.name)
            found += [newest] if newest is not None else []
    return found


def _selects(budget: PodDisruptionBudget, pod: Pod) -> bool:
    try:
        return selector_of(budget.spec.selector).matches(pod.metadata.labels)
    except SelectorError:
        return False


def _spares_unhealthy(budget: PodDisruptionBudget) -> bool:
    """Whether a pod that is not ready may go without being counted."""
    status = budget.status
    if budget.spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
        return True
    return status.current_healthy >= status.desired_healthy > 0


def _check(budget: PodDisruptionBudget) -> None:
    status, name = budget.status, budget.metadata.name
    if (status.observed_generation or 0) < (budget.metadata.generation or 0):
        raise _refusal(f"The disruption budget {name} is still being processed by the server.", _PENDING_SECONDS)
    for wrong, why in (
        (status.disruptions_allowed < 0, "pdb disruptions allowed is negative"),
        (
            len(status.disrupted_pods) > MOST_DISRUPTED,
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
        ),
    ):
        if wrong:
            raise Forbidden.of("policy", "poddisruptionbudget", name, why)
    if status.disruptions_allowed == 0:
        raise _refusal(f"The disruption budget {name} {_why_none(budget)}")


def _why_none(budget: PodDisruptionBudget) -> str:
    status = budget.status
    condition = get_condition(status.conditions, "DisruptionAllowed")
    said = condition is not None and condition.status == "False" and condition.message
    plain = "does not allow evicting pods currently"
    if condition is not None and said and condition.reason == "SyncFailed":
        return f"{plain} because it failed sync: {condition.message}"
    if status.current_healthy <= status.desired_healthy:
        return f"needs {status.desired_healthy} healthy pods and has {status.current_healthy} currently"
    if condition is not None and said:
        return f"{plain} ({condition.reason}): {condition.message}"
    return plain


def _refusal(why: str, retry_after: int = 0) -> TooManyRequests:
    details: dict[str, object] = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return TooManyRequests(_REFUSAL, details)


async def _decrement(change: Change, budget: PodDisruptionBudget, pod_name: str) -> None:
    """Notes the loss in the budget, and the pod, so that its controller does not count on it."""
    registry = change.registry
    resource = registry.catalogue.of(PodDisruptionBudget)
    budget = copy(budget)
    meta = budget.metadata
    record = registry.newest(resource, meta.namespace, meta.name)
    assert record is not None
    budget.status.disruptions_allowed -= 1
    budget.status.disrupted_pods[pod_name] = registry.time()
    if not budget.status.disruptions_allowed:
        decide_condition(budget, registry.clock.now())
    target = Target(resource, meta.namespace, meta.name, "status")
    await put(Change(change.server, _SERVER, target, WriteOptions("kube-apiserver")), budget, record)


# --- the pod ----------------------------------------------------------------------------------------------------------


async def _announce(change: Change, options: DeleteOptions) -> DeleteOptions:
    """Says on the pod why it goes. The options that go with its new state."""
    if dry_runs(options):
        return options
    record = change.newest()
    pod: Pod = change.registry.decode(change.resource, record.value)
    delete.check_preconditions(change.resource, pod, options)
    condition = PodCondition(
        type="DisruptionTarget",
        status="True",
        reason="EvictionByEvictionAPI",
        message="Eviction API: evicting",
    )
    set_condition(pod.status.conditions, condition, change.registry.clock.now())
    on_status = replace(change, target=replace(change.target, subresource="status"))
    answer = await put(on_status, pod, record, owned=True)
    if options.preconditions is None or options.preconditions.resource_version is None:
        return options
    seen = Preconditions(uid=options.preconditions.uid, resource_version=str(answer.record.revision))
    options = copy(options)
    options.preconditions = seen
    return options
