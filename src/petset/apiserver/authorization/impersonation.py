"""Acting as another: who may, and as whom exactly. Follows upstream's `filters/impersonation`.

There are narrow ways, each for one kind of user and for named verbs only (`impersonate-on:<mode>:<verb>`), and the old
wide one (`impersonate`). The first that is open is taken; when none is, the refusal is that of the first that applied.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from petset.api.errors import Forbidden
from petset.api.names import dns1123_label_errors, dns1123_subdomain_errors
from petset.apiserver.authorization.attributes import Attributes, forbidden
from petset.apiserver.authorization.authorizer import PRIVILEGED, Authorizer
from petset.apiserver.request import Identity

AUTHENTICATED, UNAUTHENTICATED, ANONYMOUS = "system:authenticated", "system:unauthenticated", "system:anonymous"
NODE_NAME = "authentication.kubernetes.io/node-name"
"""In the extra of a pod's ServiceAccount: the node where the pod runs."""

_GROUP = "authentication.k8s.io"
_ACCOUNT, _NODE = "system:serviceaccount:", "system:node:"


Applies: TypeAlias = Callable[[Identity, Identity], bool]
"""Whether a mode is for this: who wants to act, and as whom."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One of the narrow ways. `any_name`: it is asked for all names together."""

    name: str
    applies: Applies
    any_name: bool = False


def impersonated(authorizer: Authorizer, asked: Attributes, wanted: Identity) -> Identity:
    """Who the user of the request `asked` becomes, with all groups. Raises Forbidden."""
    refusal: Forbidden | None = None
    for mode in _MODES:
        if not mode.applies(asked.user, wanted):
            continue
        try:
            authorizer.check(asked.with_verb(f"impersonate-on:{mode.name}:{asked.verb}"))
            return _become(authorizer, asked.user, wanted, mode)
        except Forbidden as error:
            refusal = refusal or error
    try:
        return _become(authorizer, asked.user, wanted, None)
    except Forbidden as error:
        raise refusal or error from None


def service_account(user: str) -> tuple[str, str] | None:
    """The namespace and name of the ServiceAccount behind a user's name."""
    namespace, colon, name = user.removeprefix(_ACCOUNT).partition(":")
    valid = user.startswith(_ACCOUNT) and colon and ":" not in name
    if not valid or dns1123_label_errors(namespace) or dns1123_subdomain_errors(name):
        return None
    return namespace, name


# --- what has to be allowed -------------------------------------------------------------------------------------------


def _become(authorizer: Authorizer, user: Identity, wanted: Identity, mode: Mode | None) -> Identity:
    name, groups = _name(user, wanted, mode)
    authorizer.check(name)
    if wanted.uid:
        authorizer.check(_attributes(user, mode, _GROUP, "uids", wanted.uid))
    for asked in _groups(user, wanted, mode):
        authorizer.check(asked)
    for asked in _extra(user, wanted, mode):
        authorizer.check(asked)
    return replace(wanted, groups=_completed(wanted.name, groups))


def _name(user: Identity, wanted: Identity, mode: Mode | None) -> tuple[Attributes, tuple[str, ...]]:
    """What to ask for the name, and the groups that come with it."""
    group = _GROUP if mode else ""
    node, account = _node(wanted.name), service_account(wanted.name)
    if mode and node:
        return _attributes(user, mode, group, "nodes", "*" if mode.any_name else node), ("system:nodes",)
    if account is None:
        return _attributes(user, mode, group, "users", wanted.name), wanted.groups
    namespace, name = account
    fixed = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    asked = replace(_attributes(user, mode, group, "serviceaccounts", name), namespace=namespace)
    return asked, wanted.groups or fixed


def _groups(user: Identity, wanted: Identity, mode: Mode | None) -> Iterator[Attributes]:
    group = _GROUP if mode else ""
    if mode and "" in wanted.groups:
        text = "impersonating the empty string group is not allowed"
        raise forbidden(_attributes(user, mode, group, "groups", ""), text)
    if mode and PRIVILEGED in wanted.groups:
        text = "impersonating the system:masters group is not allowed"
        raise forbidden(_attributes(user, mode, group, "groups", PRIVILEGED), text)
    for name in wanted.groups:
        yield _attributes(user, mode, group, "groups", name)


def _extra(user: Identity, wanted: Identity, mode: Mode | None) -> Iterator[Attributes]:
    for key, values in wanted.extra.items():
        asked = replace(_attributes(user, mode, _GROUP, "userextras", ""), subresource=key)
        if mode and (problem := _extra_problem(key, values)):
            raise forbidden(replace(asked, subresource=""), problem)
        for value in values:
            yield replace(asked, name=value)


def _extra_problem(key: str, values: tuple[str, ...]) -> str:
    if not key:
        return "impersonating the empty string key in extra is not allowed"
    if "" in values or not values:
        what = "the empty string value" if values else "empty values"
        return f"impersonating {what} in extra is not allowed"
    return ""


def _attributes(user: Identity, mode: Mode | None, group: str, resource: str, name: str) -> Attributes:
    verb = f"impersonate:{mode.name}" if mode else "impersonate"
    return Attributes(user, verb, group, resource, name=name)


def _completed(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Everybody is either known or not, and in the group that says so."""
    if name == ANONYMOUS:
        implied = UNAUTHENTICATED
    elif UNAUTHENTICATED in groups:
        return groups
    else:
        implied = AUTHENTICATED
    return groups if implied in groups else (*groups, implied)


# --- modes ------------------------------------------------------------------------------------------------------------


def _node(user: str) -> str:
    """The node behind a user's name, "" when it is none."""
    name = user.removeprefix(_NODE)
    return name if user.startswith(_NODE) and not dns1123_subdomain_errors(name) else ""


def _only_named(wanted: Identity) -> bool:
    return not (wanted.uid or wanted.groups or wanted.extra)


def _is_own_node(user: Identity, wanted: Identity) -> bool:
    node = _node(wanted.name)
    own = node and service_account(user.name) and user.extra.get(NODE_NAME) == (node,)
    return bool(own) and _only_named(wanted)


def _is_node(_: Identity, wanted: Identity) -> bool:
    return bool(_node(wanted.name)) and _only_named(wanted)


def _is_account(_: Identity, wanted: Identity) -> bool:
    return service_account(wanted.name) is not None and _only_named(wanted)


def _is_person(_: Identity, wanted: Identity) -> bool:
    return not _node(wanted.name) and service_account(wanted.name) is None


_MODES = (
    Mode("associated-node", _is_own_node, any_name=True),
    Mode("arbitrary-node", _is_node),
    Mode("serviceaccount", _is_account),
    Mode("user-info", _is_person),
)
