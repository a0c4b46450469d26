"""Bodies as client-go sends them: field numbers by Kubernetes' definitions, everything else by the protobuf rules."""

import base64

import pytest

from petset.api.protobuf import MAGIC, ProtobufError, size_of, to_tree

FIRST_YEAR = -62135596800
"""Where Go's times begin."""


def varint(number: int) -> bytes:
    number %= 1 << 64
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def body(api_version: str, kind: str, message: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, message)


def test_a_namespace_as_kubectl_create_sends_it() -> None:
    meta = field(1, "foo") + field(8, b"") + field(11, field(1, "a") + field(2, "b"))
    assert to_tree(body("v1", "Namespace", field(1, meta))) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "foo", "creationTimestamp": None, "labels": {"a": "b"}},
    }


def test_delete_options_are_known_under_every_group() -> None:
    tree = to_tree(body("apps/v1", "DeleteOptions", field(1, 30) + field(4, "Background") + field(5, "All")))
    assert tree["gracePeriodSeconds"] == 30
    assert (tree["propagationPolicy"], tree["dryRun"]) == ("Background", ["All"])


@pytest.mark.parametrize(("wire", "meant"), [(5, 5), (-1, -1), (0, 0), (2**31 - 1, 2**31 - 1)])
def test_numbers_keep_their_sign(wire: int, meant: int) -> None:
    assert to_tree(body("apps/v1", "StatefulSet", field(2, field(1, wire))))["spec"] == {"replicas": meant}


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (field(1, 0) + field(2, 8080), 8080),
        (field(1, 1) + field(3, "http"), "http"),
        (field(1, 1) + field(3, "20%"), "20%"),
    ],
)
def test_a_number_or_a_text(value: bytes, meant: int | str) -> None:
    port = field(3, 80) + field(4, value)
    tree = to_tree(body("v1", "Service", field(2, field(1, port))))
    assert tree["spec"]["ports"] == [{"port": 80, "targetPort": meant}]


def test_embedded_structs_are_inlined_as_in_json() -> None:
    volume = field(1, "www") + field(2, field(10, field(1, "www-web-0")))
    tree = to_tree(body("v1", "Pod", field(2, field(1, volume))))
    assert tree["spec"]["volumes"] == [{"name": "www", "persistentVolumeClaim": {"claimName": "www-web-0"}}]

    rule = field(1, "web.example") + field(2, field(1, field(1, field(1, "/"))))
    ingress = to_tree(body("networking.k8s.io/v1", "Ingress", field(2, field(3, rule))))
    assert ingress["spec"]["rules"] == [{"host": "web.example", "http": {"paths": [{"path": "/"}]}}]


def test_a_field_has_its_json_name() -> None:
    parameters = field(1, "example.com") + field(2, "Settings")
    tree = to_tree(body("networking.k8s.io/v1", "IngressClass", field(2, field(2, parameters))))
    assert tree["spec"] == {"parameters": {"apiGroup": "example.com", "kind": "Settings"}}


def test_the_uid_of_what_a_token_is_bound_to_is_called_so() -> None:
    """The definitions call it uID, nobody else does."""
    reference = field(1, "Pod") + field(2, "v1") + field(3, "web-0") + field(4, "5c9c8fd8")
    tree = to_tree(body("authentication.k8s.io/v1", "TokenRequest", field(2, field(3, reference))))
    wanted = {"kind": "Pod", "apiVersion": "v1", "name": "web-0", "uid": "5c9c8fd8"}
    assert tree["spec"]["boundObjectRef"] == wanted


def test_quantities_bytes_times_and_raw_json() -> None:
    claim = field(2, field(2, field(2, field(1, "storage") + field(2, field(1, "1Gi")))))
    assert to_tree(body("v1", "PersistentVolumeClaim", claim))["spec"]["resources"]["requests"] == {"storage": "1Gi"}
    secret = field(2, field(1, "k") + field(2, b"\x00\xff"))
    assert to_tree(body("v1", "Secret", secret))["data"] == {"k": base64.b64encode(b"\x00\xff").decode()}
    stamped = field(1, field(8, field(1, 1767225600)))
    assert to_tree(body("v1", "Pod", stamped))["metadata"] == {"creationTimestamp": "2026-01-01T00:00:00Z"}
    acquired = field(2, field(3, field(1, FIRST_YEAR + 2) + field(2, 5000)))
    lease = to_tree(body("coordination.k8s.io/v1", "Lease", acquired))
    assert lease["spec"] == {"acquireTime": "0001-01-01T00:00:02.000005Z"}
    revision = field(2, field(1, b'{"spec":{}}')) + field(3, 7)
    assert to_tree(body("apps/v1", "ControllerRevision", revision))["data"] == {"spec": {}}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"{}", "magic"),
        (body("batch/v1", "Job", b""), 'no kind "Job"'),
        (body("v1", "Pod", b"\x0a\x7f"), "longer than its message"),
        (body("v1", "Pod", b"\x08\x80"), "does not end"),
        (body("v1", "Pod", field(1, 3)), "a number stands where bytes"),
        (body("v1", "Namespace", field(1, field(1, b"\xff"))), "not UTF-8"),
        (body("v1", "Pod", b"\x0b"), "unknown wire type"),
        (body("v1", "Pod", field(1, field(8, field(1, 1 << 60)))), "a time cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(raw: bytes, why: str) -> None:
    with pytest.raises(ProtobufError, match=why):
        to_tree(raw)


def test_fields_of_the_future_are_passed_over() -> None:
    assert to_tree(body("v1", "Namespace", field(999, "x") + b"\xfd\x3e\x00\x00\x00\x00")) == {
        "apiVersion": "v1",
        "kind": "Namespace",
    }


@pytest.mark.parametrize(
    ("tree", "size"),
    [
        ({"kind": "ConfigMap"}, 0),
        ({"kind": "ConfigMap", "data": {"a": "\n" * 100}}, 2 + 1 + 100),
        ({"kind": "ConfigMap", "data": {"a": "ü" * 100}}, 2 + 1 + 200),
        ({"kind": "Secret", "data": {"a": base64.b64encode(bytes(300)).decode()}}, 2 + 1 + 300),
        ({"kind": "Secret", "immutable": True}, 2 + 1),
        ({"kind": "Pod", "spec": {"hostAliases": [{"ip": "1.2.3.4"}, {"hostnames": ["a"]}]}}, 2 + 2 + 2 + 7 + 2 + 3),
        ({"kind": "Pod", "spec": {"volumes": [{"hostPath": {"path": "/a"}}]}}, 2 + 2 + 2 + 2 + 2),
        ({"kind": "Pod", "metadata": {"managedFields": [{"fieldsV1": {"f:spec": {}}}]}}, 2 + 2 + 2 + 13),
        ({"kind": "Frog", "text": "a"}, len('{"apiVersion":"v1","kind":"Frog","text":"a"}')),
    ],
)
def test_an_object_takes_as_much_as_is_in_it(tree: dict[str, object], size: int) -> None:
    assert size_of({"apiVersion": "v1", **tree}) == size
