"""The schema nodes, decoding through them, and what strict validation finds."""

import copy
import json
from typing import Any

import msgspec
import pytest

from petset.api import types
from petset.api.alike import LONGEST_REMEMBERED
from petset.api.schema import Node, schema_of
from petset.api.schema.decode import DecodeError, convert, decode
from petset.api.schema.regular import read_regular, without_regular_spec
from petset.api.schema.strict import problems, unknown_fields
from petset.api.types import (
    ConfigMap,
    ControllerRevision,
    Endpoints,
    Lease,
    ListMeta,
    Object,
    Pod,
    PodSpec,
    Service,
    StatefulSet,
    Struct,
)


def at(type_: type[Struct], path: str) -> Node:
    """The node of a dotted path; `[]` steps into a list or map."""
    node: Node | None = schema_of(type_)
    for step in path.split("."):
        name = step.removesuffix("[]")
        node = node.field(name) if node else None
        node = node.item if node and step.endswith("[]") else node
    assert node is not None, path
    return node


# --- nodes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "path", "kind", "type_name"),
    [
        (Pod, "spec", "object", "PodSpec"),
        (Pod, "spec.containers", "list", ""),
        (Pod, "spec.containers[]", "object", "Container"),
        (Pod, "metadata.labels", "map", ""),
        (Pod, "metadata.labels[]", "scalar", "string"),
        (Pod, "spec.containers[].resources.limits[]", "scalar", "quantity"),
        (Pod, "spec.containers[].readinessProbe.httpGet.port", "scalar", "int-or-string"),
        (Pod, "metadata.creationTimestamp", "scalar", "date-time"),
        (Pod, "spec.terminationGracePeriodSeconds", "scalar", "int64"),
        (StatefulSet, "spec.replicas", "scalar", "int32"),
        (StatefulSet, "spec.volumeClaimTemplates[]", "object", "PersistentVolumeClaim"),
        (ConfigMap, "binaryData[]", "scalar", "byte"),
        (ControllerRevision, "data", "any", ""),
        (Pod, "metadata.managedFields[].fieldsV1", "any", ""),
    ],
)
def test_kind_and_type_of_a_position(type_: type[Struct], path: str, kind: str, type_name: str) -> None:
    node = at(type_, path)
    assert (node.kind, node.type) == (kind, type_name)


@pytest.mark.parametrize(
    ("type_", "path", "list_type", "keys"),
    [
        (Pod, "spec.containers", "map", ("name",)),
        (Pod, "spec.containers[].ports", "map", ("containerPort", "protocol")),
        (Pod, "spec.containers[].volumeMounts", "map", ("mountPath",)),
        (Pod, "spec.containers[].args", "atomic", ()),
        (Pod, "spec.tolerations", "atomic", ()),
        (Pod, "metadata.finalizers", "set", ()),
        (Pod, "metadata.ownerReferences", "map", ("uid",)),
        (Service, "spec.ports", "map", ("port", "protocol")),
        (StatefulSet, "spec.volumeClaimTemplates", "atomic", ()),
        (types.APIResource, "verbs", None, ()),
    ],
)
def test_list_types_and_keys(type_: type[Struct], path: str, list_type: str | None, keys: tuple[str, ...]) -> None:
    node = at(type_, path)
    assert (node.list_type, node.list_map_keys) == (list_type, keys)


@pytest.mark.parametrize(
    ("type_", "path", "strategies", "merge_key"),
    [
        (Pod, "spec.containers", {"merge"}, "name"),
        (Pod, "spec.containers[].ports", {"merge"}, "containerPort"),
        (Pod, "spec.volumes", {"merge", "retainKeys"}, "name"),
        (Pod, "metadata.finalizers", {"merge"}, None),
        (Pod, "spec.tolerations", set(), None),
        (Service, "spec.ports", {"merge"}, "port"),
    ],
)
def test_patch_strategies(type_: type[Struct], path: str, strategies: set[str], merge_key: str | None) -> None:
    node = at(type_, path)
    assert set(node.patch_strategies) == strategies
    assert node.patch_merge_key == merge_key


