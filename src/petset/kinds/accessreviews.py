"""The questions who may do what (authorization.k8s.io). They are answered, never stored; these are their rules."""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from petset.api.field import FieldError, invalid, required
from petset.api.names import label_value_errors, qualified_name_errors
from petset.api.resources import Resource, Strategy
from petset.api.types import (
    FieldSelectorAttributes,
    LabelSelectorAttributes,
    LocalSubjectAccessReview,
    Object,
    ObjectMeta,
    ResourceAttributes,
    SelfSubjectAccessReview,
    SelfSubjectAccessReviewSpec,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    SubjectAccessReviewSpec,
)
from petset.kinds.checks import format_errors, selector_values

T = TypeVar("T", bound=Object)

_EXACTLY_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


class AccessReviewStrategy(Strategy[SelfSubjectAccessReview]):
    """A question about oneself."""

    def validate_create(self, obj: SelfSubjectAccessReview) -> list[FieldError]:
        """One thing to do, and nothing that would make the review an object."""
        return [*_spec_errors(obj.spec), *_metadata_errors(obj.metadata, "must be empty")]


class SubjectAccessReviewStrategy(Strategy[SubjectAccessReview]):
    """A question about anybody."""

    def validate_create(self, obj: SubjectAccessReview) -> list[FieldError]:
        """One thing to do, and somebody to do it."""
        errors = [*_spec_errors(obj.spec, obj.spec)]
        return [*errors, *_metadata_errors(obj.metadata, "must be empty")]


class LocalSubjectAccessReviewStrategy(Strategy[LocalSubjectAccessReview]):
    """A question about anybody, within one namespace."""

    def validate_create(self, obj: LocalSubjectAccessReview) -> list[FieldError]:
        """As for a review of the cluster, and about a resource of this namespace."""
        meta, spec = obj.metadata, obj.spec
        errors = [*_spec_errors(spec, spec)]
        errors += _metadata_errors(msgspec.structs.replace(meta, namespace=""), "must be empty except for namespace")
        asked = spec.resource_attributes
        if asked is not None and (asked.namespace or "") != meta.namespace:
            path = "spec.resourceAttributes.namespace"
            errors.append(invalid(path, asked.namespace or "", "must match metadata.namespace"))
        if spec.non_resource_attributes is not None:
            path, value = "spec.nonResourceAttributes", _go(spec.non_resource_attributes)
            errors.append(invalid(path, value, "disallowed on this kind of request"))
        return errors


def _spec_errors(
    spec: SelfSubjectAccessReviewSpec | SubjectAccessReviewSpec, subject: SubjectAccessReviewSpec | None = None
) -> Iterator[FieldError]:
    asked, path = spec.resource_attributes, spec.non_resource_attributes
    if asked is not None and path is not None:
        text = "cannot be specified in combination with resourceAttributes"
        yield invalid("spec.nonResourceAttributes", _go(path), text)
    if asked is None and path is None:
        yield invalid("spec.resourceAttributes", None, _EXACTLY_ONE)
    if subject is not None and not subject.user and not subject.groups:
        yield invalid("spec.user", "", "at least one of user or group must be specified")
    if asked is not None:
        yield from _selector_errors("spec.resourceAttributes", asked)


def _selector_errors(path: str, asked: ResourceAttributes) -> Iterator[FieldError]:
    """Operators may be unknown: newer clients ask too, and what is not understood does not narrow the question."""
    fields, labels = asked.field_selector, asked.label_selector
    if fields is not None:
        yield from _form_errors(f"{path}.fieldSelector", fields)
        for index, by_field in enumerate(fields.requirements):
            where = f"{path}.fieldSelector.requirements[{index}]"
            if not by_field.key:
                yield required(f"{where}.key", "must be specified")
            yield from selector_values(where, by_field.operator, by_field.values)
    if labels is not None:
        yield from _form_errors(f"{path}.labelSelector", labels)
        for index, by_label in enumerate(labels.requirements):
            where = f"{path}.labelSelector.requirements[{index}]"
            yield from selector_values(where, by_label.operator, by_label.values)
            yield from format_errors(f"{where}.key", by_label.key, qualified_name_errors)
            for place, value in enumerate(by_label.values):
                yield from format_errors(f"{where}.values[{place}]", value, label_value_errors)


def _form_errors(path: str, selector: FieldSelectorAttributes | LabelSelectorAttributes) -> Iterator[FieldError]:
    if selector.raw_selector and selector.requirements:
        text = "may not specified at the same time as requirements"
        yield invalid(f"{path}.rawSelector", selector.raw_selector, text)
    if not selector.raw_selector and not selector.requirements:
        yield required(f"{path}.requirements", f"when {path} is specified, requirements or rawSelector is required")


def _metadata_errors(meta: ObjectMeta, text: str) -> Iterator[FieldError]:
    if msgspec.structs.replace(meta, managed_fields=[]) != ObjectMeta():
        tree: dict[str, Any] = msgspec.to_builtins(meta)
        owned = {"managedFields": tree.pop("managedFields")} if meta.managed_fields else {}
        yield invalid("metadata", tree | owned, text)


def _go(value: Any) -> dict[str, Any]:
    """As upstream shows its internal types, whose fields have no JSON names."""
    return {name.capitalize(): getattr(value, name) or "" for name in value.__struct_fields__}


def _review(kind: type[T], strategy: Strategy[T], *, namespaced: bool = False) -> Resource[T]:
    return Resource(
        group="authorization.k8s.io",
        version="v1",
        kind=kind.__name__,
        plural=f"{kind.__name__.lower()}s",
        type=kind,
        namespaced=namespaced,
        strategy=strategy,
        verbs=("create",),
    )


RESOURCES: tuple[Resource[Any], ...] = (
    _review(LocalSubjectAccessReview, LocalSubjectAccessReviewStrategy(), namespaced=True),
    _review(SelfSubjectAccessReview, AccessReviewStrategy()),
    _review(SelfSubjectRulesReview, Strategy[SelfSubjectRulesReview]()),
    _review(SubjectAccessReview, SubjectAccessReviewStrategy()),
)
