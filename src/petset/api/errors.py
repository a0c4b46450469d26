"""The family of API errors; the one place that knows which reason has which code.

    StatusError
      BadRequest 400 · Unauthorized 401 · Forbidden 403 · NotFound 404 · MethodNotAllowed 405 · NotAcceptable 406
      AlreadyExists 409 · Conflict 409 · Gone 410 · Expired 410 · RequestEntityTooLarge 413 · UnsupportedMediaType 415
      Invalid 422 · TooManyRequests 429 · InternalError 500 · ServiceUnavailable 503 · Timeout 504

A `StatusError` is what a client of any transport catches, and its `status()` is the body on the wire
(meta/v1 Status, apimachinery's `errors` package). Drivers raise errors of their own; the pipeline translates
exactly those it understands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from petset.api.field import FieldError

MOST_CAUSES = 100
"""How many errors of one object are told."""


class StatusError(Exception):
    """An API call that failed with a Status. `message` is written for people, `details` for programs.

    No details and empty ones differ on the wire, as they do upstream.
    """

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})
        self._has_details = details is not None
        self.warnings: tuple[str, ...] = ()
        """What is told beside the error, to people."""

    def status(self) -> dict[str, Any]:
        """The meta/v1 Status tree that goes on the wire."""
        tree: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            tree["reason"] = self.reason
        if self.details or self._has_details:
            tree["details"] = self.details
        tree["code"] = self.code
        return tree

    @property
    def retry_after_seconds(self) -> int:
        """Seconds after which the server suggests a retry; 0 when it suggests nothing."""
        return int(self.details.get("retryAfterSeconds", 0))


def _named(group: str, plural: str, name: str) -> dict[str, Any]:
    details = {"name": name, "group": group, "kind": plural}
    return {key: value for key, value in details.items() if value}


def qualified(group: str, plural: str) -> str:
    """`pods`, `statefulsets.apps`: how messages name a resource."""
    return f"{plural}.{group}" if group else plural


class BadRequest(StatusError):
    """The request itself makes no sense: unreadable body, unknown parameter value."""

    code, reason = 400, "BadRequest"


class Unauthorized(StatusError):
    """Nobody known is asking."""

    code, reason = 401, "Unauthorized"


class Forbidden(StatusError):
    """The one who asks may not do this, or an admission rule refuses it."""

    code, reason = 403, "Forbidden"

    @classmethod
    def of(cls, group: str, plural: str, name: str, why: str) -> Forbidden:
        """The refusal of one named object."""
        what = f'{qualified(group, plural)} "{name}"' if name else qualified(group, plural)
        return cls(f"{what} is forbidden: {why}", _named(group, plural, name))


class NotFound(StatusError):
    """The object, or the path, is not there."""

    code, reason = 404, "NotFound"

    @classmethod
    def of(cls, group: str, plural: str, name: str) -> NotFound:
        """The absence of one named object."""
        return cls(f'{qualified(group, plural)} "{name}" not found', _named(group, plural, name))

    @classmethod
    def path(cls) -> NotFound:
        """The absence of a URL, in the words kubectl prints."""
        return cls("the server could not find the requested resource", {})


class MethodNotAllowed(StatusError):
    """The resource does not know this verb."""

    code, reason = 405, "MethodNotAllowed"

    def __init__(
        self,
        message: str = "the server does not allow this method on the requested resource",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, details or {})


class NotAcceptable(StatusError):
    """No representation that the client accepts can be produced."""

    code, reason = 406, "NotAcceptable"


class AlreadyExists(StatusError):
    """Create met an object of the same name."""

    code, reason = 409, "AlreadyExists"

    @classmethod
    def of(cls, group: str, plural: str, name: str, *, deleted: bool = False) -> AlreadyExists:
        """The clash of one name, maybe with an object that is about to go."""
        head = "object is being deleted: " if deleted else ""
        return cls(f'{head}{qualified(group, plural)} "{name}" already exists', _named(group, plural, name))


class Conflict(StatusError):
    """The object changed since it was read, a precondition does not hold, or another manager owns a field."""

    code, reason = 409, "Conflict"

    @classmethod
    def of(cls, group: str, plural: str, name: str, why: str) -> Conflict:
        """The conflict on one object."""
        return cls(
            f'Operation cannot be fulfilled on {qualified(group, plural)} "{name}": {why}',
            _named(group, plural, name),
        )


class Gone(StatusError):
    """What is asked for existed once."""

    code, reason = 410, "Gone"


class Expired(StatusError):
    """The revision is too old to list or watch from: list again."""

    code, reason = 410, "Expired"


class RequestEntityTooLarge(StatusError):
    """The body is over the limit."""

    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(StatusError):
    """The body is in a format the server does not read."""

    code, reason = 415, "UnsupportedMediaType"


class Invalid(StatusError):
    """The object was understood and breaks rules; `causes` names each field."""

    code, reason = 422, "Invalid"

    @classmethod
    def of(cls, group: str, kind: str, name: str, causes: Iterable[FieldError]) -> Invalid:
        """The sum of all field errors of one object."""
        errors = list(causes)
        left_out = errors[MOST_CAUSES:]
        errors = errors[:MOST_CAUSES]
        texts = list(dict.fromkeys(str(error) for error in errors))
        if left_out:
            texts.append(f"and {len(left_out)} more errors")
        body = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        listed = [{"reason": e.reason, "message": e.body, "field": e.path} for e in errors]
        details = {**_named(group, kind, name), "causes": listed}
        return cls(f'{qualified(group, kind)} "{name}" is invalid: {body}', details)


class TooManyRequests(StatusError):
    """Not now: a budget or a limit is used up."""

    code, reason = 429, "TooManyRequests"


class InternalError(StatusError):
    """Our fault."""

    code, reason = 500, "InternalError"


class BareFailure(StatusError):
    """A failure for which upstream gives no reason, only a message."""

    code, reason = 500, ""


class ServiceUnavailable(StatusError):
    """The server, or what it needs, is not there at the moment."""

    code, reason = 503, "ServiceUnavailable"


class Timeout(StatusError):
    """The server gave up waiting."""

    code, reason = 504, "Timeout"


def _family(root: type[StatusError]) -> Iterable[type[StatusError]]:
    for member in root.__subclasses__():
        yield member
        yield from _family(member)


def from_status(status: Mapping[str, Any], http_code: int) -> StatusError:
    """The error for a Status body received over HTTP; unknown reasons fall back to the code, then to `StatusError`."""
    message = str(status.get("message") or f"the server answered with HTTP status {http_code}")
    details = status.get("details")
    members = list(_family(StatusError))
    for member in members:
        if member.reason == status.get("reason"):
            return member(message, details)
    for member in members:
        if member.code == http_code:
            return member(message, details)
    return StatusError(message, details)
