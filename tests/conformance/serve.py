"""Serves petset on a free port, with simulated containers, until SIGTERM; tells the port, writes a kubeconfig."""

import asyncio
import sys
from pathlib import Path

import uvloop

from petset.cluster import Config
from petset.httpd.app import Address
from tests.e2e.serve import serve


def main(directory: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Config(Path(directory), Address("127.0.0.1", 0), "simulated")))


if __name__ == "__main__":
    main(*sys.argv[1:])
