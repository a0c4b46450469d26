"""Requests that are almost right: of every kind and verb, with something wrong in place, options or body."""

import base64
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from petset.api.resources import Resource
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import CLAIM, POD, SERVICE, STATEFUL_SET, VOLUME

Tree = dict[str, Any]

META: Tree = {"name": "one", "namespace": "default"}
TIME = "2026-11-23T05:12:00Z"
MICRO_TIME = "2026-11-23T05:12:00.000000Z"
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
RULE = {"apiGroups": ["", "apps"], "resources": ["pods", "pods/log"], "verbs": ["get", "list"], "resourceNames": ["a"]}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "name": "one"}
SUBJECT = {"kind": "ServiceAccount", "name": "a", "namespace": "default"}
ACCESS = {"verb": "get", "group": "", "version": "v1", "resource": "pods", "name": "a", "namespace": "default"}
SAMPLES: dict[str, Tree] = {
    "Pod": POD,
    "StatefulSet": STATEFUL_SET,
    "Service": SERVICE,
    "PersistentVolumeClaim": CLAIM,
    "PersistentVolume": VOLUME,
    "ConfigMap": {"metadata": META, "data": {"key": "value"}, "binaryData": {"blob": "AAAA"}},
    "Secret": {"metadata": META, "data": {"key": "dmFsdWU="}, "stringData": {"text": "text"}, "type": "Opaque"},
    "Event": {
        "metadata": META,
        "involvedObject": {"kind": "Pod", "name": "web-0", "namespace": "default"},
        "lastTimestamp": TIME,
        "count": 2,
        "series": {"count": 2, "lastObservedTime": MICRO_TIME},
    },
    "Node": {
        "metadata": {"name": "one"},
        "spec": {"taints": [{"key": "a", "effect": "NoSchedule", "timeAdded": TIME}]},
        "status": {"capacity": {"cpu": "1"}, "conditions": [{"type": "Ready", "status": "True"}]},
    },
    "Namespace": {"metadata": {"name": "one"}, "spec": {"finalizers": ["kubernetes"]}},
    "StorageClass": {"metadata": {"name": "one"}, "provisioner": "example.com/p", "parameters": {"a": "b"}},
    "Lease": {"metadata": META, "spec": {"holderIdentity": "me", "leaseDurationSeconds": 5, "renewTime": MICRO_TIME}},
    "Endpoints": {"metadata": META, "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]},
    "EndpointSlice": {
        "metadata": META,
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "a", "port": 80, "protocol": "TCP"}],
    },
    "ControllerRevision": {"metadata": META, "revision": 1, "data": {"spec": {"template": {}}}},
    "ServiceAccount": {"metadata": META, "imagePullSecrets": [{"name": "a"}]},
    "LimitRange": {
        "metadata": META,
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "1"}}]},
    },
    "ResourceQuota": {"metadata": META, "spec": {"hard": {"pods": "10", "requests.cpu": "4"}}},
    "PodDisruptionBudget": {
        "metadata": META,
        "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}},
    },
    "PriorityClass": {"metadata": {"name": "one"}, "value": 5, "preemptionPolicy": "Never"},
    "NetworkPolicy": {
        "metadata": META,
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}],
            "egress": [{"ports": [{"port": 80, "endPort": 90, "protocol": "TCP"}]}],
            "policyTypes": ["Ingress", "Egress"],
        },
    },
    "IngressClass": {"metadata": {"name": "one"}, "spec": {"controller": "example.com/c"}},
    "Ingress": {
        "metadata": META,
        "spec": {
            "rules": [
                {"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}
            ],
            "tls": [{"hosts": ["a.example"], "secretName": "a"}],
        },
    },
    "HorizontalPodAutoscaler": {
        "metadata": META,
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 5}},
                }
            ],
        },
    },
    "Role": {"metadata": META, "rules": [RULE]},
    "ClusterRole": {"metadata": {"name": "one"}, "rules": [RULE, {"nonResourceURLs": ["/x/*"], "verbs": ["get"]}]},
    "RoleBinding": {"metadata": META, "roleRef": {**ROLE, "kind": "Role"}, "subjects": [SUBJECT]},
    "ClusterRoleBinding": {
        "metadata": {"name": "one"},
        "roleRef": {**ROLE, "kind": "ClusterRole"},
        "subjects": [SUBJECT],
    },
    "SelfSubjectReview": {},
    "SelfSubjectRulesReview": {"spec": {"namespace": "default"}},
    "SelfSubjectAccessReview": {"spec": {"resourceAttributes": ACCESS}},
    "SubjectAccessReview": {"spec": {"resourceAttributes": ACCESS, "user": "me", "groups": ["us"]}},
    "Binding": {"metadata": META, "target": {"kind": "Node", "name": "node-1"}},
    "LocalSubjectAccessReview": {"metadata": META, "spec": {"resourceAttributes": ACCESS, "user": "me"}},
    "TokenReview": {"spec": {"token": "a.b.c", "audiences": ["d"]}},
}
EXTRAS: Tree = {
    "labels": {"app": "web"},
    "annotations": {"a": "b"},
    "finalizers": ["example.com/keep"],
    "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": True}],
    "managedFields": [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": TIME,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}},
        }
    ],
    "generateName": "one-",
    "deletionGracePeriodSeconds": 5,
    "creationTimestamp": TIME,
    "resourceVersion": "1",
    "uid": "u",
}
DELETE_OPTIONS = {"gracePeriodSeconds": 0, "propagationPolicy": "Orphan", "preconditions": {"uid": "u"}, "dryRun": []}
BODY_TYPES = {
    "json": "application/json",
    "yaml": "application/yaml",
    "protobuf": "application/vnd.kubernetes.protobuf",
    "patch": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True)