@pytest.mark.parametrize(
    ("type_", "path", "map_type"),
    [
        (StatefulSet, "spec.selector", "atomic"),
        (Service, "spec.selector", "atomic"),
        (Pod, "spec.nodeSelector", "atomic"),
        (Pod, "metadata.ownerReferences[]", "atomic"),
        (Endpoints, "subsets[].addresses[].targetRef", "atomic"),
        (Pod, "metadata.labels", "granular"),
        (Pod, "spec", "granular"),
    ],
)
def test_map_types(type_: type[Struct], path: str, map_type: str) -> None:
    assert at(type_, path).map_type == map_type


def test_defaults_of_list_map_keys() -> None:
    assert at(Service, "spec.ports[].protocol").default == "TCP"
    assert at(Pod, "spec.containers[].ports[].protocol").default == "TCP"
    assert at(Pod, "spec.containers[].name").default is None


def test_unknown_field_has_no_node() -> None:
    assert schema_of(Pod).field("nope") is None


def test_scalars_have_no_fields() -> None:
    assert dict(at(Pod, "metadata.name").fields) == {}


def test_values_whose_zero_is_unset_are_optional_in_the_types() -> None:
    for name in ("PodSpec", "Container", "ServiceSpec", "ObjectMeta", "ListMeta", "Event"):
        type_: type[Struct] = getattr(types, name)
        defaults = dict(zip(type_.__struct_encode_fields__, type_.__struct_defaults__, strict=True))
        zeros = [field for field, node in schema_of(type_).fields.items() if node.zero_is_unset]
        assert [field for field in zeros if defaults[field] is not None] == []


# --- decoding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"metadata": {"creationTimestamp": None}}, {}),
        ({"spec": None, "status": None, "metadata": None}, {}),
        ({"spec": {"containers": None, "volumes": None, "nodeName": None}}, {}),
        ({"metadata": {"labels": {"a": None}}}, {"metadata": {"labels": {"a": ""}}}),
        ({"spec": {"containers": [None]}}, {"spec": {"containers": [{}]}}),
        (
            {"spec": {"containers": [{"name": "c", "args": [None, "x"]}]}},
            {"spec": {"containers": [{"name": "c", "args": ["", "x"]}]}},
        ),
        ({"spec": {"nodeName": "", "hostNetwork": False}}, {}),
        ({"spec": {"containers": None, "nodeName": "", "unheard": {"of": 1}}}, {}),
    ],
)
def test_nulls_zeros_and_unknown_fields_are_as_if_absent(given: dict[str, Any], expected: dict[str, Any]) -> None:
    plain = msgspec.convert(expected, Pod)
    assert decode(json.dumps(given).encode(), Pod) == plain
    assert decode(json.dumps(given, separators=(",", ":")).encode(), Pod) == plain
    assert convert(given, Pod) == plain


def test_zeros_of_pointers_and_of_required_values_stay() -> None:
    spec = {"terminationGracePeriodSeconds": 0, "enableServiceLinks": False, "containers": [{"name": ""}]}
    pod = decode(json.dumps({"spec": spec}).encode(), Pod)
    assert pod.spec.termination_grace_period_seconds == 0
    assert pod.spec.enable_service_links is False
    assert pod.spec.containers[0].name == ""


def test_zeros_that_were_stored_are_written_nowhere() -> None:
    document = b'{"spec":{"containers":[{"name":"c","tty":false,"workingDir":"","ports":[{"hostPort":0}]}]}}'
    pod = decode(document, Pod)
    (container,) = json.loads(msgspec.json.encode(pod))["spec"]["containers"]
    assert container == {"name": "c", "ports": [{"containerPort": 0}], "resources": {}}


