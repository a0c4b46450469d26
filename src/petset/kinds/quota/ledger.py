"""The sums of one namespace: what its objects use of each of its quotas, kept object by object.

A change costs the same however many objects there are; only a quota that comes or changes looks at all of them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from petset.api.quantity import ZERO, Quantity
from petset.api.resources import Resource
from petset.api.types import Object, Pod, ResourceQuota, ScopedResourceSelectorRequirement
from petset.kinds.podspec.defaults import all_containers
from petset.kinds.podspec.totals import Amounts, add, parsed
from petset.kinds.quota.scopes import is_in, terms_of
from petset.kinds.quota.usage import Charge, concerns

Place = tuple[str, str]
"""Collection and name of an object."""

_MUST_BE_SAID = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
"""Each container has to name these where a quota limits them."""


@dataclass(slots=True)
class _Account:
    """One quota and what is used of it."""

    hard: Amounts
    terms: tuple[ScopedResourceSelectorRequirement, ...]
    used: Amounts = field(default_factory=dict)

    def covers(self, charge: Charge | None) -> bool:
        """Whether an object counts here."""
        return charge is not None and is_in(charge, self.terms)

    def exchange(self, old: Charge | None, new: Charge | None) -> bool:
        """Counts `new` instead of `old`; whether that made a difference."""
        changes: Amounts = {}
        if old is not None and is_in(old, self.terms):
            changes = {name: ZERO - amount for name, amount in self._limited(old)}
        if new is not None and is_in(new, self.terms):
            add(changes, dict(self._limited(new)))
        changes = {name: amount for name, amount in changes.items() if amount}
        add(self.used, changes)
        return bool(changes)

    def count(self, charges: Collection[Charge]) -> None:
        """Counts nothing but these: what many share once, in whole numbers, which add up faster than fractions."""
        by_id = {id(charge): charge for charge in charges}
        parts: dict[str, dict[int, int]] = {name: {} for name in self.hard}
        first: Amounts = {}
        for number, times in Counter(map(id, charges)).items():
            charge = by_id[number]
            if self.terms and not is_in(charge, self.terms):
                continue
            for name, amount in charge.amounts:
                if name in parts:
                    numerator, denominator = amount.amount.as_integer_ratio()
                    by_denominator = parts[name]
                    by_denominator[denominator] = by_denominator.get(denominator, 0) + numerator * times
                    if numerator and name not in first:
                        first[name] = amount
        self.used = {name: Quantity(_sum(parts[name]), amount.format) for name, amount in first.items()}

    def _limited(self, charge: Charge) -> Iterator[tuple[str, Quantity]]:
        """What of a charge this quota limits."""
        return ((name, amount) for name, amount in charge.amounts if name in self.hard)


class Ledger:
    """The quotas of a namespace and the charges of its objects."""

    def __init__(self) -> None:
        self._charges: dict[Place, Charge] = {}
        self._accounts: dict[str, _Account] = {}

    def __bool__(self) -> bool:
        """Whether the namespace has any quota."""
        return bool(self._accounts)

    def open(self, quota: ResourceQuota) -> None:
        """Counts for a quota from now on, in its present form."""
        account = _Account(parsed(quota.spec.hard), terms_of(quota.spec))
        account.count(self._charges.values())
        self._accounts[quota.metadata.name] = account

    def close(self, name: str) -> None:
        """Counts no longer for a quota."""
        self._accounts.pop(name, None)

    def charge(self, place: Place) -> Charge | None:
        """What an object counts for now."""
        return self._charges.get(place)

    def put(self, place: Place, charge: Charge | None) -> list[str]:
        """Counts an object as it is now, None when it is gone; the names of the quotas that notice."""
        old = self._charges.get(place)
        if old == charge:
            return []
        if charge is None:
            del self._charges[place]
        else:
            self._charges[place] = charge
        return [name for name, account in self._accounts.items() if account.exchange(old, charge)]

    def used(self, name: str, resources: Iterable[Resource[Any]]) -> dict[str, str]:
        """What a quota's status says is used, of everything that objects of these resources can count for."""
        account = self._accounts[name]
        known = [limited for limited in account.hard if any(concerns(resource, limited) for resource in resources)]
        return {limited: str(account.used.get(limited, ZERO)) for limited in known}

    def refusal(self, resource: Resource[Any], obj: Object, charge: Charge, old: Charge | None) -> str:
        """Why an object may not use that much, in upstream's words; "" when it may.

        `old` is what it counts for already.
        """
        covering = {
            name: account
            for name, account in sorted(self._accounts.items())
            if account.covers(charge) and any(concerns(resource, limited) for limited in account.hard)
        }
        for name, account in covering.items():
            missing = _missing(obj, account.hard.keys() & _MUST_BE_SAID) if isinstance(obj, Pod) else ""
            if missing:
                return f"failed quota: {name}: must specify {missing}"
        for name, account in covering.items():
            before = dict(old.amounts) if old is not None and account.covers(old) else {}
            excess = _excess(account, dict(charge.amounts), before)
            if excess:
                return f"exceeded quota: {name}, {excess}"
        return ""


def _sum(numerators: dict[int, int]) -> Fraction:
    """Of fractions by their denominators."""
    return sum((Fraction(numerator, denominator) for denominator, numerator in numerators.items()), Fraction(0))


def _missing(pod: Pod, names: Collection[str]) -> str:
    """The containers that do not say what a quota needs to know: `limits.cpu for: a,b; memory for: a`."""
    if not names or (pod.spec.resources is not None and (pod.spec.resources.requests or pod.spec.resources.limits)):
        return ""
    silent: dict[str, set[str]] = {}
    for container in all_containers(pod.spec):
        resources = container.resources
        for name in names:
            kind, _, bare = name.rpartition(".")
            if bare not in (resources.limits if kind == "limits" else resources.requests):
                silent.setdefault(name, set()).add(container.name)
    return "; ".join(f"{name} for: {','.join(sorted(silent[name]))}" for name in sorted(silent))


def _excess(account: _Account, new: Amounts, before: Amounts) -> str:
    requested: Amounts = {}
    for name in account.hard.keys() & new.keys():
        more = new[name] - before[name] if name in before else new[name]
        if more.amount > 0:
            requested[name] = more
    over = [name for name, more in requested.items() if account.used.get(name, ZERO) + more > account.hard[name]]
    if not over:
        return ""
    parts = (("requested", requested), ("used", account.used), ("limited", account.hard))
    return ", ".join(f"{word}: {_shown(amounts, over)}" for word, amounts in parts)


def _shown(amounts: Amounts, names: Iterable[str]) -> str:
    return ",".join(f"{name}={amounts.get(name, ZERO)}" for name in sorted(names))
