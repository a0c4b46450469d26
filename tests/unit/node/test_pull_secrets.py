"""Which credentials an image gets from a pod's pull secrets."""

import base64
import json

import pytest

from petset.api.types import LocalObjectReference, ObjectMeta, Pod, Secret
from petset.node.pull_secrets import PullSecrets, entries_of, matching, normal_key, repository
from petset.node.runtimes.interface import RegistryCredentials
from petset.testing.clock import VirtualClock
from tests.unit.node.given import GivenSources
from tests.unit.node.test_images import Notes


def config(auths: dict[str, object]) -> bytes:
    return json.dumps({"auths": auths}).encode()


def secret(data: bytes, kind: str = "kubernetes.io/dockerconfigjson", key: str = ".dockerconfigjson") -> Secret:
    return Secret(metadata=ObjectMeta(name="s"), type=kind, data={key: base64.b64encode(data).decode()})


AUTH = base64.b64encode(b"ann:pass:word").decode()


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (secret(config({"r.example": {"username": "ann", "password": "x"}})), [("r.example", "ann", "x")]),
        (secret(config({"r.example": {"auth": AUTH}})), [("r.example", "ann", "pass:word")]),
        (secret(config({"r.example": {"auth": "%%"}})), []),
        (secret(b"no json"), []),
        (secret(b"[]"), []),
        (secret(b"{}"), []),
        (
            secret(json.dumps({"r.example": {"auth": AUTH}}).encode(), "kubernetes.io/dockercfg", ".dockercfg"),
            [("r.example", "ann", "pass:word")],
        ),
        (secret(config({"r.example": {"auth": AUTH}}), "Opaque"), []),
    ],
)
def test_entries(of: Secret, expected: list[tuple[str, str, str]]) -> None:
    assert [(key, c.username, c.password) for key, c in entries_of(of)] == expected


@pytest.mark.parametrize(
    ("server", "key"),
    [
        ("https://index.docker.io/v1/", "index.docker.io"),
        ("docker.io", "index.docker.io"),
        ("r.example:5000/team", "r.example:5000/team"),
        ("http://r.example/v2/", "r.example"),
    ],
)
def test_keys(server: str, key: str) -> None:
    assert normal_key(server) == key


@pytest.mark.parametrize(
    ("image", "place"),
    [
        ("nginx", "index.docker.io/library/nginx"),
        ("team/app:1", "index.docker.io/team/app"),
        ("docker.io/nginx@sha256:12", "index.docker.io/library/nginx"),
        ("localhost:5000/app:v1", "localhost:5000/app"),
        ("r.example/a/b:1", "r.example/a/b"),
    ],
)
def test_where_images_live(image: str, place: str) -> None:
    assert repository(image) == place


def test_the_most_specific_entry_comes_first() -> None:
    keys = ["r.example", "r.example/team", "r.example/other", "*.example", "example", "r.example/te"]
    entries = [(key, RegistryCredentials(key, "")) for key in keys]
    found = [credentials.username for credentials in matching(entries, "r.example/team/app:1")]
    assert found == ["r.example/team", "r.example", "*.example"]


async def test_all_secrets_for_a_registry_are_tried() -> None:
    """A password is changed by adding a second secret first."""
    sources = GivenSources()
    for name in ("old", "new"):
        sources.secrets[name] = secret(config({"r.example": {"username": name, "password": "x"}}))
    pod = Pod(metadata=ObjectMeta(name="web-0", namespace="default"))
    pod.spec.image_pull_secrets = [LocalObjectReference(name=name) for name in ("old", "new")]
    found = await PullSecrets(sources, Notes(VirtualClock())).find(pod, "r.example/app")
    assert [credentials.username for credentials in found] == ["old", "new"]


async def test_missing_secrets_are_told() -> None:
    sources, notes = GivenSources(), Notes(VirtualClock())
    sources.secrets["there"] = secret(config({"r.example": {"auth": AUTH}}))
    pod = Pod(metadata=ObjectMeta(name="web-0", namespace="default"))
    pod.spec.image_pull_secrets = [LocalObjectReference(name=name) for name in ("gone", "there")]
    found = await PullSecrets(sources, notes).find(pod, "r.example/app")
    assert [credentials.username for credentials in found] == ["ann"]
    text = "Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed."
    assert notes.noted == [("FailedToRetrieveImagePullSecret", text)]
