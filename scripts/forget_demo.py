#!/usr/bin/env python3
"""Deletes the data directory that the demo made, and whatever engine of its own is left in it.

    scripts/forget_demo.py FILE     as written by scripts/demo_image.py --remember FILE

A demo that got stuck half-way has an engine and no server, so `petset down` alone would not do.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from petset.aio.clock import SystemClock
from petset.node.runtimes.podman_service import PodmanService


def main(record: Path) -> None:
    """Does nothing when the demo did not make its data directory."""
    if not record.exists():
        return
    data_dir = Path(record.read_text().strip())
    if PodmanService(data_dir, SystemClock()).exists:
        asyncio.run(PodmanService(data_dir, SystemClock()).delete())
    if data_dir.exists():
        shutil.rmtree(data_dir)
        print(f"Deleted {data_dir}.")
    record.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
