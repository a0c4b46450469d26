"""The index of roles and bindings answers as upstream's rules read, whatever is granted and taken away in between."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from petset.aio.clock import SystemClock
from petset.api.types import (
    ClusterRole,
    ClusterRoleBinding,
    DeleteOptions,
    Namespace,
    Object,
    ObjectMeta,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)
from petset.apiserver.authorization.attributes import Attributes
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity, Target, WriteOptions
from petset.kinds import CATALOGUE
from petset.kinds.rbac import GROUP
from petset.store.memory import MemoryStore
from petset.store.watchcache import History

MASTER = Identity("root", ("system:masters",))
USERS = (
    Identity("jane", ("devs",)),
    Identity("joe", ("devs", "ops")),
    Identity("system:serviceaccount:a:robot", ("ops",)),
)
SPACES, VERBS, RESOURCES, NAMES = ("a", "b"), ("get", "list", "*"), ("pods", "pods/log", "*/log", "*"), ("x", "y")


def some(words: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), min_size=1, max_size=2, unique=True)


def rules(*, paths: bool) -> st.SearchStrategy[list[PolicyRule]]:
    about = st.builds(
        PolicyRule,
        verbs=some(VERBS),
        api_groups=some(("", "*")),
        resources=some(RESOURCES),
        resource_names=st.one_of(st.just([]), some(NAMES)),
    )
    there = st.builds(PolicyRule, verbs=some(VERBS), non_resource_urls=some(("/m", "/m/*", "*")))
    return st.lists(st.one_of(about, there) if paths else about, min_size=1, max_size=2)


SUBJECTS = st.lists(
    st.one_of(
        st.builds(Subject, kind=st.just("User"), api_group=st.just(GROUP), name=st.sampled_from(["jane", "joe"])),
        st.builds(Subject, kind=st.just("Group"), api_group=st.just(GROUP), name=st.sampled_from(["devs", "ops"])),
        st.builds(Subject, kind=st.just("ServiceAccount"), name=st.just("robot"), namespace=st.sampled_from(SPACES)),
    ),
    min_size=1,
    max_size=2,
)
SPACE, NAME = st.sampled_from(SPACES), st.sampled_from(NAMES)


def meta(namespace: str, name: str) -> ObjectMeta:
    return ObjectMeta(name=name, namespace=namespace)


def ref(kind: str, name: str) -> RoleRef:
    return RoleRef(api_group=GROUP, kind=kind, name=name)


CLUSTER_META, LOCAL_META = st.builds(meta, st.just(""), NAME), st.builds(meta, SPACE, NAME)
CLUSTER_ROLE_META, ROLE_META = st.builds(meta, st.just(""), st.just("x")), st.builds(meta, SPACE, st.just("x"))
ANY_REF, CLUSTER_REF = (
    st.builds(ref, st.sampled_from(["Role", "ClusterRole"]), st.just("x")),
    st.builds(ref, st.just("ClusterRole"), st.just("x")),
)
OBJECTS: st.SearchStrategy[Object] = st.one_of(
    st.builds(ClusterRole, metadata=CLUSTER_ROLE_META, rules=rules(paths=True)),
    st.builds(Role, metadata=ROLE_META, rules=rules(paths=False)),
    st.builds(ClusterRoleBinding, metadata=CLUSTER_META, role_ref=CLUSTER_REF, subjects=SUBJECTS),
    st.builds(RoleBinding, metadata=LOCAL_META, role_ref=ANY_REF, subjects=SUBJECTS),
)
QUESTIONS = st.one_of(
    st.builds(
        Attributes,
        st.sampled_from(USERS),
        st.sampled_from(["get", "list"]),
        st.just(""),
        st.just("pods"),
        st.sampled_from(["", "log"]),
        st.sampled_from(["", *SPACES]),
        st.sampled_from(["", *NAMES]),
    ),
    st.builds(Attributes, st.sampled_from(USERS), st.just("get"), path=st.sampled_from(["/m", "/m/a", "/n"])),
)
STEPS = st.lists(st.one_of(OBJECTS, OBJECTS, QUESTIONS), min_size=8, max_size=32)


@dataclass
class Oracle:
    """Every binding is read for every question."""

    objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)

    def may(self, asked: Attributes) -> bool:
        return any(says(rule, asked) for rule in self._rules(asked))

    def _rules(self, asked: Attributes) -> Iterator[PolicyRule]:
        for (_, namespace, _), obj in self.objects.items():
            if not isinstance(obj, ClusterRoleBinding | RoleBinding) or namespace not in {"", asked.namespace}:
                continue
            if any(is_meant(subject, asked.user) for subject in obj.subjects):
                place = namespace if obj.role_ref.kind == "Role" else ""
                role = self.objects.get((obj.role_ref.kind, place, obj.role_ref.name))
                if isinstance(role, Role | ClusterRole):
                    yield from role.rules or ()


def is_meant(subject: Subject, user: Identity) -> bool:
    if subject.kind == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.namespace}:{subject.name}"
    return subject.name == user.name if subject.kind == "User" else subject.name in user.groups


def says(rule: PolicyRule, asked: Attributes) -> bool:
    if not {"*", asked.verb} & set(rule.verbs):
        return False
    if asked.path is not None:
        return any(
            asked.path == url or (url[-1] == "*" and asked.path.startswith(url[:-1])) for url in rule.non_resource_urls
        )
    named = {"*", asked.whole_resource} | ({f"*/{asked.subresource}"} if asked.subresource else set())
    about = {"*", asked.group} & set(rule.api_groups) and named & set(rule.resources)
    return bool(about) and (not rule.resource_names or asked.name in rule.resource_names)


async def put(server: ApiServer, oracle: Oracle, obj: Object) -> None:
    """Makes the object, or takes away the one of its name that is there."""
    key = (obj.kind, obj.metadata.namespace, obj.metadata.name)
    resource = CATALOGUE.of(type(obj))
    if key in oracle.objects:
        del oracle.objects[key]
        target = Target(resource, obj.metadata.namespace, obj.metadata.name)
        await server.delete(MASTER, target, DeleteOptions())
    else:
        oracle.objects[key] = obj
        await server.create(MASTER, Target(resource, obj.metadata.namespace), obj, WriteOptions("tester"))


@settings(max_examples=40)
@given(STEPS)
async def test_answers_are_those_of_all_bindings_read_anew(steps: list[Object | Attributes]) -> None:
    store = MemoryStore(History(events=3))
    server, oracle = ApiServer(CATALOGUE, store, SystemClock()), Oracle()
    for space in SPACES:
        await server.create(
            MASTER, Target(CATALOGUE.of(Namespace)), Namespace(metadata=meta("", space)), WriteOptions("t")
        )
    asked: list[Attributes] = []
    for step in steps:
        if isinstance(step, Attributes):
            asked.append(step)
        else:
            await put(server, oracle, step)
        for question in asked:
            assert server.authorizer.decide(question).allowed == oracle.may(question)
    await store.close()
