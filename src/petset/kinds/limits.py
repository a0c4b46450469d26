"""What a LimitRange does to pods and claims: the amounts it gives, and what it finds too little or too much. Pure.

The words are those of upstream's plugin LimitRanger.
"""

from collections.abc import Iterator, Mapping

from petset.api.quantity import ZERO, Quantity
from petset.api.types import Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod
from petset.kinds.limitrange import CLAIM, CONTAINER, POD
from petset.kinds.podspec.totals import Amounts, parsed, total_limits, total_requests

ANNOTATION = "kubernetes.io/limit-ranger"


def give_usual_amounts(limits: LimitRange, pod: Pod) -> None:
    """Fills in requests and limits that containers leave out, and notes that on the pod."""
    items = [item for item in limits.spec.limits or () if item.type == CONTAINER]
    usual_limits = {name: amount for item in items for name, amount in item.default.items()}
    usual_requests = {name: amount for item in items for name, amount in item.default_request.items()}
    notes: list[str] = []
    for word, containers in (("container", pod.spec.containers), ("init container", pod.spec.init_containers)):
        for container in containers:
            resources = container.resources
            given = _fill(resources.limits, usual_limits)
            requested = _fill(resources.requests, usual_requests)
            if requested:
                notes.append(f"{', '.join(requested)} request for {word} {container.name}")
            if given:
                notes.append(f"{', '.join(given)} limit for {word} {container.name}")
    if notes:
        pod.metadata.annotations[ANNOTATION] = f"LimitRanger plugin set: {'; '.join(notes)}"


def _fill(amounts: dict[str, str], usual: Mapping[str, str]) -> list[str]:
    missing = sorted(usual.keys() - amounts.keys())
    amounts |= {name: usual[name] for name in missing}
    return missing


def pod_violations(limits: LimitRange, pod: Pod) -> list[str]:
    """What containers, and the pod as a whole, ask for that is not allowed."""
    found: list[str] = []
    containers: list[Container] = [*pod.spec.containers, *pod.spec.init_containers]
    for item in limits.spec.limits or ():
        if item.type == CONTAINER:
            for container in containers:
                asked = parsed(container.resources.requests), parsed(container.resources.limits)
                found += _violations(item, *asked)
        elif item.type == POD:
            found += _violations(item, total_requests(pod.spec), total_limits(pod.spec))
    return found


def claim_violations(limits: LimitRange, claim: PersistentVolumeClaim) -> list[str]:
    """What a claim asks for that is not allowed; only its requests count."""
    requests = parsed(claim.spec.resources.requests)
    found: list[str] = []
    for item in limits.spec.limits or ():
        if item.type != CLAIM:
            continue
        for name, least in parsed(item.min).items():
            found += _too_little(f"minimum {name} usage per {item.type} is {least}", least, requests.get(name), None)
        for name, most in parsed(item.max).items():
            text, request = f"maximum {name} usage per {item.type} is {most}", requests.get(name)
            if request is None:
                found.append(f"{text}.  No request is specified")
            elif request > most:
                found.append(f"{text}, but request is {request}")
    return found


def _violations(item: LimitRangeItem, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, least in parsed(item.min).items():
        text = f"minimum {name} usage per {item.type} is {least}"
        yield from _too_little(text, least, requests.get(name), limits.get(name))
    for name, most in parsed(item.max).items():
        text = f"maximum {name} usage per {item.type} is {most}"
        yield from _too_much(text, most, requests.get(name), limits.get(name))
    for name, ratio in parsed(item.max_limit_request_ratio).items():
        text = f"{name} max limit to request ratio per {item.type} is {ratio}"
        yield from _too_far_apart(text, ratio, requests.get(name, ZERO), limits.get(name, ZERO))


def _too_little(text: str, least: Quantity, request: Quantity | None, limit: Quantity | None) -> Iterator[str]:
    if request is None:
        yield f"{text}.  No request is specified"
    elif request < least:
        yield f"{text}, but request is {request}"
    elif limit is not None and limit < least:
        yield f"{text}, but limit is {limit}"


def _too_much(text: str, most: Quantity, request: Quantity | None, limit: Quantity | None) -> Iterator[str]:
    if limit is None:
        yield f"{text}.  No limit is specified"
    elif limit > most:
        yield f"{text}, but limit is {limit}"
    elif request is not None and request > most:
        yield f"{text}, but request is {request}"


def _too_far_apart(text: str, most: Quantity, request: Quantity, limit: Quantity) -> Iterator[str]:
    if not request:
        yield f"{text}, but no request is specified or request is 0"
    elif not limit:
        yield f"{text}, but no limit is specified or limit is 0"
    elif limit.amount / request.amount > most.amount:
        yield f"{text}, but provided ratio is {float(limit.amount / request.amount):f}"
