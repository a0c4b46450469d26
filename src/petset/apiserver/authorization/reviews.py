"""Questions about access that are asked through the API: answered at once, never stored."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from petset.api.errors import BadRequest, Invalid
from petset.api.selectors import SelectorError, parse_field_selector, parse_label_selector
from petset.api.types import (
    LocalSubjectAccessReview,
    NonResourceAttributes,
    NonResourceRule,
    Object,
    ObjectMeta,
    ResourceAttributes,
    ResourceRule,
    SelfSubjectAccessReview,
    SelfSubjectReview,
    SelfSubjectReviewStatus,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
    SubjectRulesReviewStatus,
    TokenReview,
)
from petset.apiserver import metadata, ownership
from petset.apiserver.authentication.reviews import review_token, user_info
from petset.apiserver.authorization.attributes import Attributes
from petset.apiserver.registry import encode
from petset.apiserver.request import Answer, Content, Identity
from petset.apiserver.write import Change, read
from petset.store.interface import Record

Review = Callable[[Change, Content], Awaitable[Answer]]


async def review_access(change: Change, content: Content) -> Answer:
    """May somebody do this? Raises BadRequest, Invalid."""
    obj = read(change, content)
    metadata.place(change.resource, obj, change.target.namespace)
    metadata.wipe(obj.metadata)
    obj.metadata.managed_fields = []
    if ownership.tracks(obj, change.options, change.target.subresource):
        ownership.track(obj, None, change.writer(), has_status=True)
    errors = change.strategy.validate_create(obj)
    if errors:
        # upstream's answer names neither the kind nor the object
        raise Invalid.of(change.resource.group, "", "", errors)
    user = change.identity if isinstance(obj, SelfSubjectAccessReview) else _subject(obj.spec)
    decision = change.server.authorizer.decide(
        _asked(user, obj.spec.resource_attributes, obj.spec.non_resource_attributes)
    )
    problem = "; ".join(_selector_problems(obj.spec.resource_attributes))
    obj.status = SubjectAccessReviewStatus(
        allowed=decision.allowed, reason=decision.reason or None, evaluation_error=problem or None
    )
    return answered(obj)


async def review_rules(change: Change, content: Content) -> Answer:
    """What may I do in this namespace? Raises BadRequest."""
    asked = read(change, content)
    if not asked.spec.namespace:
        raise BadRequest("no namespace on request")
    rules, problem = change.server.authorizer.rules_for(change.identity, asked.spec.namespace)
    resource_rules = [
        ResourceRule(verbs=r.verbs, api_groups=r.api_groups, resources=r.resources, resource_names=r.resource_names)
        for r in rules
        if r.resources
    ]
    paths = [
        NonResourceRule(verbs=r.verbs, non_resource_urls=r.non_resource_urls) for r in rules if r.non_resource_urls
    ]
    status = SubjectRulesReviewStatus(
        resource_rules=resource_rules, non_resource_rules=paths, evaluation_error=problem or None
    )
    return answered(SelfSubjectRulesReview(status=status))


async def review_self(change: Change, content: Content) -> Answer:
    """Who am I? Raises BadRequest."""
    read(change, content)
    meta = ObjectMeta(creation_timestamp=change.registry.time())
    status = SelfSubjectReviewStatus(user_info=user_info(change.identity))
    return answered(SelfSubjectReview(metadata=meta, status=status))


def answered(obj: Object) -> Answer:
    """The answer to a question: what was asked, with the status filled in; there is nothing in the store."""
    return Answer(Record("", 0, encode(obj), {}, {}), None, 201)


def _subject(spec: SubjectAccessReviewSpec) -> Identity:
    extra = {key: tuple(values) for key, values in spec.extra.items()}
    return Identity(spec.user or "", tuple(spec.groups), spec.uid or "", extra)


def _asked(user: Identity, on: ResourceAttributes | None, path: NonResourceAttributes | None) -> Attributes:
    if on is None:
        return Attributes(user, (path.verb if path else "") or "", path=(path.path if path else "") or "")
    return Attributes(
        user,
        on.verb or "",
        on.group or "",
        on.resource or "",
        on.subresource or "",
        on.namespace or "",
        on.name or "",
    )


def _selector_problems(asked: ResourceAttributes | None) -> Iterator[str]:
    """Selectors narrow what is asked; rules know no selectors, so one that cannot be read changes no answer."""
    if asked is None:
        return
    selectors: tuple[tuple[str, Any, Callable[[str], Any]], ...] = (
        ("fieldSelector", asked.field_selector, parse_field_selector),
        ("labelSelector", asked.label_selector, parse_label_selector),
    )
    for name, selector, parse in selectors:
        if selector is not None and selector.raw_selector and not _parses(parse, selector.raw_selector):
            yield f"spec.resourceAttributes.{name} ignored due to parse error"


def _parses(parse: Callable[[str], Any], text: str) -> bool:
    try:
        parse(text)
    except SelectorError:
        return False
    return True


REVIEWS: dict[type[Object], Review] = {
    LocalSubjectAccessReview: review_access,
    SelfSubjectAccessReview: review_access,
    SelfSubjectReview: review_self,
    SelfSubjectRulesReview: review_rules,
    SubjectAccessReview: review_access,
    TokenReview: review_token,
}
"""The kinds that are questions."""
