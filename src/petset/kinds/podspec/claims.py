"""Validation of the devices that a pod claims."""

from collections.abc import Iterator, Sequence

from petset.api.field import FieldError, duplicate, invalid, required
from petset.api.names import dns1123_label_errors, dns1123_subdomain_errors
from petset.api.types import PodResourceClaim
from petset.kinds.checks import format_errors


def claims_errors(path: str, claims: Sequence[PodResourceClaim]) -> Iterator[FieldError]:
    """Each has a name of its own, and is a claim that is there or made from a template."""
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        where = f"{path}[{index}]"
        if not claim.name:
            yield required(f"{where}.name")
        elif claim.name in seen:
            yield duplicate(f"{where}.name", claim.name)
        else:
            yield from format_errors(f"{where}.name", claim.name, dns1123_label_errors)
            seen.add(claim.name)
        yield from _source_errors(where, claim)


def _source_errors(path: str, claim: PodResourceClaim) -> Iterator[FieldError]:
    names = {
        "resourceClaimName": claim.resource_claim_name,
        "resourceClaimTemplateName": claim.resource_claim_template_name,
    }
    given = {place: name for place, name in names.items() if name is not None}
    if len(given) == len(names):
        rule = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
        yield invalid(path, _shown(claim), rule)
    if not given:
        yield invalid(path, _shown(claim), "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
    for place, name in given.items():
        yield from format_errors(f"{path}.{place}", name, dns1123_subdomain_errors)


def _shown(claim: PodResourceClaim) -> dict[str, str | None]:
    """In Go's names, which upstream's message has."""
    return {
        "Name": claim.name,
        "ResourceClaimName": claim.resource_claim_name,
        "ResourceClaimTemplateName": claim.resource_claim_template_name,
    }
