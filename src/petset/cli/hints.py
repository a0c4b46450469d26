"""What a person can do next. Pure, but for a look at the file system."""

from pathlib import Path

from petset.cli.data_directory import DataDirectory, data_directory
from petset.cli.progress.overview import pod_rows
from petset.cli.progress.snapshot import Snapshot, shown_name


def after_up(directory: DataDirectory, snapshot: Snapshot, program: str, *, stays: bool) -> list[str]:
    """Where the kubeconfig is, and three commands to try; `program` is how petset is called."""
    place = "" if directory == data_directory(None) else f" --data-dir {directory.root}"
    lines = ["", f"kubeconfig: {directory.kubeconfig}", "", "Try next:"]
    lines += [f"  {program} {command}" for command in _commands(snapshot, place)]
    if stays:
        lines += ["", "petset is running; Ctrl-C ends it and its pods"]
    return lines


def program(called: Path, found: str | None) -> str:
    """How to call petset again: by its name when the shell finds it, else by the path that it was called by."""
    by_path = called.exists() and called.suffix != ".py" and (found is None or not called.samefile(found))
    return str(called) if by_path else "petset"


def _commands(snapshot: Snapshot, place: str) -> list[str]:
    rows = pod_rows(snapshot, "")
    sets = sorted(snapshot.sets, key=shown_name)
    if not rows or not sets:
        return [f"status{place}", f"apply{place} -f FILE", f"down{place}"]
    set_ = sets[0]
    pod = min(snapshot.pods_of(set_), key=lambda found: found.metadata.name, default=None)
    namespace = set_.metadata.namespace
    where = place if namespace == "default" else f"{place} -n {namespace}"
    return [
        f"get pods{where} --watch",
        f"exec{where} -it {pod.metadata.name if pod is not None else 'POD'} -- sh",
        f"scale{where} sts/{set_.metadata.name} --replicas {(set_.spec.replicas or 0) + 2}",
    ]
