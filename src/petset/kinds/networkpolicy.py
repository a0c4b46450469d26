"""NetworkPolicy: who may talk to which pods. Stored and checked; nothing here filters what pods send each other."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, forbidden, invalid, not_supported, required
from petset.api.names import port_name_errors, port_number_errors
from petset.api.resources import Resource, Strategy
from petset.api.selectors import SelectorError, selector_of
from petset.api.table import Column
from petset.api.types import (
    IPBlock,
    NetworkPolicy,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from petset.kinds.checks import format_errors, label_selector
from petset.kinds.cidrs import cidr_errors, cidr_warnings, is_strictly_within, lenient_network
from petset.kinds.columns import AGE, NAME, NONE

POLICY_TYPES = ("Ingress", "Egress")
PROTOCOLS = ("TCP", "UDP", "SCTP")
NOT_ENFORCED = "NetworkPolicy is stored but not enforced: petset does not filter traffic between pods"


class NetworkPolicyStrategy(Strategy[NetworkPolicy]):
    """Everything may change."""

    def default(self, obj: NetworkPolicy) -> None:
        """What is not said is about what comes in, over TCP."""
        spec = obj.spec
        if not spec.policy_types:
            spec.policy_types = ["Ingress", "Egress"] if spec.egress else ["Ingress"]
        for ports in [rule.ports for rule in spec.ingress] + [rule.ports for rule in spec.egress]:
            for port in ports:
                port.protocol = "TCP" if port.protocol is None else port.protocol

    def prepare_create(self, obj: NetworkPolicy) -> None:
        """The first generation."""
        obj.metadata.generation = 1

    def validate_create(self, obj: NetworkPolicy) -> list[FieldError]:
        """Ports, peers and blocks of addresses that there could be."""
        return list(_spec_errors(obj.spec, frozenset()))

    def prepare_update(self, obj: NetworkPolicy, old: NetworkPolicy) -> None:
        """A new generation when the spec changed."""
        generation = old.metadata.generation or 0
        obj.metadata.generation = generation if obj.spec == old.spec else generation + 1

    def validate_update(self, obj: NetworkPolicy, old: NetworkPolicy) -> list[FieldError]:
        """As on creation; a block that was there already is not judged again."""
        known = frozenset(text for _, block in _blocks(old.spec) for text in (block.cidr, *block.except_))
        return list(_spec_errors(obj.spec, known))

    def warnings(self, obj: NetworkPolicy) -> list[str]:
        """Nobody acts on it; and addresses that are written in an unusual way."""
        found = [NOT_ENFORCED]
        for path, block in _blocks(obj.spec):
            found += cidr_warnings(f"{path}.cidr", block.cidr)
            for index, text in enumerate(block.except_):
                found += cidr_warnings(f"{path}.except[{index}]", text)
        return found


def _peers(spec: NetworkPolicySpec) -> Iterator[tuple[str, NetworkPolicyPeer]]:
    for index, ingress in enumerate(spec.ingress):
        for place, peer in enumerate(ingress.from_):
            yield f"spec.ingress[{index}].from[{place}]", peer
    for index, egress in enumerate(spec.egress):
        for place, peer in enumerate(egress.to):
            yield f"spec.egress[{index}].to[{place}]", peer


def _blocks(spec: NetworkPolicySpec) -> Iterator[tuple[str, IPBlock]]:
    for path, peer in _peers(spec):
        if peer.ip_block is not None:
            yield f"{path}.ipBlock", peer.ip_block


def _spec_errors(spec: NetworkPolicySpec, known: frozenset[str]) -> Iterator[FieldError]:
    yield from label_selector("spec.podSelector", spec.pod_selector)
    for index, ingress in enumerate(spec.ingress):
        yield from _ports_errors(f"spec.ingress[{index}].ports", ingress.ports)
    for index, egress in enumerate(spec.egress):
        yield from _ports_errors(f"spec.egress[{index}].ports", egress.ports)
    for path, peer in _peers(spec):
        yield from _peer_errors(path, peer, known)
    path = "spec.policyTypes"
    if len(spec.policy_types) > len(POLICY_TYPES):
        yield invalid(path, spec.policy_types, "may not specify more than two policyTypes")
        return
    for index, name in enumerate(spec.policy_types):
        if name not in POLICY_TYPES:
            yield not_supported(f"{path}[{index}]", name, POLICY_TYPES)


def _ports_errors(path: str, ports: list[NetworkPolicyPort]) -> Iterator[FieldError]:
    for index, port in enumerate(ports):
        if port.protocol is not None and port.protocol not in PROTOCOLS:
            yield not_supported(f"{path}[{index}].protocol", port.protocol, PROTOCOLS)
        yield from _port_errors(f"{path}[{index}]", port.port, port.end_port)


def _port_errors(path: str, first: int | str | None, last: int | None) -> Iterator[FieldError]:
    place = f"{path}.endPort"
    if isinstance(first, int):
        for message in port_number_errors(first):
            yield invalid(f"{path}.port", first, message)
        if last is not None:
            if last < first:
                yield invalid(place, first, "must be greater than or equal to `port`")
            for message in port_number_errors(last):
                yield invalid(place, last, message)
        return
    if last is not None:
        why = "is not specified" if first is None else "is non-numeric"
        yield invalid(place, last, f"may not be specified when `port` {why}")
    if first is not None:
        yield from format_errors(f"{path}.port", first, port_name_errors)


def _peer_errors(path: str, peer: NetworkPolicyPeer, known: frozenset[str]) -> Iterator[FieldError]:
    yield from label_selector(f"{path}.podSelector", peer.pod_selector)
    yield from label_selector(f"{path}.namespaceSelector", peer.namespace_selector)
    if peer.ip_block is not None:
        yield from _block_errors(f"{path}.ipBlock", peer.ip_block, known)
    selects = peer.pod_selector is not None or peer.namespace_selector is not None
    if peer.ip_block is None and not selects:
        yield required(path, "must specify a peer")
    elif peer.ip_block is not None and selects:
        yield forbidden(path, "may not specify both ipBlock and another peer")


def _block_errors(path: str, block: IPBlock, known: frozenset[str]) -> Iterator[FieldError]:
    if not block.cidr:
        yield required(f"{path}.cidr")
        return
    if block.cidr not in known:
        yield from format_errors(f"{path}.cidr", block.cidr, cidr_errors)
    outer = lenient_network(block.cidr)
    if outer is None:
        return
    for index, text in enumerate(block.except_):
        where = f"{path}.except[{index}]"
        if text not in known:
            yield from format_errors(where, text, cidr_errors)
        inner = lenient_network(text)
        if inner is not None and not is_strictly_within(inner, outer):
            yield invalid(where, text, "must be a strict subset of `cidr`")


def _pod_selector(obj: NetworkPolicy, _: datetime) -> str:
    try:
        return str(selector_of(obj.spec.pod_selector)) or NONE
    except SelectorError:
        return "<error>"


RESOURCE = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="NetworkPolicy",
    plural="networkpolicies",
    type=NetworkPolicy,
    namespaced=True,
    strategy=NetworkPolicyStrategy(),
    short_names=("netpol",),
    columns=(NAME, Column("Pod-Selector", _pod_selector), AGE),
)
