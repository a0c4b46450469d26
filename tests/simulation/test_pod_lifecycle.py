"""Pods on a simulated machine start, restart and end as a kubelet would have it."""

import pytest

from petset.api.errors import NotFound
from petset.api.meta import get_condition, is_running_and_ready
from tests.simulation.pod_world import PodWorld


async def test_a_pod_starts_and_is_deleted_within_its_grace() -> None:
    world = PodWorld()
    await world.create_namespace()
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(0.1)
        pod = await world.pod()
        assert is_running_and_ready(pod)
        assert pod.status.pod_ip == "10.244.0.2"
        assert pod.status.container_statuses[0].state.running is not None
        assert [c.type for c in pod.status.conditions if c.status == "True"] == [
            "PodReadyToStartContainers",
            "Initialized",
            "Ready",
            "ContainersReady",
            "PodScheduled",
        ]
        await world.delete_pod()
        await world.clock.advance(0.1)
        with pytest.raises(NotFound):
            await world.pod()
        assert not await world.runtime.list_sandboxes()
        assert not await world.network.attachments()
        assert not world.volumes.mounted
        await world.clock.advance(0.1)
        assert await world.events() == [
            ("Pulled", 'Container image "nginx:1" already present on machine'),
            ("Created", "Created container: nginx"),
            ("Started", "Started container nginx"),
            ("Killing", "Stopping container nginx"),
        ]
    assert get_condition(pod.status.conditions, "Ready") is not None
