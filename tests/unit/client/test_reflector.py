import pytest

from petset.api.errors import BadRequest, Expired, Forbidden, Gone, Invalid, NotFound, StatusError, TooManyRequests
from petset.client.interface import ConnectionLost
from petset.client.reflector import Outcome, State, after, outcome_of


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Expired("too old"), Outcome.EXPIRED),
        (Gone("too old"), Outcome.EXPIRED),
        (ConnectionLost("refused"), Outcome.UNREACHABLE),
        (TooManyRequests("later"), Outcome.UNREACHABLE),
        (Invalid("sendInitialEvents is forbidden"), Outcome.REFUSED),
        (BadRequest("?"), Outcome.REFUSED),
        (Forbidden("no"), Outcome.REFUSED),
        (NotFound("no"), Outcome.REFUSED),
    ],
)
def test_every_error_is_an_outcome(error: StatusError | ConnectionLost, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome


POSSIBLE = [
    (state, outcome)
    for state in State
    for outcome in Outcome
    if (outcome is Outcome.LISTED) <= (state is State.LISTING)
    and (outcome in (Outcome.ENDED, Outcome.ENDED_AT_ONCE)) <= (state is not State.LISTING)
]


def test_only_what_succeeded_or_has_another_way_goes_on_without_waiting() -> None:
    at_once = {(state, outcome) for state, outcome in POSSIBLE if not after(state, outcome).back_off}
    assert at_once == {
        (State.STREAMING_LIST, Outcome.ENDED),
        (State.STREAMING_LIST, Outcome.ENDED_AT_ONCE),
        (State.STREAMING_LIST, Outcome.REFUSED),
        (State.LISTING, Outcome.LISTED),
        (State.WATCHING, Outcome.ENDED),
        (State.WATCHING, Outcome.EXPIRED),
    }


@pytest.mark.parametrize(("state", "outcome"), POSSIBLE)
def test_only_a_watch_whose_revision_still_counts_is_resumed(state: State, outcome: Outcome) -> None:
    resumes = after(state, outcome).state is State.WATCHING
    lost = outcome in (Outcome.EXPIRED, Outcome.REFUSED)
    assert resumes is (outcome is Outcome.LISTED or (state is State.WATCHING and not lost))
