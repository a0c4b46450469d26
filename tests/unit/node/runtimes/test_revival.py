import asyncio
from pathlib import Path

from petset.aio.clock import Clock, SystemClock
from petset.node.runtimes.engine import EngineRuntime
from petset.node.runtimes.interface import RuntimeUnavailable
from petset.node.runtimes.podman_service import PodmanService


class NotingService(PodmanService):
    """Takes a moment to start, in vain, and notes how many starts overlap."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        super().__init__(data_dir, clock)
        self.starting = 0
        self.most_at_once = 0

    async def start(self) -> None:
        self.starting += 1
        self.most_at_once = max(self.most_at_once, self.starting)
        await SystemClock().sleep(0.01)
        self.starting -= 1


async def test_whoever_finds_the_engine_gone_starts_one_service_at_a_time(tmp_path: Path) -> None:
    clock = SystemClock()
    service = NotingService(tmp_path, clock)
    runtime = EngineRuntime(tmp_path / "absent.sock", "test", clock, service)
    found = await asyncio.gather(*(runtime.version() for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in found] == [RuntimeUnavailable] * 3
    assert service.most_at_once == 1
