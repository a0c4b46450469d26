#!/usr/bin/env python3
"""Sees to it that the demo's image is there before the demo starts: found, pulled, or built from Debian's nginx.

scripts/demo_image.py [--remember FILE]

The image goes into the engine that `petset up` is going to use for the same data directory. With --remember the path of
the data directory is written to FILE when this program makes it, so that `make demo-down` may delete it again.
"""

import argparse
import asyncio
import subprocess
import sys
from pathlib import Path

from petset.aio.clock import SystemClock
from petset.cli.data_directory import DataDirectory, data_directory
from petset.cli.failure import Failure
from petset.node.runtimes.discovery import find_runtime
from petset.node.runtimes.errors import ContainerRuntimeError
from petset.node.runtimes.interface import Runtime

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".cache" / "images"
REFERENCE = "nginx:1.7.9"
PULL_TIMEOUT = 60.0
"""Seconds. A machine without a way to a registry refuses at once or never answers."""


def say(text: str) -> None:
    """A line for people, at once."""
    print(text, flush=True)


async def provide(data_dir: Path) -> None:
    """Make sure that the image is there. Raises `ContainerRuntimeError` when the engine does not work."""
    runtime = await find_runtime("auto", data_dir, "demo-image", SystemClock())
    await runtime.start()
    try:
        if await runtime.image(REFERENCE) is not None:
            say(f"The image {REFERENCE} is there.")
            return
        say(f"Pulling the image {REFERENCE} ...")
        reason = await refusal(runtime)
        if not reason:
            say(f"The image {REFERENCE} is there.")
            return
        say(f"No registry gives it: {reason}")
        say(f"Building {REFERENCE} from Debian's own nginx instead: the tag is the demo's, the program is Debian's.")
        await runtime.load(await asyncio.to_thread(build))
    finally:
        await runtime.close()


async def refusal(runtime: Runtime) -> str:
    """Pull; the reason why that failed, in one line, or nothing."""
    try:
        async with asyncio.timeout(PULL_TIMEOUT):
            await runtime.pull(REFERENCE)
    except TimeoutError:
        return f"no answer within {PULL_TIMEOUT:.0f} s"
    except ContainerRuntimeError as error:
        return str(error).splitlines()[0]
    return ""


def build() -> Path:
    """Build the image as an archive. Package lists may be absent on a fresh machine: then they are fetched."""
    command = [sys.executable, str(ROOT / "images" / "build.py"), str(BUILT), "nginx"]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        subprocess.run(["apt-get", "update", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(command, check=True)
    return BUILT / "nginx.tar"


def prepare(directory: DataDirectory, remember: Path | None) -> None:
    """Make the data directory, and write down whether it is new."""
    if remember is not None and not directory.root.exists():
        remember.parent.mkdir(parents=True, exist_ok=True)
        remember.write_text(f"{directory.root}\n")
    directory.prepare()
    directory.lock.touch(mode=0o600)


def main() -> int:
    """Exit code 0: the image is there; 1: a message on stderr says why not."""
    parser = argparse.ArgumentParser(description="Provide the demo's image.")
    parser.add_argument("--remember", type=Path, metavar="FILE")
    options = parser.parse_args()
    directory = data_directory(None)
    try:
        prepare(directory, options.remember)
        asyncio.run(provide(directory.root))
    except (Failure, ContainerRuntimeError, subprocess.CalledProcessError) as error:
        print(f"The demo's image cannot be provided: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
