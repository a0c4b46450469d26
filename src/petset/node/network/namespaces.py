"""Doing something inside another network namespace."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run_in_namespace(descriptor: int, action: Callable[[], T]) -> T:
    """The result of `action`, run in the network namespace behind the open file `descriptor`.

    A thread of its own enters and ends there: no other thread can ever find itself in the wrong namespace.
    Blocks. Raises OSError when the namespace cannot be entered, and whatever `action` raises.
    """

    def enter_and_act() -> T:
        if _libc.setns(descriptor, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return action()

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="petset-netns") as thread:
        return thread.submit(enter_and_act).result()
