"""Pods on paper get everything but files that nobody reads."""

from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.api.types import ConfigMap, ConfigMapVolumeSource, Container, ObjectMeta, Pod, PodSpec, Volume, VolumeMount
from petset.node.directories import Directories
from petset.node.simulated_volumes import SimulatedVolumes, holds_token
from petset.node.sources import ClientSources
from petset.node.volumes import VolumeNotReady, VolumeSettings
from tests.unit.node.given import cluster


async def test_the_volume_with_the_token_is_not_made_and_others_are(tmp_path: Path) -> None:
    mount = VolumeMount(name="config", mount_path="/etc/config")
    source = Volume(name="config", config_map=ConfigMapVolumeSource(name="settings"))
    spec = PodSpec(containers=[Container(name="nginx", image="nginx", volume_mounts=[mount])], volumes=[source])
    async with cluster() as (client, _):
        created = await client.create(Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=spec))
        assert [holds_token(volume) for volume in created.spec.volumes] == [False, True]
        directories = Directories(tmp_path)
        settings = VolumeSettings(root=False)
        volumes = SimulatedVolumes(client, ClientSources(client), directories, SystemClock(), settings)
        with pytest.raises(VolumeNotReady, match='configmap "settings" not found'):
            await volumes.mount(created)
        await client.create(ConfigMap(metadata=ObjectMeta(name="settings", namespace="default")))
        assert set(await volumes.mount(created)) == {"config"}
        assert len(created.spec.volumes) == 2