class Request:
    """What is sent, and the list that shows what came of it; "" where there is none."""

    collection: str
    method: str
    target: str
    body: bytes
    headers: dict[str, str]


def rarely(draw: st.DrawFn) -> bool:
    """True in one case of eight."""
    return draw(st.integers(0, 7)) == 7


# --- wrong values -----------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *("", " ", "\0", "é", "🐸", "x" * 300, TIME, "a", "-", "/", "..", "a/b", "%", "=", "%%%", "$(X)", "{{}}"),
        *("1", "-1", "1Gi", "1e9999", "0x1", "50%", "-5%", "true", "null", "yesterday", "10.0.0.1", "::1", "1.2.3.999"),
        *("None", "IPv6", "ClusterIP", "ExternalName", "NodePort", "Always", "OnDelete", "Bound", "default", "web-0"),
        *("kubernetes", "w.eb", "one", MICRO_TIME),
    ]
)
NUMBERS = st.sampled_from(
    [0, 1, -1, 65536, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 0.5, 1e300]
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=5))
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
DIRECTIVES = st.sampled_from(
    [
        {"$patch": "delete"},
        {"$patch": "replace"},
        {"$patch": 5},
        {"$retainKeys": ["a", 5]},
        {"$setElementOrder/containers": [{"name": "b"}, 5, None]},
        {"$setElementOrder/finalizers": ["a", {}]},
        {"$deleteFromPrimitiveList/finalizers": ["example.com/keep", {}]},
        {"$setElementOrder/": []},
    ]
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something could be wrong."""
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    """What is at a place."""
    for key in path:
        tree = tree[key]
    return tree


def put(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The tree with another value at a place."""
    if not path:
        return value
    at(tree, path[:-1])[path[-1]] = value
    return tree


@st.composite
def spoilt(draw: st.DrawFn, tree: Any) -> Any:
    """A tree with a wrong value or two, mostly of the right type; with none at all sometimes."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2]))):
        path = draw(st.sampled_from(list(places(tree))))
        wrong = JUNK if rarely(draw) else alike(at(tree, path))
        if path and isinstance(path[-1], str) and rarely(draw):
            path = (*path[:-1], draw(WORDS))  # beside it
        tree = put(tree, path, draw(wrong))
    return tree


def alike(value: Any) -> st.SearchStrategy[Any]:
    """Other values of the same type."""
    match value:
        case bool():
            return st.just(not value)
        case int():
            return NUMBERS.filter(lambda number: isinstance(number, int))
        case str():
            return WORDS
        case list():
            return st.sampled_from([[], value * 2, value * 50, [None]])
    return st.sampled_from([{}, None, {**value, "": ""}]) if isinstance(value, dict) else JUNK


@st.composite
def objects(draw: st.DrawFn, resource: Resource[Any]) -> Any:
    """An object, about right."""
    tree = copy.deepcopy(SAMPLES[resource.kind])
    for name in draw(st.lists(st.sampled_from(sorted(EXTRAS)), max_size=2)):
        tree["metadata"] = {**tree.get("metadata", {}), name: EXTRAS[name]}
    if "metadata" in tree and draw(st.booleans()):
        tree["metadata"] = {**tree["metadata"], "name": "new"}
    if not rarely(draw):
        tree |= {"apiVersion": resource.group_version, "kind": resource.kind}
    return draw(spoilt(tree))


# --- bodies -----------------------------------------------------------------------------------------------------------


@st.composite
def operations(draw: st.DrawFn, tree: Any) -> Any:
    """A JSON patch, about right."""
    pointers = ["".join(f"/{key}" for key in path) for path in places(tree)]
    pointer = (
        st.sampled_from(pointers) | WORDS | st.sampled_from(["/metadata/labels/-", "/metadata/finalizers/-", "/~2"])
    )
    one = st.fixed_dictionaries(
        {
            "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "frog"]),
            "path": pointer | SCALARS,
        },
        optional={"from": pointer | SCALARS, "value": JUNK},
    )
    return draw(st.lists(one | JUNK, max_size=4))


@st.composite
def texts(draw: st.DrawFn, tree: Any) -> bytes:
    """A tree as JSON, mostly: bytes may be missing, doubled or others."""
    raw = json.dumps(tree, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 3]))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=3)) + raw[at + draw(st.integers(0, 3)) :]
    return raw


@st.composite
def bodies(draw: st.DrawFn, resource: Resource[Any], method: str) -> tuple[bytes, str]:
    """A body and its type."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return b"", ""
    if method == "DELETE":
        options = {
            "gracePeriodSeconds": 0,
            "propagationPolicy": "Background",
            "preconditions": {"uid": "u"},
            "dryRun": [],
        }
        return draw(st.just(b"") | spoilt(options).flatmap(texts)), BODY_TYPES["json"]
    patches = ["patch", "merge", "strategic", "apply"]
    kind = draw(st.sampled_from(patches if method == "PATCH" else ["json", "json", "json", "yaml", "protobuf"]))
    if kind == "protobuf":
        return draw(protobufs(resource)), BODY_TYPES[kind]
    tree = draw(objects(resource))
    if kind == "patch":
        tree = draw(operations(SAMPLES[resource.kind]))
    elif kind == "strategic" and isinstance(tree, dict) and tree and draw(st.booleans()):
        path = draw(st.sampled_from([path for path in places(tree) if path]))
        tree = put(tree, path, draw(DIRECTIVES))
    return draw(texts(tree)), BODY_TYPES[kind]


@st.composite
def protobufs(draw: st.DrawFn, resource: Resource[Any]) -> bytes:
    """Nothing but noise below the envelope, that of the right kind."""
    version, kind = resource.group_version.encode(), resource.kind.encode()
    names = b"\x0a" + bytes([len(version)]) + version + b"\x12" + bytes([len(kind)]) + kind
    noise = draw(st.binary(max_size=40))
    field = st.tuples(st.integers(1, 6), st.binary(max_size=10)).map(lambda f: bytes([f[0] << 3 | 2, len(f[1])]) + f[1])
    meta = b"\x0a\x05\x0a\x03one" + b"".join(draw(st.lists(field, max_size=4)))
    content = draw(st.sampled_from([noise, meta + noise, meta]))
    return b"k8s\0\x0a" + bytes([len(names)]) + names + b"\x12" + bytes([len(content)]) + content


# --- wrong types ------------------------------------------------------------------------------------------------------

TYPES = (None, True, 5, "x", [None], {"": None})


def wrong_types(resource: Resource[Any]) -> Iterator[Request]:
    """Every way to write an object, with a value of every type in the place of each of its fields."""
    sample = {"apiVersion": resource.group_version, "kind": resource.kind, **SAMPLES[resource.kind]}
    root = f"{root_of(resource)}/namespaces/default" if resource.namespaced else root_of(resource)
    collection = f"{root}/{resource.plural}"
    one = f"{collection}/{SAMPLES[resource.kind].get('metadata', META)['name']}"
    shown = f"{root_of(resource)}/{resource.plural}" if "list" in resource.verbs else ""
    for path in places(sample):
        for value in TYPES:
            whole = json.dumps(put(copy.deepcopy(sample), path, value)).encode()
            part = json.dumps(nested(path, value)).encode()
            operation = {"op": "add", "path": "".join(f"/{key}" for key in path), "value": value}
            yield Request(shown, "POST", collection, whole, {"Content-Type": BODY_TYPES["json"]})
            for target in (one, f"{one}/status") if resource.status else (one,):
                for method, query, body, type_ in (
                    ("PUT", "", whole, "json"),
                    ("PATCH", "", part, "merge"),
                    ("PATCH", "", whole, "strategic"),
                    ("PATCH", "?fieldManager=me&force=true", whole, "apply"),
                    ("PATCH", "", json.dumps([operation]).encode(), "patch"),
                ):
                    yield Request(shown, method, target + query, body, {"Content-Type": BODY_TYPES[type_]})


def nested(path: tuple[Any, ...], value: Any) -> Any:
    """The smallest tree with a value at a place."""
    for key in reversed(path):
        value = {key: value} if isinstance(key, str) else [value]
    return value


# --- places and options -----------------------------------------------------------------------------------------------


def root_of(resource: Resource[Any]) -> str:
    """Where the resources of its group are."""
    return f"/apis/{resource.group_version}" if resource.group else "/api/v1"


@st.composite
def paths(draw: st.DrawFn, resource: Resource[Any], method: str) -> str:
    """The URL of a collection, an object, or a part of one: mostly of what the method is for."""
    parts = [root_of(resource)]
    if resource.namespaced and not (method == "GET" and draw(st.booleans())) and not rarely(draw):
        parts += ["namespaces", draw(st.sampled_from(["absent", ".."])) if rarely(draw) else "default"]
    parts.append(resource.plural)
    own = {"status"} if resource.status else set()
    own |= {"scale"} if resource.scale else set()
    own |= {known.name for known in resource.subresources}
    if draw(st.booleans()) if method in ("POST", "GET", "HEAD") else not rarely(draw):
        name = SAMPLES[resource.kind].get("metadata", META)["name"]
        parts.append(quote(draw(WORDS), safe="") if rarely(draw) else name)
        if method == "POST" or draw(st.booleans()):
            parts.append(draw(st.sampled_from(sorted(own) or ["status"])))
    return "/".join(parts)


def token(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


SELECTORS = st.sampled_from(
    ["app=web", "app in (web,db)", "!app", "a,,b", "a>1", "a=", "(", "metadata.name=one", "x!=y"]
)
TOKENS = JUNK.map(token) | st.just(token({"v": "petset/v1", "rv": 1, "after": "default/a"})) | WORDS
FLAGS = st.sampled_from(["true", "1", "0", "false", ""]) | WORDS
PARAMETERS: dict[str, st.SearchStrategy[str]] = {
    "labelSelector": SELECTORS | WORDS,
    "fieldSelector": SELECTORS | WORDS,
    "limit": NUMBERS.map(str) | WORDS,
    "continue": TOKENS,
    "resourceVersion": NUMBERS.map(str) | WORDS,
    "resourceVersionMatch": st.sampled_from(["Exact", "NotOlderThan"]) | WORDS,
    "watch": FLAGS,
    "allowWatchBookmarks": FLAGS,
    "sendInitialEvents": FLAGS,
    "dryRun": st.just("All") | WORDS,
    "fieldValidation": st.sampled_from(["Strict", "Warn", "Ignore"]) | WORDS,
    "fieldManager": WORDS,
    "force": FLAGS,
    "includeObject": st.sampled_from(["None", "Object"]) | WORDS,
    "gracePeriodSeconds": NUMBERS.map(str) | WORDS,
    "propagationPolicy": st.sampled_from(["Orphan", "Foreground", "Background"]) | WORDS,
    "container": WORDS,
    "command": WORDS,
    "stdout": FLAGS,
    "tailLines": NUMBERS.map(str),
    "sinceSeconds": NUMBERS.map(str),
    "sinceTime": WORDS,
}
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
ACCEPTED = st.sampled_from(
    [""] * 4
    + [TABLE, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"]
    + ["application/json;as=Table;g=meta.k8s.io;v=v9", "text/html", ";;,", "application/vnd.kubernetes.protobuf, */*"]
)


@st.composite
def queries(draw: st.DrawFn, *, applies: bool) -> str:
    """Options. Watches end at once, so that a test can tell them from those that hang."""
    names = draw(st.lists(st.sampled_from(sorted(PARAMETERS)), max_size=3)) if draw(st.booleans()) else []
    pairs = [("timeoutSeconds", "-1"), *((name, draw(PARAMETERS[name])) for name in names)]
    if applies:
        pairs += [("fieldManager", "me"), ("force", draw(st.sampled_from(["true", "false"])))]
    return "&".join(f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in pairs)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Any request to a resource."""
    resource = draw(st.sampled_from(CATALOGUE.resources))
    method = draw(st.sampled_from(["GET", "POST", "POST", "POST", "PUT", "PATCH", "PATCH", "PATCH", "DELETE", "HEAD"]))
    body, type_ = draw(bodies(resource, method))
    query = draw(queries(applies=type_ == BODY_TYPES["apply"]))
    headers = {"Content-Type": type_} if type_ else {}
    if rarely(draw) and (accept := draw(ACCEPTED)):
        headers["Accept"] = accept
    path = draw(paths(resource, method))
    collection = f"{root_of(resource)}/{resource.plural}" if "list" in resource.verbs else ""
    return Request(collection, method, f"{path}?{query}", body, headers)


def variants(request: Request) -> Iterator[Request]:
    """The request, and the same in other words: each method, each type of body, more and less of it, other options."""
    yield request
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        if method != request.method:
            yield replace(request, method=method)
    if request.body:
        for type_ in BODY_TYPES.values():
            yield replace(request, headers={**request.headers, "Content-Type": type_})
        yield replace(request, body=request.body[: len(request.body) // 2])
        yield replace(request, body=request.body * 2)
    yield replace(request, target=f"{request.target}&dryRun=All&fieldValidation=Strict&fieldManager=other&force=true")
    yield replace(request, headers={**request.headers, "Accept": TABLE, "Accept-Encoding": "gzip"})
