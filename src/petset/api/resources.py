"""What the server needs to know of a kind: its names, its verbs, and the strategy that holds its rules.

A `Resource` is a row of the catalogue that `petset.kinds` builds; the request pipeline is generic over these rows and
knows no kind by name. A `Strategy` mirrors upstream's rest strategies: fill defaults, reset what the client may not
set, validate.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from petset.api.field import FieldError
from petset.api.names import dns1123_subdomain_errors
from petset.api.table import Column
from petset.api.types import Object

T = TypeVar("T", bound=Object)

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Strategy(Generic[T]):
    """The rules of one kind on its main resource. Every method may change only its first argument, in place.

    The pipeline calls, for a create: `default`, `prepare_create`, `judge`; for an update or patch:
    `default`, `prepare_update`, `validate_update`, `update_warnings`.
    """

    allow_create_on_update = False
    """PUT to a name that is not there creates it."""
    allow_unconditional_update = True
    """PUT without resourceVersion overwrites whatever is there."""
    shares_spec = False
    """These rules, and those of admission, change nothing in a spec that was stored: so a patch that leaves it alone
    can share it with the state before, instead of reading it again."""

    def name_errors(self, name: str) -> list[str]:
        """What is wrong with a name, in upstream's words; by default a DNS-1123 subdomain."""
        return dns1123_subdomain_errors(name)

    def default(self, obj: T) -> None:
        """Fills in what the client left out."""

    def prepare_create(self, obj: T) -> None:
        """Clears what a client may not set on create (status) and sets the first generation."""

    def validate_create(self, obj: T) -> list[FieldError]:
        """Everything wrong with a new object, except its metadata, which the pipeline checks."""
        return []

    def judge(self, obj: T) -> tuple[list[FieldError], list[str]]:
        """What `validate_create` says of a new object, and of a valid one `warnings`."""
        errors = self.validate_create(obj)
        return errors, [] if errors else self.warnings(obj)

    def prepare_update(self, obj: T, old: T) -> None:
        """Restores what this endpoint may not change; raises the generation when the spec changed."""

    def validate_update(self, obj: T, old: T) -> list[FieldError]:
        """Everything wrong with the new state, given the old one."""
        return []

    def warnings(self, obj: T) -> list[str]:
        """Texts for `Warning` headers: accepted, but probably not what was meant."""
        return []

    def update_warnings(self, obj: T, old: T) -> list[str]:
        """The same for the new state of an object; `old` may not be changed either."""
        del old
        return self.warnings(obj)


@dataclass(frozen=True, slots=True)
class Scale(Generic[T]):
    """How the `/scale` subresource reads and writes a kind."""

    read: Callable[[T], tuple[int, int, str]]
    """spec.replicas, status.replicas, and the selector in string form."""
    write: Callable[[T, int], None]
    """Sets spec.replicas."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """A subresource that discovery lists; the pipeline and the HTTP face implement it by name."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group_version: str = ""
    """Where the kind lives when that is not the resource's own group and version, such as `policy/v1`."""


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """A second API group that serves the objects of another resource in its own shape (events.k8s.io over core)."""

    stored: type[Object]
    from_stored: Callable[[Any], T]
    to_stored: Callable[[T], Any]


def _no_fields(_: Any) -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource(Generic[T]):
    """One served resource."""

    group: str
    version: str
    kind: str
    plural: str
    type: type[T]
    namespaced: bool
    strategy: Strategy[T]
    status: Strategy[T] | None = None
    """The strategy of the `/status` subresource; None when there is none."""
    scale: Scale[T] | None = None
    subresources: tuple[Subresource, ...] = ()
    """Subresources other than status and scale."""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    columns: tuple[Column[T], ...] = ()
    fields: Callable[[T], Mapping[str, str]] = field(default=_no_fields)
    """Field selectors beyond metadata.name and metadata.namespace: every supported key, "" when unset."""
    grace: Callable[[T, int | None], int] | None = None
    """Seconds of graceful deletion for an object, given the requested grace period; None: the kind has no grace."""
    default_propagation: Literal["Background", "Orphan"] = "Background"
    view: View[T] | None = None
    share: Callable[[T], None] | None = None
    """Makes an object that nobody changes any more have the parts that are alike everywhere in common with others."""

    @property
    def singular(self) -> str:
        """The lower-case kind."""
        return self.kind.lower()

    @property
    def group_version(self) -> str:
        """`v1`, `apps/v1`: what objects carry as apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def collection(self) -> str:
        """The store's collection: `pods`, `apps/statefulsets`. A view has that of the resource it shows."""
        return f"{self.group}/{self.plural}" if self.group else self.plural

    def key(self, namespace: str, name: str) -> str:
        """The store's name for one object."""
        return f"{namespace}/{name}" if self.namespaced else name


class Catalogue:
    """All served resources, found by type, by kind, or by their place in a URL."""

    def __init__(self, resources: Iterable[Resource[Any]]) -> None:
        self.resources: tuple[Resource[Any], ...] = tuple(resources)
        self._by_type: dict[type[Object], Resource[Any]] = {r.type: r for r in self.resources}
        self._by_path = {(r.group, r.version, r.plural): r for r in self.resources}
        self._by_kind = {(r.group_version, r.kind): r for r in self.resources}

    def of(self, kind: type[T]) -> Resource[T]:
        """The resource that serves a type. Raises KeyError for a type that is not served."""
        return self._by_type[kind]

    def at(self, group: str, version: str, plural: str) -> Resource[Any] | None:
        """The resource behind a URL."""
        return self._by_path.get((group, version, plural))

    def named(self, api_version: str, kind: str) -> Resource[Any] | None:
        """The resource a manifest means by its apiVersion and kind."""
        return self._by_kind.get((api_version, kind))

    def find(self, text: str) -> Resource[Any] | None:
        """What a person means by `pods`, `pod`, `po`, `Pod`, `statefulsets.apps` or `sts.v1.apps`.

        The first resource wins when several have the name, as with kubectl; the core group therefore comes first.
        """
        wanted, _, group = text.lower().partition(".")
        for resource in self.resources:
            names = {resource.plural, resource.singular, *resource.short_names}
            groups = {"", resource.group, f"{resource.version}.{resource.group}".removesuffix(".")}
            if wanted in names and group in groups:
                return resource
        return None

    def in_category(self, category: str) -> tuple[Resource[Any], ...]:
        """What `kubectl get all` stands for, when the category is `all`: each stored kind once."""
        return tuple(r for r in self.resources if r.view is None and category in r.categories)

    def stored(self, resource: Resource[Any]) -> Resource[Any]:
        """The resource whose objects are in the store: itself, or what it is a view of."""
        return self._by_type[resource.view.stored] if resource.view else resource

    def __iter__(self) -> Any:
        return iter(self.resources)
