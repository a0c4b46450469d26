import pytest

from petset.api.types import Capabilities, Container, PodSecurityContext, SeccompProfile, SecurityContext
from petset.node.runtimes.interface import Image, SecurityOptions
from petset.node.security import NotPermitted, security_options
from tests.unit.node.given import pod


def image(user: str = "") -> Image:
    return Image(id="sha256:1", reference="nginx", user=user)


def options(of_pod: PodSecurityContext | None, own: SecurityContext | None, user: str = "") -> SecurityOptions:
    container = Container(name="nginx", security_context=own)
    return security_options(pod(container, security_context=of_pod), container, image(user))


@pytest.mark.parametrize(
    ("of_pod", "own", "of_image", "user"),
    [
        (None, None, "nginx", ""),
        (PodSecurityContext(run_as_user=1000), None, "", "1000"),
        (PodSecurityContext(run_as_user=1000), SecurityContext(run_as_user=0), "", "0"),
        (PodSecurityContext(run_as_user=1000, run_as_group=3000), None, "", "1000:3000"),
        (PodSecurityContext(run_as_group=3000), SecurityContext(run_as_user=7), "", "7:3000"),
        (PodSecurityContext(run_as_group=3000), None, "101:101", "101:3000"),
        (None, SecurityContext(run_as_group=3000), "", "0:3000"),
    ],
)
def test_the_containers_word_counts_before_the_pods_and_that_before_the_images(
    of_pod: PodSecurityContext | None, own: SecurityContext | None, of_image: str, user: str
) -> None:
    assert options(of_pod, own, of_image).user == user


def test_fs_group_is_a_supplemental_group_too() -> None:
    context = PodSecurityContext(supplemental_groups=[5, 6], fs_group=7)
    assert options(context, None).supplemental_groups == (5, 6, 7)


def test_everything_else_is_the_containers() -> None:
    own = SecurityContext(
        allow_privilege_escalation=False,
        capabilities=Capabilities(add=["NET_ADMIN"], drop=["ALL"]),
        read_only_root_filesystem=True,
        seccomp_profile=SeccompProfile(type="Unconfined"),
    )
    assert options(None, own) == SecurityOptions(
        add_capabilities=("NET_ADMIN",),
        drop_capabilities=("ALL",),
        read_only_rootfs=True,
        no_new_privileges=True,
        seccomp_unconfined=True,
    )
    assert options(None, SecurityContext(privileged=True)).privileged


@pytest.mark.parametrize(
    ("of_pod", "own", "of_image", "complaint"),
    [
        (PodSecurityContext(run_as_non_root=True), None, "", "image will run as root"),
        (PodSecurityContext(run_as_non_root=True), None, "0:0", "image will run as root"),
        (None, SecurityContext(run_as_non_root=True), "nginx", r"image has non-numeric user \(nginx\)"),
        (PodSecurityContext(run_as_non_root=True), SecurityContext(run_as_user=0), "5", "runAsUser breaks non-root"),
        (PodSecurityContext(seccomp_profile=SeccompProfile(type="Localhost")), None, "", "Localhost is not supported"),
    ],
)
def test_contradictions_are_refused(
    of_pod: PodSecurityContext | None, own: SecurityContext | None, of_image: str, complaint: str
) -> None:
    with pytest.raises(NotPermitted, match=complaint):
        options(of_pod, own, of_image)


@pytest.mark.parametrize(
    ("of_pod", "own", "of_image"),
    [
        (PodSecurityContext(run_as_non_root=True), None, "101"),
        (PodSecurityContext(run_as_non_root=True, run_as_user=5), None, "nginx"),
        (PodSecurityContext(run_as_non_root=True), SecurityContext(run_as_non_root=False), ""),
    ],
)
def test_users_that_are_surely_not_root_are_let_through(
    of_pod: PodSecurityContext, own: SecurityContext | None, of_image: str
) -> None:
    assert options(of_pod, own, of_image) is not None


def test_the_message_names_pod_and_container() -> None:
    expected = (
        "container has runAsNonRoot and image will run as root "
        '(pod: "web-0_default(5c9c8fd8-0000-4000-8000-000000000001)", container: nginx)'
    )
    with pytest.raises(NotPermitted) as refused:
        options(PodSecurityContext(run_as_non_root=True), None)
    assert str(refused.value) == expected
