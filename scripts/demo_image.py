#!/usr/bin/env python3
"""Sees to it that an image of nginx is there before a pod asks for it: found, pulled, or built from Debian's nginx.

    scripts/demo_image.py [--remember FILE] [nginx:TAG]

The default is the demo's, nginx:1.7.9. The image goes into the engine that `petset up` is going to use for that data
directory. With --remember the path of the data directory is written to FILE when this program makes it, so that
`make demo-down` may delete it again.
"""

import argparse
import asyncio
import re
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
DEFAULT = "nginx:1.7.9"
PULL_TIMEOUT = 60.0
"""Seconds. A machine without a way to a registry refuses at once or never answers."""


def say(text: str) -> None:
    """A line for people, at once."""
    print(text, flush=True)


async def provide(data_dir: Path, reference: str) -> None:
    """Make sure that the image is there. Raises `ContainerRuntimeError` when the engine does not work."""
    runtime = await find_runtime("auto", data_dir, "demo-image", SystemClock())
    await runtime.start()
    try:
        if await runtime.image(reference) is None:
            say(f"Pulling the image {reference} ...")
            if reason := await refusal(runtime, reference):
                say(f"No registry gives it: {reason}")
                say(f"Building {reference} from Debian's own nginx instead: only the name is that of the tutorial.")
                await runtime.load(await asyncio.to_thread(build, reference))
        say(f"The image {reference} is there.")
    finally:
        await runtime.close()


async def refusal(runtime: Runtime, reference: str) -> str:
    """Pull; the reason why that failed, in one line, or nothing."""
    try:
        async with asyncio.timeout(PULL_TIMEOUT):
            await runtime.pull(reference)
    except TimeoutError:
        return f"no answer within {PULL_TIMEOUT:.0f} s"
    except ContainerRuntimeError as error:
        return str(error).splitlines()[0]
    return ""


def build(reference: str) -> Path:
    """Build the image as an archive. Package lists may be absent on a fresh machine: then they are fetched."""
    full = f"docker.io/library/{reference}"
    command = [sys.executable, str(ROOT / "images" / "build.py"), str(BUILT), f"nginx={full}"]
    attempt = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if attempt.returncode:
        subprocess.run(["apt-get", "update", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        attempt = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    say(attempt.stdout.strip())
    return Path(attempt.stdout.partition(": ")[0])


def prepare(directory: DataDirectory, remember: Path | None) -> None:
    """Make the data directory, and write down whether it is new."""
    if remember is not None and not directory.root.exists():
        remember.parent.mkdir(parents=True, exist_ok=True)
        remember.write_text(f"{directory.root}\n")
    directory.prepare()
    directory.lock.touch(mode=0o600)


def main() -> int:
    """Exit code 0: the image is there; 1: a message on stderr says why not."""
    parser = argparse.ArgumentParser(description="Provide an image of nginx.")
    parser.add_argument("--remember", type=Path, metavar="FILE")
    parser.add_argument("reference", nargs="?", default=DEFAULT, metavar="nginx:TAG")
    options = parser.parse_args()
    if not re.fullmatch(r"nginx:[\w.-]+", options.reference):
        parser.error(f"{options.reference}: only nginx:TAG can be built here")
    directory = data_directory(None)
    try:
        prepare(directory, options.remember)
        asyncio.run(provide(directory.root, options.reference))
    except (Failure, ContainerRuntimeError, subprocess.CalledProcessError) as error:
        print(f"The image {options.reference} cannot be provided: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
