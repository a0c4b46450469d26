"""How often a measure fell between which bounds: what a histogram in a monitoring system is made from."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence


class Histogram:
    """Counts of values by upper bound. `observe` costs a fraction of a microsecond and no memory."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` rise; values above the last are counted too."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts a value. A value at a bound is below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self._counts)

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Every bound, infinity at last, with how many values were not above it."""
        passed = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            passed += count
            yield bound, passed
