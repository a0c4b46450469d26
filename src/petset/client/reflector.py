"""How an informer stays connected: three states, six outcomes, and one table that says what follows.

The rules are those of client-go's reflector (tools/cache/reflector.go): a streaming list is tried first; a server that
refuses it gets a list followed by a watch; a watch that ends goes on from the last revision; one whose revision has
expired starts over with a list.
"""

from enum import Enum, auto
from typing import NamedTuple

from petset.api.errors import Expired, Gone, StatusError, TooManyRequests
from petset.client.interface import ConnectionLost


class State(Enum):
    """What the reflector does now."""

    STREAMING_LIST = auto()
    """A watch that first sends the present state."""
    LISTING = auto()
    """The same in two requests, for servers that refuse the former: here the list."""
    WATCHING = auto()
    """Changes since a revision."""


class Outcome(Enum):
    """How that ended."""

    LISTED = auto()
    ENDED = auto()
    """The server closed the stream, as it does from time to time."""
    ENDED_AT_ONCE = auto()
    """It closed the stream within a second and without an event: as good as a refusal."""
    EXPIRED = auto()
    UNREACHABLE = auto()
    """No connection, or too many requests."""
    REFUSED = auto()
    """Any other error."""


class Next(NamedTuple):
    """The state that follows, and whether to wait before it (longer each time, until something succeeds)."""

    state: State
    back_off: bool


_TABLE: dict[tuple[State, Outcome], Next] = {
    (State.STREAMING_LIST, Outcome.ENDED): Next(State.STREAMING_LIST, False),
    (State.STREAMING_LIST, Outcome.ENDED_AT_ONCE): Next(State.LISTING, False),
    (State.STREAMING_LIST, Outcome.EXPIRED): Next(State.STREAMING_LIST, True),
    (State.STREAMING_LIST, Outcome.UNREACHABLE): Next(State.STREAMING_LIST, True),
    (State.STREAMING_LIST, Outcome.REFUSED): Next(State.LISTING, False),
    (State.LISTING, Outcome.LISTED): Next(State.WATCHING, False),
    (State.LISTING, Outcome.EXPIRED): Next(State.STREAMING_LIST, True),
    (State.LISTING, Outcome.UNREACHABLE): Next(State.STREAMING_LIST, True),
    (State.LISTING, Outcome.REFUSED): Next(State.STREAMING_LIST, True),
    (State.WATCHING, Outcome.ENDED): Next(State.WATCHING, False),
    (State.WATCHING, Outcome.ENDED_AT_ONCE): Next(State.WATCHING, True),
    (State.WATCHING, Outcome.EXPIRED): Next(State.STREAMING_LIST, False),
    (State.WATCHING, Outcome.UNREACHABLE): Next(State.WATCHING, True),
    (State.WATCHING, Outcome.REFUSED): Next(State.STREAMING_LIST, True),
}


def after(state: State, outcome: Outcome) -> Next:
    """What to do when `state` came to `outcome`."""
    return _TABLE[state, outcome]


def outcome_of(error: StatusError | ConnectionLost) -> Outcome:
    """The outcome an error stands for."""
    if isinstance(error, Expired | Gone):
        return Outcome.EXPIRED
    if isinstance(error, ConnectionLost | TooManyRequests):
        return Outcome.UNREACHABLE
    return Outcome.REFUSED
