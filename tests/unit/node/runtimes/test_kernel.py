"""What is ended when a pod's cgroup is removed."""

import pytest

from petset.node.runtimes.kernel import monitors

REMOVED = {"aaa", "bbb"}


@pytest.mark.parametrize(
    ("command_line", "ended"),
    [
        (b"/usr/bin/conmon\0--api-version\x001\0-c\0aaa\0-u\0aaa\0", True),
        (b"conmon\0-c\0bbb\0--exec\0", True),
        (b"/usr/bin/conmon\0-c\0ccc\0-u\0ccc\0", False),  # the sandbox that came in its place
        (b"/usr/bin/podman\0container\0cleanup\0aaa\0", False),  # cleans up, and ends by itself
        (b"nginx: master process\0aaa\0", False),
        (b"", False),
    ],
)
def test_only_monitors_of_removed_containers_are_ended(command_line: bytes, *, ended: bool) -> None:
    assert monitors(command_line, REMOVED) is ended
