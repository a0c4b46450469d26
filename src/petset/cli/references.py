"""What people mean by `pods`, `pod/web-0`, `sts,pods` or `all`. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from petset.api.resources import Resource
from petset.cli.failure import Failure
from petset.kinds import CATALOGUE


class Reference(NamedTuple):
    """All objects of a kind, or one of them."""

    resource: Resource[Any]
    name: str = ""

    def __str__(self) -> str:
        return f"{kind_text(self.resource)}/{self.name}" if self.name else kind_text(self.resource)


def kind_text(resource: Resource[Any]) -> str:
    """`pod`, `statefulset.apps`: how kubectl names a kind in what it says."""
    return f"{resource.singular}.{resource.group}" if resource.group else resource.singular


def resource_named(text: str) -> Resource[Any]:
    """The kind that a word means. Raises Failure."""
    resource = CATALOGUE.find(text)
    if resource is None:
        raise Failure(f'the server doesn\'t have a resource type "{text}"')
    return resource


def references(words: Sequence[str]) -> list[Reference]:
    """What the words of a command line mean: KIND[,KIND...] [NAME...], or KIND/NAME... Raises Failure."""
    if any("/" in word for word in words):
        return [_with_name(word) for word in words]
    kinds, names = words[0].split(","), words[1:]
    resources = [found for kind in kinds for found in (CATALOGUE.in_category(kind) or (resource_named(kind),))]
    if not names:
        return [Reference(resource) for resource in resources]
    return [Reference(resource, name) for resource in resources for name in names]


def _with_name(word: str) -> Reference:
    kind, slash, name = word.partition("/")
    if not slash or not kind or not name or "/" in name:
        raise Failure(f"{word!r} is no KIND/NAME; names go with all kinds, or with none", 2)
    return Reference(resource_named(kind), name)


def named(words: Sequence[str], kind: str = "") -> list[Reference]:
    """The same for commands on objects that have to be named; `kind` is meant by a bare name. Raises Failure."""
    if kind and len(words) == 1 and "/" not in words[0]:
        return [Reference(resource_named(kind), words[0])]
    found = references(words)
    if not all(reference.name for reference in found):
        raise Failure("a name is needed: KIND NAME or KIND/NAME", 2)
    return found
