"""The question whom a token stands for, asked through the API: answered at once, never stored."""

from petset.api.errors import BadRequest
from petset.api.types import TokenReviewStatus, UserInfo
from petset.apiserver import ownership
from petset.apiserver.authentication.claims import UNKNOWN, InvalidToken
from petset.apiserver.registry import encode
from petset.apiserver.request import Answer, Content, Identity
from petset.apiserver.write import Change, read
from petset.store.interface import Record


async def review_token(change: Change, content: Content) -> Answer:
    """Whom does this token stand for, and is it meant for me? Raises BadRequest."""
    obj = read(change, content)
    if not obj.spec.token:
        raise BadRequest("token is required for TokenReview in authentication")
    obj.metadata.managed_fields = []
    if ownership.tracks(obj, change.options, ""):
        ownership.track(obj, None, change.writer(), has_status=True)
    try:
        user, audiences = change.server.tokens.review(obj.spec.token, obj.spec.audiences)
    except InvalidToken as error:
        why = str(error)
        # upstream asks twice, and the one that asks first knows of no reason
        obj.status = TokenReviewStatus(error=why if why == UNKNOWN else f"[{UNKNOWN}, {why}]")
    else:
        obj.status = TokenReviewStatus(authenticated=True, audiences=audiences, user=user_info(user))
    return Answer(Record("", 0, encode(obj), {}, {}), None, 201)


def user_info(user: Identity) -> UserInfo:
    """A user as reviews show them."""
    extra = {key: list(values) for key, values in user.extra.items()}
    return UserInfo(username=user.name or None, uid=user.uid or None, groups=list(user.groups), extra=extra)
