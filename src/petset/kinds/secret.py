"""Secret: what a ConfigMap is, encoded in base64 and typed."""

from base64 import b64decode, b64encode
from collections.abc import Iterator

from petset.api.documents import read_json
from petset.api.field import FieldError, forbidden, invalid, required, too_long
from petset.api.names import config_map_key_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import Secret
from petset.kinds.checks import unchanged
from petset.kinds.columns import AGE, NAME
from petset.kinds.payload import decoded_size

LARGEST = 1024 * 1024
"""Bytes that all values of a Secret may have together."""
SERVICE_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"
_REQUIRED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


class SecretStrategy(Strategy[Secret]):
    """stringData is for writing only: it ends up in data."""

    def default(self, obj: Secret) -> None:
        """Opaque unless said otherwise; stringData wins over data."""
        obj.type = obj.type or "Opaque"
        for key, text in obj.string_data.items():
            obj.data[key] = b64encode(text.encode()).decode()
        obj.string_data = {}

    def validate_create(self, obj: Secret) -> list[FieldError]:
        """Keys become file names, values are base64, and known types have what they are for."""
        return list(_errors(obj))

    def validate_update(self, obj: Secret, old: Secret) -> list[FieldError]:
        """The type stays; what is immutable stays as it is."""
        return [*_change_errors(obj, old), *_errors(obj)]


def _errors(obj: Secret) -> Iterator[FieldError]:
    for key in obj.data:
        for message in config_map_key_errors(key):
            yield invalid(f"data[{key}]", key, message)
    if decoded_size(obj.data.values()) > LARGEST:
        yield too_long("data", LARGEST)
    yield from _type_errors(obj)


def _type_errors(obj: Secret) -> Iterator[FieldError]:
    if obj.type == "kubernetes.io/service-account-token" and not obj.metadata.annotations.get(
        SERVICE_ACCOUNT_ANNOTATION
    ):
        yield required(f"metadata.annotations[{SERVICE_ACCOUNT_ANNOTATION}]")
    if obj.type == "kubernetes.io/basic-auth" and not {"username", "password"} & obj.data.keys():
        yield required("data[username]")
        yield required("data[password]")
    for key in _REQUIRED_KEYS.get(obj.type or "", ()):
        if key not in obj.data:
            yield required(f"data[{key}]")
        elif "docker" in key:
            yield from _json_errors(f"data[{key}]", obj.data[key])


def _json_errors(path: str, value: str) -> Iterator[FieldError]:
    try:
        read_json(b64decode(value, validate=True))
    except ValueError as error:
        yield invalid(path, "<secret contents redacted>", str(error))


def _change_errors(obj: Secret, old: Secret) -> Iterator[FieldError]:
    yield from unchanged("type", obj.type, old.type)
    if not old.immutable:
        return
    rule = "field is immutable when `immutable` is set"
    if not obj.immutable:
        yield forbidden("immutable", rule)
    if obj.data != old.data:
        yield forbidden("data", rule)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    type=Secret,
    namespaced=True,
    strategy=SecretStrategy(),
    columns=(
        NAME,
        Column("Type", lambda obj, _: obj.type),
        Column("Data", lambda obj, _: len(obj.data)),
        AGE,
    ),
    fields=lambda obj: {"type": obj.type or ""},
)
