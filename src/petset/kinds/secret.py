"""Secret: what a ConfigMap is, encoded in base64 and typed."""

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import Secret
from petset.kinds.columns import AGE, NAME


class SecretStrategy(Strategy[Secret]):
    """stringData is for writing only: it ends up in data."""


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
