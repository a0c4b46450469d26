"""Cells that several kinds print alike."""

from collections.abc import Iterable, Mapping
from typing import Any

from petset.api.table import Column, age
from petset.api.types import Container

NONE = "<none>"
UNSET = "<unset>"

NAME: Column[Any] = Column("Name", lambda obj, _: obj.metadata.name, format="name")
AGE: Column[Any] = Column("Age", lambda obj, now: age(obj.metadata.creation_timestamp, now))

CONTAINERS: Column[Any] = Column(
    "Containers", lambda obj, _: container_names(obj.spec.template.spec.containers), priority=1
)
IMAGES: Column[Any] = Column("Images", lambda obj, _: container_images(obj.spec.template.spec.containers), priority=1)


def format_labels(labels: Mapping[str, str]) -> str:
    """`app=nginx,tier=web` in the order of the keys, `<none>` for no labels."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) or NONE


def container_names(containers: Iterable[Container]) -> str:
    """The containers of a pod template, in their order."""
    return ",".join(container.name for container in containers)


def container_images(containers: Iterable[Container]) -> str:
    """The images of a pod template, in their order."""
    return ",".join(container.image or "" for container in containers)


_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def format_access_modes(modes: Iterable[str]) -> str:
    """`RWO,RWX`: the modes in upstream's fixed order, each once."""
    present = set(modes)
    return ",".join(short for mode, short in _ACCESS_MODES.items() if mode in present)


def format_first(items: list[str], empty: str) -> str:
    """The first three of a list and how many more there are; `empty` when there is none."""
    shown = ",".join(items[:3])
    if len(items) > 3:
        return f"{shown} + {len(items) - 3} more..."
    return shown or empty
