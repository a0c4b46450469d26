"""Aligned text. Pure."""

from collections.abc import Sequence

GAP = "   "


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose columns stand below each other, as kubectl prints them; a cell may have several lines."""
    split = [[cell.split("\n") for cell in row] for row in rows]
    widths = [max((len(line) for cell in column for line in cell), default=0) for column in zip(*split, strict=True)]
    lines: list[str] = []
    for row in split:
        for number in range(max(map(len, row), default=0)):
            cells = [cell[number] if number < len(cell) else "" for cell in row]
            padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            lines.append(GAP.join(padded).rstrip())
    return lines
