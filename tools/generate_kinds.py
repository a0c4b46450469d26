"""Writes the table of served kinds into README.md and README.zh-CN.md, out of the catalogue that the server serves.

python tools/generate_kinds.py [--check]
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from petset.api.resources import ALL_VERBS, Resource
from petset.kinds import CATALOGUE

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "README.md": ("Kind", "API", "Short name", "Scope", "Verbs", "Subresources"),
    "README.zh-CN.md": ("类型", "API", "简称", "作用域", "动词", "子资源"),
}
SCOPE = {"README.md": ("cluster", "namespace"), "README.zh-CN.md": ("集群", "命名空间")}
EVERY_VERB = {"README.md": "all", "README.zh-CN.md": "全部"}
TABLE = re.compile(r"(<!-- kinds: .*? -->\n).*?(<!-- end of kinds -->\n)", re.DOTALL)


def subresources(resource: Resource[Any]) -> list[str]:
    own = ["status"] if resource.status is not None else []
    own += ["scale"] if resource.scale is not None else []
    return own + [sub.name for sub in resource.subresources]


def row(resource: Resource[Any], file: str) -> tuple[str, ...]:
    verbs = EVERY_VERB[file] if set(resource.verbs) == set(ALL_VERBS) else ", ".join(resource.verbs)
    return (
        resource.kind,
        resource.group_version,
        ", ".join(resource.short_names),
        SCOPE[file][resource.namespaced],
        verbs,
        ", ".join(subresources(resource)),
    )


def table(file: str) -> str:
    resources = sorted(CATALOGUE.resources, key=lambda resource: (resource.group, resource.kind))
    rows = [FILES[file], ("---",) * len(FILES[file]), *(row(resource, file) for resource in resources)]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a table is out of date")
    check = parser.parse_args().check
    for file in FILES:
        text = (ROOT / file).read_text()
        fresh, found = TABLE.subn(lambda match, file=file: match[1] + table(file) + match[2], text)  # type: ignore[misc]
        if found != 1:
            sys.exit(f"{file} has {found} tables of kinds instead of one")
        if check and fresh != text:
            sys.exit(f"out of date: {file}; run tools/generate_kinds.py")
        if not check:
            (ROOT / file).write_text(fresh)


if __name__ == "__main__":
    main()