@pytest.mark.parametrize(
    ("given", "expected"), [(1, "1"), (0.5, "500m"), ("0.5", "500m"), ("1024Mi", "1Gi"), (" 1 ", "1")]
)
def test_quantities_may_be_numbers_and_become_canonical(given: Any, expected: str) -> None:
    document = {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": given}}}]}}
    for pod in (decode(json.dumps(document).encode(), Pod), convert(document, Pod)):
        assert pod.spec.containers[0].resources.limits == {"cpu": expected}


def test_quantities_outside_maps_become_canonical() -> None:
    document = {"spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": 1024}}]}}
    (volume,) = convert(document, Pod).spec.volumes
    assert volume.empty_dir is not None
    assert volume.empty_dir.size_limit == "1024"


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("lastTimestamp", "05:12:00Z", "05:12:00Z"),
        ("lastTimestamp", "05:12:00.123456Z", "05:12:00Z"),
        ("lastTimestamp", "05:12:59.9876543210Z", "05:12:59Z"),
        ("lastTimestamp", "05:12:59,9Z", "05:12:59Z"),
        ("lastTimestamp", "5:12:00Z", "05:12:00Z"),
        ("lastTimestamp", "05:12:00+01:00", "04:12:00Z"),
        ("lastTimestamp", f"05:12:00.{'1' * 5000}Z", "05:12:00Z"),
        ("eventTime", "05:12:00.000000Z", "05:12:00.000000Z"),
        ("eventTime", "05:12:00,123456Z", "05:12:00.123456Z"),
        ("eventTime", "05:12:00.123456+01:00", "04:12:00.123456Z"),
    ],
)
def test_times_are_written_in_one_form(name: str, text: str, form: str) -> None:
    tree = {name: f"2026-11-23T{text}"}
    for event in (
        convert(tree, types.Event),
        convert({**tree, "count": None, "metadata": None}, types.Event),
        decode(msgspec.json.encode(tree), types.Event),
    ):
        assert msgspec.to_builtins(event)[name] == f"2026-11-23T{form}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-23T05:12:00Z", 'cannot parse "Z" as ".000000"'),
        ("2026-11-23T05:12:00.5Z", 'cannot parse ".5Z" as ".000000"'),
        ("2026-11-23T05:12:00.1234567Z", 'cannot parse "7Z" as "Z07:00"'),
        ("2026-11-23T05:12:00.123456", 'cannot parse "" as "Z07:00"'),
    ],
)
def test_a_micro_time_has_six_digits(text: str, why: str) -> None:
    for kind, tree in (
        (types.Event, {"eventTime": text}),
        (types.Event, {"series": {"lastObservedTime": text}}),
        (types.EventsV1Event, {"eventTime": text}),
        (types.EventsV1Event, {"series": {"lastObservedTime": text}}),
        (types.Lease, {"spec": {"renewTime": text}}),
        (types.Lease, {"spec": {"acquireTime": text}}),
    ):
        with pytest.raises(DecodeError) as refused:
            decode(msgspec.json.encode(tree), kind)
        assert refused.value.message == f'parsing time "{text}" as "2006-01-02T15:04:05.000000Z07:00": {why}'


def test_times_in_maps_are_times_too() -> None:
    told = {"a": "2026-11-23T05:12:00.5+01:00"}
    budget = convert({"status": {"disruptedPods": told}}, types.PodDisruptionBudget)
    assert budget.status.disrupted_pods == {"a": "2026-11-23T04:12:00Z"}
    with pytest.raises(DecodeError, match='parsing time "x"'):
        convert({"status": {"disruptedPods": {"a": "x"}}}, types.PodDisruptionBudget)


def test_times_without_another_form_stay_as_they_are() -> None:
    text = "0001-01-01T00:00:00+01:00"
    assert convert({"lastTimestamp": text}, types.Event).last_timestamp == text


@pytest.mark.parametrize(
    ("name", "text", "known"),
    [
        ("lastTimestamp", "0001-01-01T00:00:00Z", False),
        ("lastTimestamp", "0001-01-01T00:00:00.5Z", False),
        ("lastTimestamp", "0001-01-01T01:00:00+01:00", False),
        ("lastTimestamp", "0001-01-01T00:00:01Z", True),
        ("eventTime", "0001-01-01T00:00:00.000000Z", False),
        ("eventTime", "0001-01-01T00:00:00.000001Z", True),
    ],
)
def test_a_time_where_times_begin_is_none(name: str, text: str, known: bool) -> None:
    for event in (convert({name: text}, types.Event), decode(msgspec.json.encode({name: text}), types.Event)):
        assert msgspec.to_builtins(event)[name] == (text if known else None)


def test_a_time_in_a_map_stays_where_times_begin() -> None:
    told = {"a": "0001-01-01T00:00:00Z"}
    assert convert({"status": {"disruptedPods": told}}, types.PodDisruptionBudget).status.disrupted_pods == told


