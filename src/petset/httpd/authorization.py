"""What a request would do, in the words of rules; whether its sender may; and as whom, for those who act as others."""

from collections.abc import Mapping
from urllib.parse import unquote

from aiohttp import web

from petset.api.errors import BadRequest, Forbidden
from petset.api.field import shown
from petset.api.names import path_segment_name_errors
from petset.api.selectors import SelectorError, parse_field_selector
from petset.apiserver.authorization.attributes import Attributes
from petset.apiserver.authorization.authorizer import Authorizer, is_privileged
from petset.apiserver.authorization.impersonation import impersonated
from petset.apiserver.request import Identity
from petset.httpd import routes

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
_STREAMS = frozenset({"attach", "exec", "portforward"})
_EXTRA = "impersonate-extra-"


class Gate:
    """Lets requests in."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def admit(self, request: web.BaseRequest, identity: Identity) -> Identity:
        """Who the request is carried out for. Raises Forbidden, and BadRequest for half an impersonation."""
        wanted = wanted_identity(request)
        if wanted is None and is_privileged(identity):
            return identity
        asked = attributes_of(identity, request)
        if wanted is not None:
            identity = impersonated(self._authorizer, asked, wanted)
            asked = attributes_of(identity, request)
        self._authorizer.check(asked)
        if _opens_streams_by_get(asked):
            self._check_create(asked)
        return identity

    def _check_create(self, asked: Attributes) -> None:
        """A WebSocket is a GET, but what it opens is not only read: upstream asks for `create` as well."""
        decision = self._authorizer.decide(asked.with_verb("create"))
        if not decision.allowed:
            raise Forbidden.of(asked.group, asked.resource, asked.name, decision.reason)


def _opens_streams_by_get(asked: Attributes) -> bool:
    return asked.verb == "get" and not asked.group and asked.resource == "pods" and asked.subresource in _STREAMS


# --- what it would do -------------------------------------------------------------------------------------------------


def attributes_of(user: Identity, request: web.BaseRequest) -> Attributes:
    """What a request asks to be allowed, by its method and URL alone: upstream's `RequestInfoFactory`."""
    path, method = request.path, request.method
    parts = routes.parts_of(path) or [""]
    start = {"api": 2, "apis": 3}.get(parts[0], 0)
    if not start or len(parts) <= start:
        return Attributes(user, method.lower(), path=path)
    group = parts[1] if start == 3 else ""
    verb, rest = _VERBS.get(method, ""), parts[start:]
    if rest[0] == "watch" and len(rest) > 1:
        verb, rest = "watch" if verb == "get" else verb, rest[1:]
    namespace, rest = _namespace(rest)
    resource, name, subresource = (*rest, "", "")[:3]
    if not name and verb == "get":
        verb, name = "watch" if _watches(request.query) else "list", _selected_name(request.query)
    elif not name and verb == "delete":
        verb = "deletecollection"
    return Attributes(user, verb, group, resource, subresource, namespace, name)


def _namespace(rest: list[str]) -> tuple[str, list[str]]:
    """A namespace is in itself, and is the place of what follows its name."""
    if rest[0] != "namespaces" or len(rest) < 2:
        return "", rest
    inside = len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES
    return rest[1], rest[2:] if inside else rest


def _watches(query: Mapping[str, str]) -> bool:
    try:
        return routes.flag(query, "watch")
    except BadRequest:
        return True


def _selected_name(query: Mapping[str, str]) -> str:
    """A list that selects one name is about that object."""
    text = query.get("fieldSelector", "")
    if "metadata.name" not in text:
        return ""
    try:
        name = parse_field_selector(text).required("metadata.name")
    except SelectorError:
        return ""
    return name if name and not path_segment_name_errors(name) else ""


# --- as whom ----------------------------------------------------------------------------------------------------------


def wanted_identity(request: web.BaseRequest) -> Identity | None:
    """Who the sender wants to act as; None without Impersonate headers. Raises BadRequest when no user is named."""
    headers = request.headers
    names = [name for name in headers if name[:12].lower() == "impersonate-"]
    if not names:
        return None
    user = _text(headers.get("Impersonate-User", ""))
    groups = tuple(_text(group) for group in headers.getall("Impersonate-Group", ()))
    uid = _text(headers.get("Impersonate-Uid", ""))
    extra: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys(name for name in names if name.lower().startswith(_EXTRA)):
        key = unquote(name.lower().removeprefix(_EXTRA))
        extra[key] = tuple(_text(value) for value in headers.getall(name))
    if user:
        return Identity(user, groups, uid, extra)
    if groups or uid or extra:
        raise BadRequest(f"requested {_user_info(groups, uid, extra)} without impersonating a user name")
    return None


def _user_info(groups: tuple[str, ...], uid: str, extra: Mapping[str, tuple[str, ...]]) -> str:
    """Upstream shows its Go value, and clients that show messages show that."""
    pairs = ", ".join(f"{shown(key)}:{_strings(values)}" for key, values in sorted(extra.items()))
    held = f"map[string][]string{{{pairs}}}" if extra else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:{shown(uid)}, Groups:{_strings(groups)}, Extra:{held}}}'


def _strings(values: tuple[str, ...]) -> str:
    return f"[]string{{{', '.join(shown(value) for value in values)}}}" if values else "[]string(nil)"


def _text(value: str) -> str:
    """A header's value; what is not UTF-8 in it is no name that anybody has."""
    return value.encode(errors="surrogateescape").decode(errors="replace")
