"""The volume by which pods reach the API, where nobody changes them any more."""

from petset.api.types import Container, PodSpec, ProjectedVolumeSource, Volume
from petset.kinds.podspec.api_access import add_access, share_source


def with_access() -> PodSpec:
    spec = PodSpec(containers=[Container(name="nginx", image="nginx")])
    add_access(spec, "kube-api-access-abcde")
    return spec


def test_its_source_is_one_for_all_pods() -> None:
    one, other = with_access(), with_access()
    assert one.volumes[0].projected is not other.volumes[0].projected
    for spec in (one, other):
        share_source(spec)
    assert one.volumes[0].projected is other.volumes[0].projected
    assert one == with_access()


def test_a_source_that_somebody_wrote_stays_its_own() -> None:
    mine = ProjectedVolumeSource()
    spec = PodSpec(volumes=[Volume(name="kube-api-access-mine", projected=mine), Volume(name="other")])
    share_source(spec)
    assert spec.volumes[0].projected is mine
