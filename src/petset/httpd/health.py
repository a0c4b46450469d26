"""Health: named checks, asked one by one or all together, in the words of upstream's `server/healthz`."""

import logging
from collections.abc import Callable, Mapping

from aiohttp import web

from petset.api.errors import NotFound

log = logging.getLogger(__name__)

Check = Callable[[], str]
"""What is wrong, "" when nothing is."""

ROOTS = ("healthz", "livez", "readyz")


def passes() -> str:
    """The check that the process answers at all."""
    return ""


class Health:
    """The checks of one server."""

    def __init__(self) -> None:
        self._ends = False
        self._checks: dict[str, Check] = {"ping": passes}

    def add(self, name: str, check: Check) -> None:
        """Adds a check."""
        self._checks[name] = check

    def begin_shutdown(self) -> None:
        """From now on the server is alive, and not ready."""
        self._ends = True

    def _of(self, root: str) -> dict[str, Check]:
        shutdown: dict[str, Check] = {"shutdown": lambda: "process is shutting down" if self._ends else ""}
        return self._checks | shutdown if root == "readyz" else self._checks

    def answers(self, path: str) -> bool:
        """Whether a path asks for health."""
        return path.split("/", 2)[1] in ROOTS

    def answer(self, request: web.BaseRequest, path: str) -> web.Response:
        """The answer to `/livez`, `/readyz/<check>` and the like. Raises NotFound for checks that are none."""
        _, root, *name = path.split("/", 2)
        checks = self._of(root)
        if not name:
            return _all(root, checks, request.query.getall("exclude", []), verbose="verbose" in request.query)
        check = checks.get(name[0])
        if check is None:
            raise NotFound.path()
        trouble = check()
        return _text(f"internal server error: {trouble}\n", 500) if trouble else _text("ok")


def _all(root: str, checks: Mapping[str, Check], excluded: list[str], *, verbose: bool) -> web.Response:
    lines, troubles = [], {}
    for name, check in checks.items():
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok")
        elif trouble := check():
            lines.append(f"[-]{name} failed: reason withheld")
            troubles[name] = trouble
        else:
            lines.append(f"[+]{name} ok")
    if unknown := sorted(set(excluded) - set(checks)):
        names = ",".join(ascii(name).replace("'", '"') for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {names}")
    if troubles:
        log.info("%s check failed: %s", root, troubles)
        return _text("\n".join([*lines, f"{root} check failed"]) + "\n", 500)
    return _text("\n".join([*lines, f"{root} check passed"]) + "\n" if verbose else "ok")


def _text(text: str, status: int = 200) -> web.Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
    return web.Response(text=text, status=status, headers=headers)