LAYOUT = '" as "2006-01-02T15:04:05Z07:00": cannot parse '


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", f'{LAYOUT}"" as "2006"'),
        ("yesterday", f'{LAYOUT}"yesterday" as "2006"'),
        ("2026-11-23", f'{LAYOUT}"" as "T"'),
        ("2026-11-23T05:12:00", f'{LAYOUT}"" as "Z07:00"'),
        ("20260101T000000Z", f'{LAYOUT}"0101T000000Z" as "-"'),
        ("2026-13-01T00:00:00Z", '": month out of range'),
        ("2026-02-30T00:00:00Z", '": day out of range'),
        ("2026-01-01T25:00:00Z", '": hour out of range'),
        ("2026-11-23T05:12:61Z", '": second out of range'),
        ("2026-11-23T05:12:00+25:00", '": time zone offset hour out of range'),
        ("2026-11-23T05:12:00Zx", '": extra text: "x"'),
    ],
)
def test_times_that_are_none_are_named(text: str, why: str) -> None:
    with pytest.raises(DecodeError) as refused:
        convert({"metadata": {"managedFields": [{"time": text}]}}, types.Event)
    assert (refused.value.path, refused.value.message) == (
        "metadata.managedFields[0].time",
        f'parsing time "{text}{why}',
    )


@pytest.mark.parametrize(
    ("text", "offset"),
    [("?", 0), ("eA=", 3), ("eA", 0), ("eA==eA==", 4), ("eHh4=", 4), ("eHh4====", 4), ("not base64", 3)],
)
def test_bytes_that_are_none_are_named(text: str, offset: int) -> None:
    with pytest.raises(DecodeError) as refused:
        convert({"data": {"a": text}}, types.Secret)
    assert (refused.value.path, refused.value.message) == ("data[a]", f"illegal base64 data at input byte {offset}")


@pytest.mark.parametrize("text", ["eHh4\neHh4\n", "eHh4\r\neHh4"])
def test_bytes_may_stand_in_several_lines(text: str) -> None:
    assert convert({"data": {"a": text}}, types.Secret).data == {"a": "eHh4eHh4"}
    assert decode(json.dumps({"binaryData": {"a": text}}).encode(), types.ConfigMap).binary_data == {"a": "eHh4eHh4"}


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        ({"metadata": {"uid": 5}}, "number into Go struct field ObjectMeta.metadata.uid of type types.UID"),
        (
            {"spec": {"containers": [{"livenessProbe": {"grpc": {"port": "x"}}}]}},
            (
                "string into Go struct field GRPCAction.spec.containers.livenessProbe.ProbeHandler.grpc.port"
                " of type int32"
            ),
        ),
        (
            {"spec": {"volumes": [{"emptyDir": []}]}},
            "array into Go struct field Volume.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource",
        ),
        (
            {"spec": {"containers": [{"securityContext": {"capabilities": {"add": [5]}}}]}},
            (
                "number into Go struct field Capabilities.spec.containers.securityContext.capabilities.add"
                " of type v1.Capability"
            ),
        ),
        (
            {"spec": {"containers": [{"resources": {"limits": []}}]}},
            "array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
        ),
    ],
)
def test_types_have_their_names_in_go(tree: dict[str, Any], why: str) -> None:
    with pytest.raises(DecodeError) as refused:
        convert(tree, types.Pod)
    assert refused.value.message == f"json: cannot unmarshal {why}"


def test_nulls_without_a_schema_are_kept() -> None:
    document = b'{"metadata":null,"data":{"spec":{"a":null}},"revision":1}'
    assert decode(document, ControllerRevision).data == {"spec": {"a": None}}


def test_converting_leaves_the_tree_alone() -> None:
    tree = {"metadata": {"labels": {"a": "b"}}, "spec": {"overhead": {"cpu": "0.5"}, "nodeName": ""}}
    before = copy.deepcopy(tree)
    pod = convert(tree, Pod)
    pod.metadata.labels["c"] = "d"
    assert tree == before


