"""ConfigMaps and Secrets: keys, sizes, types, and what immutable means."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from petset.api.types import ConfigMap, Secret
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, found, merged, update_errors

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
CONFIG: Tree = {"metadata": {"name": "c", "namespace": "default"}, "data": {"nginx.conf": "x"}}
SECRET: Tree = {"metadata": {"name": "s", "namespace": "default"}, "data": {"password": "c2VjcmV0"}}
LARGE = "x" * (1024 * 1024)


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"data": {"a/b": "x"}}, "data[a/b]", 'Invalid value: "a/b": a valid config key must consist'),
        ({"data": {"..a": "x"}}, "data[..a]", 'Invalid value: "..a": must not start with'),
        ({"binaryData": {"nginx.conf": "eA=="}}, "data[nginx.conf]", 'Invalid value: "nginx.conf": duplicate of key'),
        ({"data": {"large": LARGE}}, "[]", "Too long: may not be more than 1048576 bytes"),
    ],
)
def test_refuses_config_map(change: Tree, path: str, message: str) -> None:
    errors = create_errors(ConfigMap, merged(CONFIG, change))
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"immutable": None}, "immutable"),
        ({"data": {"nginx.conf": "y"}}, "data"),
        ({"binaryData": {"b": "eA=="}}, "binaryData"),
    ],
)
def test_an_immutable_config_map_stays_as_it_is(change: Tree, path: str) -> None:
    fixed = merged(CONFIG, {"immutable": True})
    errors = update_errors(ConfigMap, fixed, merged(fixed, change))
    assert [str(error) for error in errors] == [
        f"{path}: Forbidden: field is immutable when `immutable` is set",
    ]


def test_a_plain_config_map_may_change_and_become_immutable() -> None:
    assert update_errors(ConfigMap, CONFIG, merged(CONFIG, {"data": {"a": "b"}, "immutable": True})) == []


def test_string_data_ends_up_in_data() -> None:
    obj = defaulted(Secret, merged(SECRET, {"stringData": {"password": "new", "user": "ä"}}))
    assert obj.data == {"password": "bmV3", "user": b64encode("ä".encode()).decode()}
    assert (obj.string_data, obj.type) == ({}, "Opaque")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"type": "example.com/own", "data": None},
        {"type": "kubernetes.io/tls", "stringData": {"tls.crt": "", "tls.key": ""}},
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}},
        {"type": "kubernetes.io/basic-auth"},
    ],
)
def test_accepts_secret(change: Tree) -> None:
    assert create_errors(Secret, merged(SECRET, change)) == []


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"data": {"a b": "eA=="}}, "data[a b]", 'Invalid value: "a b"'),
        ({"stringData": {"a": LARGE + "x"}}, "data", "Too long: may not be more than 1048576 bytes"),
        ({"type": "kubernetes.io/tls"}, "data[tls.key]", "Required value"),
        ({"type": "kubernetes.io/ssh-auth"}, "data[ssh-privatekey]", "Required value"),
        ({"type": "kubernetes.io/basic-auth", "data": None}, "data[username]", "Required value"),
        ({"type": "kubernetes.io/dockerconfigjson"}, "data[.dockerconfigjson]", "Required value"),
        (
            {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "[" * 10_000}},
            "data[.dockerconfigjson]",
            "Invalid value",
        ),
        (
            {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}},
            "data[.dockerconfigjson]",
            'Invalid value: "<secret contents redacted>"',
        ),
        (
            {"type": "kubernetes.io/service-account-token"},
            "metadata.annotations[kubernetes.io/service-account.name]",
            "Required value",
        ),
    ],
)
def test_refuses_secret(change: Tree, path: str, message: str) -> None:
    errors = create_errors(Secret, merged(SECRET, change))
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"type": "other"}, "type", 'Invalid value: "other": field is immutable'),
        ({"data": {"password": "eA=="}}, "data", "Forbidden: field is immutable when `immutable` is set"),
        ({"immutable": None}, "immutable", "Forbidden: field is immutable when `immutable` is set"),
    ],
)
def test_refuses_secret_change(change: Tree, path: str, message: str) -> None:
    fixed = merged(SECRET, {"immutable": True})
    errors = update_errors(Secret, fixed, merged(fixed, change))
    assert found(errors, path, message), errors


def test_columns_count_values_and_show_none() -> None:
    config = created(ConfigMap, merged(CONFIG, {"binaryData": {"b": "eA=="}}))
    secret = created(Secret, SECRET)
    assert [c.cell(config, NOW) for c in CATALOGUE.of(ConfigMap).columns] == ["c", 2, "<unknown>"]
    assert [c.cell(secret, NOW) for c in CATALOGUE.of(Secret).columns] == ["s", "Opaque", 1, "<unknown>"]
