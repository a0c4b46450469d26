"""A process that writes to a store as fast as it can and prints what was acknowledged, until somebody kills it.

Each writer goes round its own names, one write at a time, and prints its number, the name's and the revision, which
is 0 when the write was a deletion.
"""

import asyncio
import hashlib
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path

from petset.store.interface import Draft
from petset.store.sqlite import SqliteStore

WRITERS = 8
NAMES = 20


def sealed(name: str, filler: int) -> Callable[[int], Draft]:
    """A value that shows whether it is whole and where it belongs: digest, name, revision, filler."""

    def draft(revision: int) -> Draft:
        content = f"{name} {revision} ".encode() + b"x" * filler
        return Draft(hashlib.sha256(content).hexdigest().encode() + b" " + content, {}, {})

    return draft


def acknowledge(writer: int, number: int, revision: int) -> None:
    os.write(sys.stdout.fileno(), f"{writer} {number} {revision}\n".encode())


async def write(store: SqliteStore, writer: int) -> None:
    for turn in itertools.count():
        name = f"default/{writer}-{turn % NAMES}"
        newest = store.newest("pods", name)
        if newest is not None and turn % 3 == 0:
            await store.delete("pods", name, sealed(name, 0), newest.revision)
            acknowledge(writer, turn % NAMES, 0)
        else:
            draft = sealed(name, 100 * (turn % 40))
            done = await store.write("pods", name, draft, None if newest is None else newest.revision)
            acknowledge(writer, turn % NAMES, done.revision)


async def main(data_dir: Path) -> None:
    store = SqliteStore.open(data_dir, lambda _collection, _value: ({}, {}))
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(write(store, writer))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
