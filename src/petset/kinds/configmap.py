"""ConfigMap: text and bytes that containers read as variables or files."""

from collections.abc import Iterator

from petset.api.field import FieldError, forbidden, invalid, too_long
from petset.api.names import config_map_key_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import ConfigMap
from petset.kinds.columns import AGE, NAME
from petset.kinds.payload import decoded_size

LARGEST = 1024 * 1024
"""Bytes that all values of a ConfigMap may have together."""


class ConfigMapStrategy(Strategy[ConfigMap]):
    """Nothing to fill in; may be declared immutable."""

    def validate_create(self, obj: ConfigMap) -> list[FieldError]:
        """Keys become file names; all of it stays small."""
        return list(_errors(obj))

    def validate_update(self, obj: ConfigMap, old: ConfigMap) -> list[FieldError]:
        """What is immutable stays so, and stays as it is."""
        return [*_change_errors(obj, old), *_errors(obj)]


def _errors(obj: ConfigMap) -> Iterator[FieldError]:
    for key in obj.data:
        for message in config_map_key_errors(key):
            yield invalid(f"data[{key}]", key, message)
        if key in obj.binary_data:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in obj.binary_data:
        for message in config_map_key_errors(key):
            yield invalid(f"binaryData[{key}]", key, message)
    size = sum(len(value.encode()) for value in obj.data.values()) + decoded_size(obj.binary_data.values())
    if size > LARGEST:
        yield too_long("[]", LARGEST)  # Go's word for no field in particular


def _change_errors(obj: ConfigMap, old: ConfigMap) -> Iterator[FieldError]:
    if not old.immutable:
        return
    rule = "field is immutable when `immutable` is set"
    if not obj.immutable:
        yield forbidden("immutable", rule)
    if obj.data != old.data:
        yield forbidden("data", rule)
    if obj.binary_data != old.binary_data:
        yield forbidden("binaryData", rule)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    type=ConfigMap,
    namespaced=True,
    strategy=ConfigMapStrategy(),
    short_names=("cm",),
    columns=(NAME, Column("Data", lambda obj, _: len(obj.data) + len(obj.binary_data)), AGE),
)
