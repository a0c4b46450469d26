"""Which pod specs are plain: valid, with nothing to warn about.

The pods of one template are alike but for their host names and claims. What was found out about one of them holds for
all, so it is found out once; a thousand new pods cost one look at their template.
"""

from functools import lru_cache

from msgspec import json
from msgspec.structs import replace

from petset.api.alike import LONGEST_REMEMBERED
from petset.api.names import dns1123_label_errors
from petset.api.types import PersistentVolumeClaimVolumeSource, PodSpec, Volume
from petset.kinds.podspec.validation import pod_spec_errors
from petset.kinds.podspec.volumes import reference_errors
from petset.kinds.podspec.warnings import pod_warnings

_ANY = "any"

_encode = json.Encoder().encode
_decode = json.Decoder(PodSpec).decode


def is_plain(spec: PodSpec) -> bool:
    """Whether a pod's validation and `pod_warnings` are certain to find nothing in a spec that has its defaults.

    False means only that they have to look.
    """
    if spec.hostname and any(dns1123_label_errors(spec.hostname)):
        return False
    claims = [volume.persistent_volume_claim for volume in spec.volumes if volume.persistent_volume_claim is not None]
    if not all(claim.claim_name for claim in claims):
        return False
    volumes = [_of_any_claim(volume) for volume in spec.volumes] if claims else spec.volumes
    likeness = _encode(replace(spec, hostname=None, volumes=volumes))
    return len(likeness) <= LONGEST_REMEMBERED and _is_plain(likeness)


def _of_any_claim(volume: Volume) -> Volume:
    claim = volume.persistent_volume_claim
    if claim is None:
        return volume
    any_claim = PersistentVolumeClaimVolumeSource(claim_name=_ANY, read_only=claim.read_only)
    return replace(volume, persistent_volume_claim=any_claim)


@lru_cache(256)
def _is_plain(likeness: bytes) -> bool:
    spec = _decode(likeness)
    errors = (*reference_errors("", spec.volumes), *pod_spec_errors("spec", spec))
    return not errors and not pod_warnings("", spec)
