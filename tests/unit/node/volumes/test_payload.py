import pytest

from petset.aio.clock import SystemClock
from petset.api.types import (
    ConfigMapProjection,
    ConfigMapVolumeSource,
    Container,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    KeyToPath,
    ObjectFieldSelector,
    ObjectMeta,
    Pod,
    PodSecurityContext,
    PodSpec,
    ProjectedVolumeSource,
    ResourceFieldSelector,
    ResourceRequirements,
    SecretProjection,
    SecretVolumeSource,
    SecurityContext,
    ServiceAccountTokenProjection,
    VolumeProjection,
)
from petset.node.downward import Placement
from petset.node.sources import SourceNotFound
from petset.node.tokens import PodTokens
from petset.node.volumes import config_map, downward_api, projected, secret
from petset.node.volumes.errors import SetUpFailed
from petset.node.volumes.payload import Defaults, File, Payload, require_inside
from tests.unit.node.given import GivenSources, cluster, pod

PLAIN = Defaults()
TOKEN = ServiceAccountTokenProjection(path="token")


@pytest.fixture
def sources() -> GivenSources:
    sources = GivenSources()
    sources.set_config_map("settings", {"color": "blue", "size": "5"}, {"logo": b"\x89PNG"})
    sources.set_secret("login", {"user": b"me", "password": b"s3cret"})
    return sources


async def of_config_map(sources: GivenSources, **fields: object) -> Payload:
    source = ConfigMapVolumeSource(name="settings")
    for name, value in fields.items():
        setattr(source, name, value)
    return await config_map.collect(sources, "default", source, PLAIN)


async def test_without_items_every_key_is_a_file(sources: GivenSources) -> None:
    expected = {"color": File(b"blue"), "size": File(b"5"), "logo": File(b"\x89PNG")}
    assert await of_config_map(sources) == expected


async def test_items_choose_keys_paths_and_modes(sources: GivenSources) -> None:
    items = [KeyToPath(key="color", path="etc/color"), KeyToPath(key="size", path="size.txt", mode=0o400)]
    assert await of_config_map(sources, items=items) == {"etc/color": File(b"blue"), "size.txt": File(b"5", 0o400)}


async def test_a_missing_key_is_an_error_unless_optional(sources: GivenSources) -> None:
    items = [KeyToPath(key="absent", path="x"), KeyToPath(key="color", path="color")]
    with pytest.raises(SetUpFailed, match="configmap references non-existent config key: absent"):
        await of_config_map(sources, items=items)
    assert await of_config_map(sources, items=items, optional=True) == {"color": File(b"blue")}


async def test_a_missing_object_is_an_error_unless_optional(sources: GivenSources) -> None:
    with pytest.raises(SourceNotFound, match='configmap "absent" not found'):
        await of_config_map(sources, name="absent")
    assert await of_config_map(sources, name="absent", optional=True) == {}
    with pytest.raises(SourceNotFound, match='secret "absent" not found'):
        await secret.collect(sources, "default", SecretVolumeSource(secret_name="absent"), PLAIN)


async def test_a_secrets_files_have_the_volumes_default_mode(sources: GivenSources) -> None:
    source = SecretVolumeSource(secret_name="login", items=[KeyToPath(key="password", path="pw")])
    files = await secret.collect(sources, "default", source, Defaults.of(0o440, 1000))
    assert files == {"pw": File(b"s3cret", 0o440, 1000)}
    source.items = [KeyToPath(key="absent", path="pw")]
    with pytest.raises(SetUpFailed, match="references non-existent secret key: absent"):
        await secret.collect(sources, "default", source, PLAIN)


def downward_items() -> list[DownwardAPIVolumeFile]:
    cpu = ResourceFieldSelector(container_name="nginx", resource="limits.cpu", divisor="1m")
    return [
        DownwardAPIVolumeFile(path="labels", field_ref=ObjectFieldSelector(field_path="metadata.labels")),
        DownwardAPIVolumeFile(path="cpu", resource_field_ref=cpu, mode=0o600),
    ]


LIMITED = Container(name="nginx", resources=ResourceRequirements(limits={"cpu": "500m"}))


def test_the_downward_api_shows_fields_and_resources() -> None:
    source = DownwardAPIVolumeSource(items=downward_items())
    files = downward_api.collect(pod(LIMITED), source, Placement(), PLAIN)
    assert files == {"labels": File(b'app="nginx"\nzone="a"'), "cpu": File(b"500", 0o600)}


async def test_a_projection_joins_its_sources_and_the_later_wins(sources: GivenSources) -> None:
    source = ProjectedVolumeSource(
        default_mode=0o640,
        sources=[
            VolumeProjection(config_map=ConfigMapProjection(name="settings")),
            VolumeProjection(),
            VolumeProjection(secret=SecretProjection(name="login", items=[KeyToPath(key="user", path="color")])),
            VolumeProjection(downward_api=DownwardAPIProjection(items=downward_items())),
        ],
    )
    async with cluster() as (client, _):
        origins = projected.Origins(sources, PodTokens(client, SystemClock()), Placement(), root=False)
        files = await projected.collect(origins, pod(LIMITED), source)
    assert files["color"] == File(b"me", 0o640)
    assert files["cpu"] == File(b"500", 0o600)
    assert sorted(files) == ["color", "cpu", "labels", "logo", "size"]


@pytest.mark.parametrize(
    ("of_pod", "own", "projection", "file"),
    [
        (PodSecurityContext(), None, TOKEN, (0o640, None)),
        (PodSecurityContext(fs_group=2000), None, TOKEN, (0o600, None)),
        (PodSecurityContext(run_as_user=1000), None, TOKEN, (0o600, 1000)),
        (PodSecurityContext(run_as_user=1000), 1000, TOKEN, (0o600, 1000)),
        (PodSecurityContext(run_as_user=1000), 1001, TOKEN, (0o640, None)),
        (PodSecurityContext(), 1001, TOKEN, (0o640, None)),
        (PodSecurityContext(), None, ServiceAccountTokenProjection(path="token", user=7), (0o600, 7)),
    ],
    ids=["nobody", "a group", "a user", "one user twice", "two users", "one user and nobody", "the projection's"],
)
async def test_a_token_belongs_to_the_one_who_reads_it(
    sources: GivenSources,
    of_pod: PodSecurityContext,
    own: int | None,
    projection: ServiceAccountTokenProjection,
    file: tuple[int, int | None],
) -> None:
    async with cluster() as (client, _):
        first = Container(name="nginx", image="nginx")
        second = Container(name="b", image="nginx", security_context=SecurityContext(run_as_user=own))
        spec = PodSpec(containers=[first, second], security_context=of_pod)
        created = await client.create(Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=spec))
        origins = projected.Origins(sources, PodTokens(client, SystemClock()), Placement(), root=True)
        source = ProjectedVolumeSource(default_mode=0o640, sources=[VolumeProjection(service_account_token=projection)])
        files = await projected.collect(origins, created, source)
    assert [(found.mode, found.user) for found in files.values()] == [file]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "..data", "..data/x", ""])
def test_paths_out_of_the_volume_are_refused(path: str) -> None:
    with pytest.raises(SetUpFailed, match="invalid path"):
        require_inside({path: File(b"")})
