"""Validation of paths inside volumes and containers."""

from collections.abc import Iterator

from petset.api.field import FieldError, invalid

FILE_MODE_RULE = "must be a number between 0 and 0777 (octal), both inclusive"


def without_backsteps(path: str, target: str) -> Iterator[FieldError]:
    """A path that cannot leave where it starts."""
    if ".." in target.split("/"):
        yield invalid(path, target, "must not contain '..'")


def relative(path: str, target: str) -> Iterator[FieldError]:
    """A path below something else."""
    if target.startswith("/"):
        yield invalid(path, target, "must be a relative path")
    yield from without_backsteps(path, target)


def file_in_volume(path: str, target: str) -> Iterator[FieldError]:
    """A file of a generated volume; names that start with two dots are used for the atomic switch of its content."""
    yield from relative(path, target)
    if target.startswith("..") and ".." not in target.split("/"):
        yield invalid(path, target, "must not start with '..'")


def file_mode(path: str, mode: int | None) -> Iterator[FieldError]:
    """Permission bits."""
    if mode is not None and not 0 <= mode <= 0o777:
        yield invalid(path, mode, FILE_MODE_RULE)
