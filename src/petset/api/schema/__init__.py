"""The schema of the served types: the tree of nodes that patches and strict decoding walk, and decoding itself.

What must not live here: defaults, enums or rules of a kind, which the OpenAPI definitions do not have: those are in
`petset.kinds`.
"""

from petset.api.schema.node import Node, object_node
from petset.api.types import Struct

__all__ = ["Node", "schema_of"]


def schema_of(type_: type[Struct]) -> Node:
    """The schema of a type of `petset.api.types`."""
    return object_node(type_.__name__)
