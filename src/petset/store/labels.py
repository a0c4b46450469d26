"""The records of a collection by their labels, so that a selector costs what it finds and not what there is.

A label that only one record has, as pods of a StatefulSet do, is kept without a set of its own.
"""

from collections.abc import Iterable, Mapping, Sequence


class LabelIndex:
    """Names by label. Told of every change of a collection."""

    __slots__ = ("_names",)

    def __init__(self, records: Iterable[tuple[str, Mapping[str, str]]] = ()) -> None:
        self._names: dict[tuple[str, str], str | set[str]] = {}
        for name, labels in records:
            self.change(name, {}, labels)

    def change(self, name: str, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        """The record of that name has other labels than before; none for one that is not there."""
        if before == now:
            return
        for label in before.items():
            if now.get(label[0]) != label[1]:
                self._drop(label, name)
        for label in now.items():
            if before.get(label[0]) != label[1]:
                self._add(label, name)

    def fewest(self, labels: Sequence[tuple[str, str]]) -> Iterable[str]:
        """The names under one of the labels, which few have. The other labels remain to be looked at."""
        found: set[str] | None = None
        for label in labels:
            names = self._names.get(label)
            if names is None:
                return ()
            if isinstance(names, str):
                return (names,)
            if found is None or len(names) < len(found):
                found = names
        return found or ()

    def _add(self, label: tuple[str, str], name: str) -> None:
        names = self._names.get(label)
        if names is None:
            self._names[label] = name
        elif isinstance(names, set):
            names.add(name)
        else:
            self._names[label] = {names, name}

    def _drop(self, label: tuple[str, str], name: str) -> None:
        names = self._names.get(label)
        if isinstance(names, set):
            names.discard(name)
            if len(names) == 1:
                self._names[label] = names.pop()
        elif names == name:
            del self._names[label]
