"""Situations: a set of the toy world, changed."""

from collections.abc import Callable
from dataclasses import replace

from petset.api.meta import copy
from petset.api.types import StatefulSet, StorageClass
from petset.cli.preview.situation import Neighbours, Situation
from petset.controllers.volumes.model import PROVISIONER
from tests.simulation.world import World

Change = Callable[[StatefulSet], None]

OLD, NEW = "OLD", "NEW"


def storage_class(name: str, provisioner: str = PROVISIONER, *, default: bool = False) -> StorageClass:
    made = StorageClass(provisioner=provisioner)
    made.metadata.name = name
    if default:
        made.metadata.annotations["storageclass.kubernetes.io/is-default-class"] = "true"
    return made


COMPLETE = Neighbours(services=frozenset({"nginx"}), classes={"standard": storage_class("standard", default=True)})
"""Everything that the set of the toy world refers to is there."""


def changed(world: World, change: Change, around: Neighbours = COMPLETE) -> Situation:
    """The set of a world as a manifest would change it."""
    seen = world.observe()
    new = copy(seen.set)
    change(new)
    new.metadata.generation = (new.metadata.generation or 0) + 1
    return Situation(replace(seen, set=new), seen.set, around)


def created(set_: StatefulSet, around: Neighbours = COMPLETE) -> Situation:
    """A set that is not there yet, in an empty namespace."""
    return Situation(World(set_).observe(), None, around)


def break_pod(world: World, name: str) -> None:
    """The pod has been unready for longer than anybody waits."""
    world.unready(name)
    world.now = world.now.replace(hour=world.now.hour + 1)


def image(value: str = "nginx:2") -> Change:
    def change(set_: StatefulSet) -> None:
        set_.spec.template.spec.containers[0].image = value

    return change


def scale(replicas: int) -> Change:
    def change(set_: StatefulSet) -> None:
        set_.spec.replicas = replicas

    return change


def told(it: Situation) -> list[str]:
    """The steps in short, without those of revisions; the set's two revisions are called OLD and NEW."""
    old, new = it.history.current.metadata.name, it.history.update.metadata.name
    steps = [step for step in it.forecast.steps if step.kind != "ControllerRevision"]
    return [f"{step.verb} {step}".replace(new, NEW).replace(old, OLD) for step in steps]
