"""One request and what is to come of it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conformance.api import JSON


@dataclass(frozen=True)
class Request:
    """A request, as far as it is not the usual one."""

    method: str
    place: str
    body: Any = None
    query: str = ""
    type_: str | None = JSON
    accept: str = JSON


@dataclass(frozen=True)
class Case:
    """What is to come of a request."""

    rule: str
    request: Request
    status: int
    reason: str
    message: str = ""
    causes: list[str] | None = field(default=None)


def named(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=case.rule) for case in cases]


def option(kind: str, problem: str) -> str:
    return f'{kind}.meta.k8s.io "" is invalid: {problem}'
