"""What the stored roles and bindings grant to whom: an index that follows the store, and a memory of its answers.

Nothing runs by itself: whoever asks first takes in what has become durable since the last question. What is asked
again is looked up, however many roles and bindings there are.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from petset.api.field import shown
from petset.api.resources import Resource
from petset.api.types import ClusterRole, ClusterRoleBinding, Object, PolicyRule, Role, RoleBinding, RoleRef, Subject
from petset.apiserver.authorization.attributes import Attributes
from petset.apiserver.authorization.rules import allows
from petset.apiserver.registry import Registry
from petset.apiserver.request import Identity
from petset.kinds.rbac import GROUP, GROUP_KIND, SERVICE_ACCOUNT, USER
from petset.store.interface import Compacted, EventType, Lagged, Watch

MOST_REMEMBERED = 1_000
"""Answers of each identity, and identities; beyond that the memory begins anew."""
LONGEST_REMEMBERED = 512
"""Characters of a question: strangers may ask about anything, and a URL may be long."""

Place: TypeAlias = tuple[str, str]
"""Namespace (empty: cluster-wide) and name of a role or binding."""
Key: TypeAlias = tuple[str, str]
"""What a binding is found by: a user or group, and its name. A ServiceAccount is the user that it acts as."""
Rules: TypeAlias = list[PolicyRule]


@dataclass(frozen=True, slots=True)
class Grant:
    """One binding that applies to somebody, and the rules of its role; None when the role is not there."""

    binding: RoleBinding | ClusterRoleBinding
    subject: Subject
    rules: Rules | None

    def __str__(self) -> str:
        """`ClusterRoleBinding "x" of ClusterRole "y" to User "z"`, as upstream gives it as a reason."""
        meta, ref = self.binding.metadata, self.binding.role_ref
        name = f"{meta.name}/{meta.namespace}" if meta.namespace else meta.name
        return f"{self.binding.kind} {shown(name)} of {ref.kind} {shown(ref.name)} to {self._subject()}"

    def _subject(self) -> str:
        subject, name = self.subject, self.subject.name
        if subject.kind == SERVICE_ACCOUNT:
            name = f"{name}/{subject.namespace or self.binding.metadata.namespace}"
        return f"{subject.kind} {shown(name)}"


class Grants:
    """All that one identity has in one namespace (or, without one, cluster-wide)."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._grants = list(grants)
        self._by_name = any(rule.resource_names for rule in self.rules())
        self._answers: dict[tuple[str | None, ...], str] = {}

    def rules(self) -> Rules:
        """Every rule, in the order of the bindings' names, those of the cluster first."""
        return [rule for grant in self._grants for rule in grant.rules or ()]

    def missing(self, called: str = "") -> list[str]:
        """What is wrong with bindings: the roles that are not there, by their kind or as they are `called`."""
        refs = [grant.binding.role_ref for grant in self._grants if grant.rules is None]
        texts = (f"{called or ref.kind.lower()}.{GROUP} {shown(ref.name)} not found" for ref in refs)
        return list(dict.fromkeys(texts))

    def reason(self, asked: Attributes) -> str | None:
        """Which binding allows it; None when none does. What is refused is seldom asked again, or by a stranger."""
        name = asked.name if self._by_name else ""
        key = (asked.verb, asked.group, asked.resource, asked.subresource, name, asked.path)
        try:
            return self._answers[key]
        except KeyError:
            answer = self._find(asked)
            if answer is not None and sum(len(part or "") for part in key) <= LONGEST_REMEMBERED:
                if len(self._answers) >= MOST_REMEMBERED:
                    self._answers.clear()
                self._answers[key] = answer
            return answer

    def _find(self, asked: Attributes) -> str | None:
        for grant in self._grants:
            if any(allows(rule, asked) for rule in grant.rules or ()):
                return str(grant)
        return None