@pytest.mark.parametrize(
    ("type_", "document", "path", "message"),
    [
        (
            StatefulSet,
            {"spec": {"replicas": "three"}},
            "spec.replicas",
            "json: cannot unmarshal string into Go struct field StatefulSetSpec.spec.replicas of type int32",
        ),
        (
            StatefulSet,
            {"spec": {"replicas": 2**31}},
            "spec.replicas",
            "json: cannot unmarshal number 2147483648 into Go struct field StatefulSetSpec.spec.replicas of type int32",
        ),
        (
            StatefulSet,
            {"spec": {"replicas": 1.5}},
            "spec.replicas",
            "json: cannot unmarshal number 1.5 into Go struct field StatefulSetSpec.spec.replicas of type int32",
        ),
        (
            Pod,
            {"spec": {"containers": [{"name": "a"}, {"name": "b", "image": 3}]}},
            "spec.containers[1].image",
            "json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string",
        ),
        (
            Pod,
            {"metadata": {"labels": {"a": True}}},
            "metadata.labels[a]",
            "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            Pod,
            {"spec": {"hostNetwork": "true"}},
            "spec.hostNetwork",
            "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (
            Pod,
            {"spec": {"containers": {}}},
            "spec.containers",
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            Pod,
            {"spec": []},
            "spec",
            "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec",
        ),
        (
            Pod,
            {"metadata": {"labels": 1}},
            "metadata.labels",
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type map[string]string",
        ),
        (Pod, [], "", "json: cannot unmarshal array into Go value of type v1.Pod"),
        (
            Pod,
            {"spec": {"containers": [{"resources": {"limits": {"cpu": "many"}}}]}},
            "spec.containers[0].resources.limits[cpu]",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_named(type_: type[Struct], document: Any, path: str, message: str) -> None:
    with pytest.raises(DecodeError) as decoding:
        decode(json.dumps(document).encode(), type_)
    with pytest.raises(DecodeError) as converting:
        convert(document, type_)
    for error in (decoding.value, converting.value):
        assert (error.path, error.message) == (path, message)


@pytest.mark.parametrize("raw", [b"", b"{", b'{"kind":"\xff"}', b"{} x"])
def test_text_that_is_not_json_is_an_error(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(raw, Pod)


# --- strict ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"spec": {"replicas": 1}}, []),
        ({"foo": 1, "spec": {"bar": {"deeper": 1}}}, ["foo", "spec.bar"]),
        (
            {"spec": {"template": {"spec": {"containers": [{"name": "a", "foo": 1}, {"imag": "b"}]}}}},
            ["spec.template.spec.containers[0].foo", "spec.template.spec.containers[1].imag"],
        ),
        ({"metadata": {"labels": {"anything": "goes"}, "lables": {}}}, ["metadata.lables"]),
        ({"metadata": {"managedFields": [{"fieldsV1": {"f:spec": {}}}]}}, []),
        ({"spec": {"template": 7, "selector": None}}, []),
    ],
)
def test_unknown_fields_are_found(tree: Any, expected: list[str]) -> None:
    assert unknown_fields(tree, schema_of(StatefulSet)) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"a":1,"b":{"a":1}}', []),
        (b'{"a":1,"a":2,"a":3}', ["a"]),
        (b'{"spec":{"replicas":1,"replicas":2},"kind":"x","kind":"y"}', ["spec.replicas", "kind"]),
        (b'{"spec":{"containers":[{"name":"a"},{"name":"b","name":"c"}]}}', ["spec.containers[1].name"]),
        (b'{"a":{"x":1,"x":2},"a":{"y":1,"y":2}}', ["a.x", "a", "a.y"]),
        (b'[[{"a":1,"a":1}]]', ["[0][0].a"]),
        (b'{"a" :1,"a":2}', ["a"]),
        (b'{"a"\n:1,"b":{"c":"\\":"}}', []),
        (b'{"a":"\\u0022:","b":1,"b":2}', ["b"]),
        (b'{"a":"\\":","a":"\\":"}', ["a"]),
        (b'{"a\\":":1,"a\\":":2}', ['a":']),
    ],
)
def test_duplicate_fields_are_found(raw: bytes, expected: list[str]) -> None:
    assert problems(raw, json.loads(raw), None) == [f'duplicate field "{path}"' for path in expected]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"frog":1,"spec":{"replicas":1}}', ['unknown field "frog"']),
        (
            b'{"metadata":{"name":"a","name":"b","frog":1},"spec":{"bird":1,"replicas":1,"bird":2,"replicas":2}}',
            [
                'duplicate field "metadata.name"',
                'unknown field "metadata.frog"',
                'unknown field "spec.bird"',
                'duplicate field "spec.replicas"',
            ],
        ),
        (
            b'{"spec":{"template":{"spec":{"containers":[{"name":"a","frog":{"x":1,"x":2},"name":"b"}]}}}}',
            [
                'unknown field "spec.template.spec.containers[0].frog"',
                'duplicate field "spec.template.spec.containers[0].name"',
            ],
        ),
        (b'{"metadata":{"labels":{"a":"1","a":"2"}}}', ['duplicate field "metadata.labels.a"']),
    ],
)
def test_what_is_wrong_is_told_in_the_order_of_the_text(raw: bytes, expected: list[str]) -> None:
    assert problems(raw, json.loads(raw), schema_of(types.StatefulSet)) == expected


