"""The question that an authorizer answers, and what a client is told when the answer is no."""

from dataclasses import dataclass, replace
from typing import Any

from petset.api.errors import Forbidden
from petset.api.field import shown
from petset.api.resources import Resource
from petset.apiserver.request import Identity

_SANITIZED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""A refusal repeats what a stranger sent, and must not look like HTML."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """Who wants to do what: to a resource, or to a path that belongs to none.

    `name` is that of one object; `namespace` is empty for cluster-wide resources and for all namespaces together.
    """

    user: Identity
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str | None = None

    @property
    def whole_resource(self) -> str:
        """`pods/log`: the resource as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def with_verb(self, verb: str) -> "Attributes":
        """The same for another verb."""
        return replace(self, verb=verb)


def on(user: Identity, verb: str, resource: Resource[Any], namespace: str = "", name: str = "") -> Attributes:
    """What somebody wants to do to a served resource."""
    return Attributes(user, verb, resource.group, resource.plural, namespace=namespace, name=name)


def forbidden(attributes: Attributes, reason: str = "") -> Forbidden:
    """The refusal, as upstream's `responsewriters.ForbiddenStatusError`. `reason` is what the authorizer said to it."""
    message = _message(attributes).translate(_SANITIZED)
    why = f"{message}: {reason}" if reason else message
    if attributes.path is not None or not (attributes.group or attributes.resource):
        return Forbidden(f"forbidden: {why}", {})
    return Forbidden.of(attributes.group, attributes.resource, attributes.name, why)


def _message(attributes: Attributes) -> str:
    who = f"User {shown(attributes.user.name)} cannot {attributes.verb}"
    if attributes.path is not None:
        return f"{who} path {shown(attributes.path)}"
    what = f"resource {shown(attributes.whole_resource)} in API group {shown(attributes.group)}"
    where = f"in the namespace {shown(attributes.namespace)}" if attributes.namespace else "at the cluster scope"
    return f"{who} {what} {where}"
