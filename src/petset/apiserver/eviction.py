"""POST to `pods/eviction`: deletes a pod unless its disruption budget has nothing left.

Follows upstream's `registry/core/pod/storage/eviction.go`. What upstream retries on a conflict is decided here against
the newest state at once; the budget's loss is durable before the pod is touched. What goes is the pod that was decided
on: one that took its name in between stays, and so does one whose state mattered and has changed.
"""

from dataclasses import dataclass

from msgspec import structs

from petset.api.errors import BadRequest, BareFailure, Conflict, Forbidden, Invalid, TooManyRequests
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
from petset.apiserver.request import Answer, Body, Content, Identity, Target, WriteOptions, dry_runs
from petset.apiserver.write import Change, put, read
from petset.kinds.disruption import decide_condition

MOST_DISRUPTED = 2000
"""Evicted pods that a budget remembers while its controller has not seen them go."""
_PENDING_SECONDS = 10
_ATTEMPTS = 20
_OLD = "policy/v1beta1"
_SERVER = Identity("system:apiserver", ("system:masters",))
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."


async def evict(change: Change, content: Content) -> Answer:
    """Deletes a pod with the Eviction's options, within its budget.

    Raises BadRequest, NotFound, Conflict, Forbidden, TooManyRequests, and a 500 for a pod with several budgets.
    """
    eviction: Eviction = read(change, content, Eviction, _version(content))
    if eviction.metadata.name != change.target.name:
        raise BadRequest("name in URL does not match name in Eviction object")
    metadata.place(change.resource, eviction, change.target.namespace)
    return await _decide(change, _options(change, eviction))


@dataclass(frozen=True, slots=True)
class _Leave:
    """What lets a pod go: its budget, if it has one; `as_it_is`: at no cost, but only while the pod does not change."""

    budget: PodDisruptionBudget | None = None
    as_it_is: bool = False


async def _decide(change: Change, options: DeleteOptions) -> Answer:
    """Decides on the pod as it is, and anew when it is another one once its deletion is due."""
    attempts = _ATTEMPTS
    while True:
        pod = _pod(change)
        leave = await _leave_of(change, pod, options)
        try:
            return await _delete(change, _pinned(options, pod, leave))
        except Conflict as error:
            attempts -= 1
            if leave.budget is not None and not _names_state(options):
                raise _still_processed(leave.budget.metadata.name) from error
            if not attempts:
                raise


async def _leave_of(change: Change, pod: Pod, options: DeleteOptions) -> _Leave:
    """Raises TooManyRequests, and Conflict when the request means another pod, or another state of it."""
    leave = _leave_now(change.registry, pod)
    delete.check_preconditions(change.resource, pod, options)  # nothing is paid for a deletion that is refused
    if leave.budget is not None and not leave.as_it_is and not dry_runs(options):
        await _decrement(change, leave.budget, pod.metadata.name)
    return leave


def _names_state(options: DeleteOptions) -> bool:
    """Whether the request itself says which state of the pod it means."""
    return options.preconditions is not None and options.preconditions.resource_version is not None


def _pinned(options: DeleteOptions, pod: Pod, leave: _Leave) -> DeleteOptions:
    """The options for this pod, and for this state of it when that is what lets it go."""
    options = copy(options)
    given = options.preconditions or Preconditions()
    version = pod.metadata.resource_version if leave.as_it_is else None
    options.preconditions = Preconditions(
        uid=pod.metadata.uid if given.uid is None else given.uid,
        resource_version=version if given.resource_version is None else given.resource_version,
    )
    return options


def _version(content: Content) -> str:
    """Clients of old say v1beta1, which has the same fields."""
    return _OLD if isinstance(content, Body) and decoding.version_of(content, "Eviction") == _OLD else "policy/v1"


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


def _leave_now(registry: Registry, pod: Pod) -> _Leave:
    """What would let a pod go as it is. Raises TooManyRequests, Forbidden."""
    if _needs_no_budget(pod):
        return _Leave(as_it_is=pod.status.phase == "Pending" and not is_terminating(pod))
    budgets = _budgets_of(registry, pod)
    if len(budgets) > 1:
        raise BareFailure(_SEVERAL)
    for budget in budgets:
        if not is_pod_ready(pod) and _spares_unhealthy(budget):
            return _Leave(budget, as_it_is=True)
        _check(budget)
        return _Leave(budget)
    return _Leave()


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
        raise _still_processed(name)
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


def _still_processed(budget: str) -> TooManyRequests:
    return _refusal(f"The disruption budget {budget} is still being processed by the server.", _PENDING_SECONDS)


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


async def _delete(change: Change, options: DeleteOptions) -> Answer:
    """Says on the pod why it goes, and deletes it. Raises Conflict when it is not the one that the options say."""
    if dry_runs(options):
        return await delete.delete(change, options)
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
    on_status = structs.replace(change, target=structs.replace(change.target, subresource="status"))
    answer = await put(on_status, pod, record, owned=True)
    seen = options.preconditions
    if seen is not None and seen.resource_version is not None:
        options = copy(options)
        options.preconditions = Preconditions(uid=seen.uid, resource_version=str(answer.record.revision))
    return await delete.delete(change, options)
