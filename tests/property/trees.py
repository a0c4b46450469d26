"""Trees that conform to the real schemas: unique merge keys, no nulls."""

from typing import Any

from hypothesis import strategies as st

from petset.api.schema import Node

# The fields to draw, by type: one of every kind of list and map; of other types nothing is drawn.
FIELDS = {
    "StatefulSet": ["metadata", "spec", "status"],
    "ObjectMeta": ["name", "labels", "finalizers", "ownerReferences"],
    "OwnerReference": ["kind", "name", "uid"],
    "StatefulSetSpec": ["replicas", "selector", "template", "updateStrategy"],
    "StatefulSetStatus": ["replicas", "conditions"],
    "StatefulSetUpdateStrategy": ["type"],
    "StatefulSetCondition": ["type", "status"],
    "LabelSelector": ["matchLabels"],
    "PodTemplateSpec": ["metadata", "spec"],
    "PodSpec": ["containers", "volumes", "tolerations", "nodeSelector", "restartPolicy"],
    "Container": ["name", "image", "args", "env", "ports", "resources"],
    "EnvVar": ["name", "value"],
    "ContainerPort": ["containerPort", "protocol", "name"],
    "ResourceRequirements": ["limits"],
    "Volume": ["name", "emptyDir", "hostPath"],
    "HostPathVolumeSource": ["path", "type"],
    "EmptyDirVolumeSource": ["medium"],
    "Toleration": ["key", "operator"],
}
NAMES = st.sampled_from(["a", "b", "c", "d"])


def trees(node: Node) -> st.SearchStrategy[Any]:
    """Any value that the schema allows."""
    match node.kind:
        case "object":
            fields = {name: node.fields[name] for name in FIELDS.get(node.type, [])}
            return st.fixed_dictionaries({}, optional={name: trees(field) for name, field in fields.items()})
        case "map":
            return st.dictionaries(NAMES, NAMES, max_size=3)
        case "list":
            return lists(node)
        case _:
            return st.integers(0, 3) if node.type.startswith("int") else NAMES


def lists(node: Node) -> st.SearchStrategy[Any]:
    assert node.item is not None
    if node.list_type == "set":
        return st.lists(NAMES, max_size=4, unique=True)
    if node.list_type != "map":
        return st.lists(trees(node.item), max_size=3)
    key = node.list_map_keys[0]
    key_values = trees(node.item.fields[key])
    elements = st.tuples(trees(node.item), key_values).map(lambda drawn: {**drawn[0], key: drawn[1]})
    return st.lists(elements, max_size=4, unique_by=lambda element: element[key])
