"""No request, however wrong, is answered with a 5xx, with silence, or with what spoils later answers.

`PETSET_FUZZ=5000 pytest tests/property/test_http.py` tries that many series of 10 to 60 requests instead of a few short
ones. Every run prints its seed, with which `PETSET_SEED` repeats it; a failure also prints the series.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from petset.api.resources import Resource
from petset.kinds import CATALOGUE
from tests.property.hall import SEED, SERIES, Hall, opened_hall
from tests.property.requests import SAMPLES, Request, requests, wrong_types

SHORTEST, LONGEST = (10, 60) if SERIES else (1, 6)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with opened_hall(tmp_path_factory.mktemp("pki")) as hall:
        yield hall


def named(resource: Resource[Any]) -> str:
    return f"{resource.group_version} {resource.kind}"


@settings(
    max_examples=SERIES or 120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    print_blob=True,
)
@seed(SEED)
@given(st.lists(requests(), min_size=SHORTEST, max_size=LONGEST))
@pytest.mark.timeout(max(60, 4 * SERIES))
def test_requests_are_answered_or_refused(hall: Hall, series: list[Request]) -> None:
    hall.ask(series)


@pytest.mark.parametrize("resource", [one for one in CATALOGUE.resources if one.kind in SAMPLES], ids=named)
def test_a_value_of_another_type_anywhere_is_answered_or_refused(hall: Hall, resource: Resource[Any]) -> None:
    hall.ask([*wrong_types(resource)])
