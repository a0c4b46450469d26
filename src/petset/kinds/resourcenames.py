"""Names of resources, as limit ranges and quotas use them: which exist, and which are whole numbers.

Follows `pkg/apis/core/helper` and the validation of core/v1.
"""

from collections.abc import Iterator

from petset.api.field import FieldError, invalid
from petset.api.names import qualified_name_errors
from petset.api.quantity import parse
from petset.kinds.quantities import quantity_errors

HUGE_PAGES = "hugepages-"
REQUESTS = "requests."

_CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
_WHOLE = frozenset(
    {
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    }
)
_QUOTA = _WHOLE | {
    *_CONTAINER,
    *(f"requests.{name}" for name in _CONTAINER),
    *(f"limits.{name}" for name in _CONTAINER),
    "requests.storage",
}
_STANDARD = _QUOTA | {"storage"}


def resource_name_errors(path: str, name: str) -> Iterator[FieldError]:
    """A resource that Kubernetes knows, or one with a domain before it."""
    messages = qualified_name_errors(name)
    for message in messages:
        yield invalid(path, name, message)
    if not messages and "/" not in name and not (name in _STANDARD or _is_huge_pages(name)):
        yield invalid(path, name, "must be a standard resource type or fully qualified")


def container_resource_errors(path: str, name: str) -> Iterator[FieldError]:
    """A resource that a container may ask for."""
    yield from resource_name_errors(path, name)
    if "/" not in name and name not in _CONTAINER and not name.startswith(HUGE_PAGES):
        yield invalid(path, name, "must be a standard resource for containers")
    elif not is_native(name) and not is_extended(name):
        yield invalid(path, name, "doesn't follow extended resource name standard")


def quota_resource_errors(path: str, name: str) -> Iterator[FieldError]:
    """A resource that a quota can limit."""
    yield from resource_name_errors(path, name)
    if "/" not in name and not is_standard_for_quota(name):
        yield invalid(path, name, "must be a standard resource for quota")


def quota_amount_errors(path: str, name: str, amount: str) -> Iterator[FieldError]:
    """An amount that is not negative; what is counted is counted in whole numbers."""
    yield from quantity_errors(path, amount)
    if parse(amount).amount.denominator != 1 and (name in _WHOLE or is_extended(name)):
        yield invalid(path, amount, "must be an integer")


def is_standard_for_quota(name: str) -> bool:
    """Whether quotas know the resource by a name of their own."""
    return name in _QUOTA or _is_huge_pages(name)


def is_native(name: str) -> bool:
    """Whether Kubernetes itself names the resource."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Whether the resource is somebody else's, such as `example.com/gpu`."""
    if is_native(name) or name.startswith(REQUESTS):
        return False
    return not qualified_name_errors(f"{REQUESTS}{name}")


def can_be_overcommitted(name: str) -> bool:
    """Whether limits may be higher than requests."""
    return is_native(name) and not name.startswith(HUGE_PAGES)


def _is_huge_pages(name: str) -> bool:
    return name.startswith((HUGE_PAGES, f"{REQUESTS}{HUGE_PAGES}"))
