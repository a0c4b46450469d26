"""What is read fast is what would be read slowly, with nothing wrong in it, however a text is written."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from petset.api.resources import Resource
from petset.api.schema import schema_of
from petset.api.schema.decode import decode
from petset.api.schema.regular import read_regular
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


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(RESOURCES), st.integers(0, 2**32 - 1))
def test_what_is_regular_is_read_as_everything_else_is(resource: Resource[Any], seed: int) -> None:
    chance = Random(seed)
    sample = {"apiVersion": resource.group_version, "kind": resource.kind, **SAMPLES[resource.kind]}
    tree = spoiled(sample | ({"status": {}} if chance.random() < 0.2 else {}), chance)
    raw = written(tree, chance).encode()
    found = read_regular(raw, resource.type, resource.group_version)
    if found is not None:
        assert found == decode(raw, resource.type)
        assert problems(raw, json.loads(raw), schema_of(resource.type)) == []
