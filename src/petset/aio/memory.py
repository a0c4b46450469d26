"""How the process looks for garbage, and gives back memory."""

import ctypes
import gc

NEW_OBJECTS = 2_000
"""Allocations before the newest objects are searched; CPython's own number is 700. So few are still in the processor's
cache: to search 20,000 at once took each of them longer, and requests waited 8 ms instead of 1."""
ROUNDS, OLDER_ROUNDS = 5, 400
"""Searches of the newest objects before those that outlived one are searched with them, and searches of these before
all are. All others wait during a search: of 400,000 objects that was 0.1 s."""


def search_rarely() -> None:
    """Keeps the collector of reference cycles off what is loaded by now, and makes it search rarely.

    A server that holds every object in memory pays for each full search with its size, and its objects have no cycles:
    with CPython's numbers, creating and deleting 3,000 pods spent half of its time on searches that found nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, ROUNDS, OLDER_ROUNDS)


def search_no_more() -> None:
    """For a process that is about to end: what it holds goes with it.

    The interpreter's own end searches everything once more, which took a second for a thousand pods.
    """
    gc.disable()
    gc.freeze()


def give_back() -> None:
    """Gives the system the memory that is free, in 0.2 ms for each MB.

    By itself the C library gives back only what is free at the end of its heap. What a thousand connections leave is
    spread between what stays, and was 166 MB.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # other C libraries than glibc do without
        trim(0)
