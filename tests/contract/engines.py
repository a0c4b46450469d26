"""Engines and images for tests with real containers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NO_ENGINE = (
    "needs root on Linux"
    if os.geteuid() != 0
    else ""
    if shutil.which("podman") and shutil.which("conmon")
    else "podman is not installed"
)
"""Why there can be no real containers here, or nothing."""


def image_archive(name: str) -> Path:
    """An image built out of Debian packages, kept from one run to the next."""
    output = ROOT / ".cache" / "images"
    subprocess.run([sys.executable, str(ROOT / "images" / "build.py"), str(output), name], check=True)
    return output / f"{name}.tar"
