"""What is read fast is what would be read slowly, with nothing wrong in it, however a text is written."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from petset.api.resources import Resource
from petset.api.schema import schema_of
from petset.api.schema.decode import DecodeError, decode
from petset.api.schema.regular import read_regular, without_regular_spec
from petset.api.schema.strict import problems
from petset.kinds import CATALOGUE
from tests.property.requests import SAMPLES

RESOURCES = [one for one in CATALOGUE.resources if "spec" in SAMPLES.get(one.kind, {})]
ODD: tuple[Any, ...] = (None, "", 0, False, {}, [], ":", '":', 'a":b', "\\", "\u00e9", 1.5, "x")
KEYS = ("colour", "labels", "name", "status", "spec", "uid", '":', "a:")
COLONS = (*[":"] * 60, ": ", " :", ":\n")


def spoiled(value: Any, chance: Random) -> Any:
    """A tree with something odd here and there."""
    if chance.random() < 0.03:
        return chance.choice(ODD)
    if isinstance(value, dict):
        tree = {key: spoiled(item, chance) for key, item in value.items() if chance.random() < 0.97}
        return tree | {chance.choice(KEYS): chance.choice(ODD)} if chance.random() < 0.03 else tree
    return [spoiled(item, chance) for item in value] if isinstance(value, list) else value


def written(value: Any, chance: Random) -> str:
    """The JSON of a tree as some client may write it, at times with a key twice."""
    if isinstance(value, list):
        return f"[{','.join(written(item, chance) for item in value)}]"
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=chance.random() < 0.5)
    pairs = [f"{json.dumps(key)}{chance.choice(COLONS)}{written(item, chance)}" for key, item in value.items()]
    if pairs and chance.random() < 0.02:
        pairs.append(chance.choice(pairs))
    chance.shuffle(pairs)
    return f"{{{','.join(pairs)}}}"


def some_text(resource: Resource[Any], seed: int) -> bytes:
    chance = Random(seed)
    sample = {"apiVersion": resource.group_version, "kind": resource.kind, **SAMPLES[resource.kind]}
    tree = spoiled(sample | ({"status": {}} if chance.random() < 0.2 else {}), chance)
    return written(tree, chance).encode()


def read_slowly(raw: bytes, resource: Resource[Any]) -> Any:
    """The object, or what is told of the text instead."""
    try:
        return decode(raw, resource.type)
    except DecodeError as error:
        return error.message


texts = given(st.sampled_from(RESOURCES), st.integers(0, 2**32 - 1))


@settings(max_examples=500, deadline=None)
@texts
def test_what_is_regular_is_read_as_everything_else_is(resource: Resource[Any], seed: int) -> None:
    raw = some_text(resource, seed)
    found = read_regular(raw, resource.type, resource.group_version)
    if found is not None:
        assert found == decode(raw, resource.type)
        assert problems(raw, json.loads(raw), schema_of(resource.type)) == []


@settings(max_examples=500, deadline=None)
@texts
def test_without_a_regular_spec_as_much_is_wrong_as_with_it(resource: Resource[Any], seed: int) -> None:
    raw = some_text(resource, seed)
    parted = without_regular_spec(raw, resource.type)
    if parted is None:
        return
    rest, spec = parted
    found, node = read_slowly(rest, resource), schema_of(resource.type)
    if not isinstance(found, str):
        found.spec = spec
    assert found == read_slowly(raw, resource)
    assert problems(rest, json.loads(rest), node) == problems(raw, json.loads(raw), node)
