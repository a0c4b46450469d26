"""A preview of each set that is asked for: finds the sets, then puts proposal and situation together. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from petset.api.meta import Key
from petset.api.types import StatefulSet
from petset.cli.applying import Target, targets_of
from petset.cli.failure import Failure
from petset.cli.manifests import Manifest
from petset.cli.preview.proposal import Proposal, proposed
from petset.cli.preview.reading import Stock, live_set, neighbours, situation, stock
from petset.cli.preview.situation import Situation
from petset.cli.references import named
from petset.client.interface import Client


@dataclass(frozen=True, slots=True)
class Wanted:
    """The new manifests, None for the sets as they are; the sets to look at, none for all; whose cluster it is."""

    manifests: Sequence[Manifest] | None
    names: Sequence[str]
    namespace: str
    petset: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """What there is to tell of one set; `note` is about how it was found out."""

    situation: Situation
    note: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """One set: its key, and its manifest if there is one."""

    key: Key
    manifest: Target | None = None


async def previews(client: Client, wanted: Wanted) -> list[Preview]:
    """A preview of each set. Raises Failure for one that is not there, StatusError for what the API would refuse."""
    targets = targets_of(wanted.manifests or (), wanted.namespace)
    others = [target for target in targets if target.resource.type is not StatefulSet]
    stocks: dict[str, Stock] = {}
    found = []
    for subject in await _subjects(client, wanted, targets):
        space = subject.key.namespace
        if space not in stocks:
            stocks[space] = await stock(client, space)
        live = await live_set(client, subject.key)
        proposal = await _proposal(client, subject, live, wanted.now)
        near = [target for target in others if target.key.namespace in ("", space)]
        uid = live.metadata.uid if live is not None else ""
        around = neighbours(stocks[space], near, uid, petset=wanted.petset)
        it = situation(proposal.set, live, stocks[space], around, wanted.now)
        found.append(Preview(it, proposal.note))
    return found


async def _proposal(client: Client, subject: Subject, live: StatefulSet | None, now: datetime) -> Proposal:
    if subject.manifest is not None:
        return await proposed(client, subject.manifest, live, now)
    if live is None:
        raise Failure(f'statefulsets.apps "{subject.key.name}" not found')
    return Proposal(live)


async def _subjects(client: Client, wanted: Wanted, targets: Sequence[Target]) -> list[Subject]:
    names = [named([word], "statefulset")[0].name for word in wanted.names]
    if wanted.manifests is None:
        if not names:
            names = [set_.metadata.name for set_ in (await client.list(StatefulSet, wanted.namespace)).items]
        return [Subject(Key(wanted.namespace, name)) for name in names]
    found = [Subject(target.key, target) for target in targets if target.resource.type is StatefulSet]
    missing = [name for name in names if name not in {subject.key.name for subject in found}]
    if missing or not found:
        raise Failure(f"the manifests have no StatefulSet {', '.join(missing)}".rstrip())
    return [subject for subject in found if not names or subject.key.name in names]