# --- regular objects -------------------------------------------------------------------------------------------------


def regular(metadata: str = '{"name":"web-0"}', spec: str = '{"hostname":"a"}', more: str = "") -> bytes:
    return f'{{"apiVersion":"v1","kind":"Pod","metadata":{metadata},"spec":{spec}{more}}}'.encode()


OWNER = '{"apiVersion":"apps/v1","kind":"StatefulSet","name":"web","uid":"u"}'


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(regular(), id="a name and a spec"),
        pytest.param(regular().replace(b":", b": ").replace(b",", b", "), id="spaces as Python writes them"),
        pytest.param(json.dumps(json.loads(regular()), indent=1).encode(), id="a line for each field"),
        pytest.param(json.dumps(json.loads(regular()), sort_keys=True).encode(), id="another order"),
        pytest.param(regular(more=',"status":{}'), id="an empty status, as Go writes it"),
        pytest.param(regular(f'{{"name":"a","ownerReferences":[{OWNER}]}}'), id="an owner"),
        pytest.param(regular('{"ownerReferences":[{"kind":"StatefulSet","name":"web"}]}'), id="half an owner"),
        pytest.param(regular('{"labels":{"a":""},"annotations":{"\\"a\\":1":"{\\"b\\":2}"}}'), id="keys in strings"),
        pytest.param(regular('{"name":"a","generation":2,"finalizers":["b"]}'), id="a number and a list"),
        pytest.param(regular('{"creationTimestamp":"2026-11-23T05:12:00Z"}'), id="a time"),
        pytest.param(regular('{"creationTimestamp":"2026-11-23T05:12:00+00:00"}'), id="a time in another form"),
    ],
)
def test_a_regular_object_is_read_as_any_other(raw: bytes) -> None:
    found = read_regular(raw, Pod, "v1")
    assert found == decode(raw, Pod)
    assert problems(raw, json.loads(raw), schema_of(Pod)) == []


@pytest.mark.parametrize(
    ("type_", "raw"),
    [
        pytest.param(ConfigMap, b'{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"b"}}', id="a kind without a spec"),
        pytest.param(Pod, regular().replace(b'"v1"', b'"v2"'), id="another version"),
        pytest.param(Pod, regular().replace(b"Pod", b"Node"), id="another kind"),
        pytest.param(Pod, b'{"metadata":{"name":"a"},"spec":{"hostname":"a"}}', id="no kind"),
        pytest.param(Pod, b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}', id="no spec"),
        pytest.param(Pod, regular()[:-1], id="no JSON"),
        pytest.param(Pod, regular(more=',"foo":1'), id="an unknown field beside the spec"),
        pytest.param(Pod, regular(more=',"kind":"Pod"'), id="a field twice beside the spec"),
        pytest.param(Pod, regular(more=',"metadata":{"name":"b"}'), id="metadata twice"),
        pytest.param(Pod, regular(more=',"metadata" :{}'), id="metadata twice, the second hidden"),
        pytest.param(Pod, regular(more=',"meta\\u0064ata":{}'), id="metadata twice, one written otherwise"),
        pytest.param(Pod, regular(more=',"spec":{"hostname":"a"}'), id="the same spec twice"),
        pytest.param(Pod, regular(more=',"status":{"phase":"Running"}'), id="a status"),
        pytest.param(Pod, regular(more=',"status":null'), id="a status that is null"),
        pytest.param(Pod, regular("null"), id="metadata that are null"),
        pytest.param(Pod, regular('{"name":1}'), id="metadata of a wrong type"),
        pytest.param(Pod, regular('{"name":null}'), id="a null"),
        pytest.param(Pod, regular('{"name":""}'), id="a zero in the metadata"),
        pytest.param(Pod, regular('{"name":"a","generation":0}'), id="a number that means nothing"),
        pytest.param(Pod, regular('{"name":"a","foo":1}'), id="an unknown field in the metadata"),
        pytest.param(Pod, regular('{"name":"a","name":"a"}'), id="a field twice in the metadata"),
        pytest.param(Pod, regular('{"labels":{"a":"1","a":"2"}}'), id="a label twice"),
        pytest.param(Pod, regular('{"labels":{"a":"1","\\u0061":"2"}}'), id="a label twice, once written otherwise"),
        pytest.param(Pod, regular('{"ownerReferences":[{"kind":"A","foo":"b"}]}'), id="an unknown field of an owner"),
        pytest.param(Pod, regular('{"ownerReferences":[{"kind":"A","uid":""}]}'), id="an owner's empty uid"),
        pytest.param(Pod, regular('{"name":"a","managedFields":[]}'), id="an empty list of managers"),
        pytest.param(Pod, regular('{"creationTimestamp":"today"}'), id="no time"),
        pytest.param(Pod, regular(spec="{}"), id="an empty spec"),
        pytest.param(Pod, regular(spec='{"hostname":1}'), id="a wrong type"),
        pytest.param(Pod, regular(spec='{"hostname":""}'), id="a zero that means nothing"),
        pytest.param(Pod, regular(spec='{"hostname":"a","foo":1}'), id="an unknown field"),
        pytest.param(Pod, regular(spec='{"hostname":"a","foo":1e999}'), id="a number out of range"),
        pytest.param(Pod, regular(spec='{"hostname":"a","hostname":"b"}'), id="a field twice"),
        pytest.param(Pod, regular(spec='{"overhead":{"cpu":"1000m"}}'), id="a quantity that is written otherwise"),
        pytest.param(Pod, regular(spec='{"overhead":{"cpu":"x"}}'), id="no quantity"),
        pytest.param(Pod, regular(spec=f'{{"hostname":"{"a" * LONGEST_REMEMBERED}"}}'), id="too long to remember"),
    ],
)
def test_every_other_object_is_looked_at(type_: type[Object], raw: bytes) -> None:
    assert read_regular(raw, type_, "v1") is None


