"""ConfigMap: text and bytes that containers read as variables or files."""

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import ConfigMap
from petset.kinds.columns import AGE, NAME


class ConfigMapStrategy(Strategy[ConfigMap]):
    """Nothing to fill in; may be declared immutable."""


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