class Policy:
    """Follows the roles and bindings of a store."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._rules: dict[tuple[str, str, str], Rules] = {}
        self._bindings: dict[Place, RoleBinding | ClusterRoleBinding] = {}
        self._by_subject: dict[Key, list[Place]] = {}
        self._grants: dict[tuple[str, tuple[str, ...], str], Grants] = {}
        self._following: list[_Following] = [
            _Following(registry, kind, change)
            for kind, change in (
                (ClusterRole, self._change_role),
                (Role, self._change_role),
                (ClusterRoleBinding, self._change_binding),
                (RoleBinding, self._change_binding),
            )
        ]

    def grants(self, identity: Identity, namespace: str) -> Grants:
        """What somebody has, by what is durable now."""
        self._catch_up()
        key = (identity.name, identity.groups, namespace)
        found = self._grants.get(key)
        if found is None:
            found = Grants(self._grants_of(identity, namespace))
            if len(namespace) <= LONGEST_REMEMBERED:
                if len(self._grants) >= MOST_REMEMBERED:
                    self._grants.clear()
                self._grants[key] = found
        return found

    def rules_of(self, ref: RoleRef, namespace: str) -> Rules | None:
        """The rules of the role that a binding in `namespace` refers to; None when there is no such role."""
        self._catch_up()
        return self._rules.get(_role_key(ref, namespace))

    def _grants_of(self, identity: Identity, namespace: str) -> Iterator[Grant]:
        keys = [(USER, identity.name), *((GROUP_KIND, group) for group in identity.groups)]
        places = {place for key in keys for place in self._by_subject.get(key, ())}
        for place in sorted(place for place in places if place[0] in {"", namespace}):
            binding = self._bindings[place]
            subject = next(s for s in binding.subjects if _key(s, place[0]) in keys)
            yield Grant(binding, subject, self._rules.get(_role_key(binding.role_ref, place[0])))

    # --- following ----------------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        changed = False
        for following in self._following:
            changed = following.catch_up() or changed
        if changed:
            self._grants.clear()

    def _change_role(self, place: Place, obj: Role | ClusterRole | None, kind: str) -> None:
        key = (kind, *place)
        if obj is None:
            self._rules.pop(key, None)
        else:
            self._rules[key] = obj.rules or []

    def _change_binding(self, place: Place, obj: RoleBinding | ClusterRoleBinding | None, _: str) -> None:
        old = self._bindings.pop(place, None)
        for key in _keys(old, place[0]):
            places = self._by_subject[key]
            places.remove(place)
            if not places:
                del self._by_subject[key]
        if obj is not None:
            self._bindings[place] = obj
            for key in _keys(obj, place[0]):
                insort(self._by_subject.setdefault(key, []), place)


class _Following:
    """One kind: its present objects once, and then what changes."""

    def __init__(self, registry: Registry, kind: type[Object], change: Callable[[Place, Any, str], None]) -> None:
        self._registry = registry
        self._resource: Resource[Any] = registry.catalogue.of(kind)
        self._change = change
        self._known: set[Place] = set()
        self._watch: Watch | None = None

    def catch_up(self) -> bool:
        """Takes in what has become durable; whether there was anything."""
        if self._watch is None:
            return self._begin()
        try:
            events = self._watch.take()
        except Lagged:
            return self._begin()
        for event in events:
            gone = event.type is EventType.DELETED
            self._put(event.record.name, None if gone else event.record.value)
        return bool(events)

    def _begin(self) -> bool:
        store = self._registry.store
        snapshot = store.list(self._resource.collection)
        for place in self._known - {_place(record.name) for record in snapshot.records}:
            self._change(place, None, self._resource.kind)
        for record in snapshot.records:
            self._put(record.name, record.value)
        try:
            self._watch = store.watch(self._resource.collection, snapshot.revision)
        except Compacted:  # the history is shorter than what was written meanwhile: the next question begins anew
            self._watch = None
        return True

    def _put(self, name: str, value: bytes | None) -> None:
        place = _place(name)
        (self._known.discard if value is None else self._known.add)(place)
        self._change(place, None if value is None else self._registry.parse(self._resource, value), self._resource.kind)


def _place(name: str) -> Place:
    namespace, _, own = name.rpartition("/")
    return namespace, own


def _role_key(ref: RoleRef, namespace: str) -> tuple[str, str, str]:
    return ref.kind, namespace if ref.kind == "Role" else "", ref.name


def _keys(binding: RoleBinding | ClusterRoleBinding | None, namespace: str) -> set[Key]:
    return {key for subject in (binding.subjects if binding else ()) if (key := _key(subject, namespace))}


def _key(subject: Subject, namespace: str) -> Key | None:
    """A ServiceAccount without a namespace is one of the binding's."""
    if subject.kind in {USER, GROUP_KIND}:
        return subject.kind, subject.name
    own = subject.namespace or namespace
    if subject.kind != SERVICE_ACCOUNT or not own:
        return None
    return USER, f"system:serviceaccount:{own}:{subject.name}"