def test_a_kind_without_a_status_is_looked_at_when_it_comes_with_one() -> None:
    raw = regular(spec='{"holderIdentity":"a"}').replace(b'"v1"', b'"coordination.k8s.io/v1"').replace(b"Pod", b"Lease")
    assert read_regular(raw, Lease, "coordination.k8s.io/v1") == decode(raw, Lease)
    assert read_regular(raw[:-1] + b',"status":{}}', Lease, "coordination.k8s.io/v1") is None


def test_a_regular_spec_need_not_be_looked_at_whatever_surrounds_it() -> None:
    raw = regular(metadata='{"name":""}', more=',"status":{"phase":"Running"},"foo":1')
    assert without_regular_spec(raw, Pod) == (raw.replace(b'{"hostname":"a"}', b"{}"), PodSpec(hostname="a"))


@pytest.mark.parametrize(
    ("type_", "raw"),
    [
        pytest.param(ConfigMap, b'{"data":{"a":"b"}}', id="a kind without a spec"),
        pytest.param(Pod, b'{"metadata":{}}', id="no spec"),
        pytest.param(Pod, b'{"spec":{}}', id="an empty spec"),
        pytest.param(Pod, b'{"spec":{"hostname":"a"}', id="no JSON"),
        pytest.param(Pod, b'{"spec":{"hostname":"\xff"}}', id="no UTF-8"),
        pytest.param(Pod, b'{"spec":{"hostname":"a","foo":1}}', id="an unknown field"),
        pytest.param(Pod, b'{"spec":{"overhead":{"cpu":"1000m"}}}', id="a quantity that is written otherwise"),
        pytest.param(Pod, b'{"metadata":{"hostname":"a"},"spec":{"hostname":"a"}}', id="the same text elsewhere"),
        pytest.param(Pod, regular(spec=f'{{"hostname":"{"a" * LONGEST_REMEMBERED}"}}'), id="too long to remember"),
    ],
)
def test_every_other_spec_is_looked_at_with_all_the_rest(type_: type[Object], raw: bytes) -> None:
    assert without_regular_spec(raw, type_) is None


def test_what_is_read_of_equal_specs_is_not_shared() -> None:
    one, other = read_regular(regular(), Pod, "v1"), read_regular(regular(), Pod, "v1")
    assert one is not None
    assert other is not None
    assert one == other
    assert one.spec is not other.spec


def test_list_meta_decodes_the_continue_token() -> None:
    assert decode(b'{"continue":"x"}', ListMeta).continue_ == "x"
