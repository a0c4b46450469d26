"""`$(NAME)` references in environment values, commands, arguments and subPathExpr. Pure.

The syntax is that of upstream's third_party/forked/golang/expansion.
"""

import re
from collections.abc import Iterable, Mapping

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, *variables: Mapping[str, str]) -> str:
    """Replaces `$(NAME)` by the first mapping's value that has it; `$$` is a dollar sign, an unknown name stays."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        return next((known[name] for known in variables if name in known), match[0])

    return _REFERENCE.sub(value, text)


def expand_all(texts: Iterable[str], variables: Mapping[str, str]) -> list[str]:
    """Every text expanded."""
    return [expand(text, variables) for text in texts]


def missing_names(text: str, variables: Mapping[str, str]) -> list[str]:
    """The names that the text refers to and that have no value, sorted."""
    names = {match[1] for match in _REFERENCE.finditer(text) if match[1] is not None}
    return sorted(name for name in names if not variables.get(name))
