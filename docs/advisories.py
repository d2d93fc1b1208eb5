"""``python docs/advisories.py``: write the page of known advisories; ``--check`` compares it and the locked versions.

In: ``docs/advisories.toml``, kept by hand, and ``requirements.lock``. An advisory that affects a locked version is an
error without an answer that names a test, and the day on which it was tried; so is a package that is not locked. No
network is used.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
LIST, LOCK, PAGE = ROOT / "docs" / "advisories.toml", ROOT / "requirements.lock", ROOT / "docs/reference/advisories.md"


def locked() -> dict[str, str]:
    """Return the version of each package in the lock file."""
    pairs = (line.split("==") for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {name.strip().lower(): version.strip() for name, version in pairs}


def problems(content: Mapping[str, Any], versions: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the list: packages that are not locked, and advisories that have no answer."""
    lines = []
    for entry in content["advisory"]:
        name, version = entry["package"], versions.get(entry["package"])
        if version is None:
            lines.append(f"{name}: not in {LOCK.name}")
        elif SpecifierSet(entry["affected"]).contains(version, prereleases=True):
            if not entry.get("answer"):
                lines.append(
                    f"{name} {version} is affected by {entry['id']}: update it, or say in 'answer' what protects"
                )
            elif not (re.search(r"`tests/[\w/]+\.py`", entry["answer"]) and entry.get("tried")):
                lines.append(f"{name} {version}, {entry['id']}: 'answer' names no test, or 'tried' no day")
    return lines


def page(content: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """Return the page: what affects the locked versions first."""
    rows: dict[bool, list[str]] = {True: [], False: []}
    for e in content["advisory"]:
        affects = SpecifierSet(e["affected"]).contains(versions[e["package"]], prereleases=True)
        last = f"{e['answer']} | {e['tried']}" if affects else f"locked: {versions[e['package']]}"
        cells = (e["package"], e["id"], e["affected"], e["compared"], e["what"], e["means"], last)
        rows[affects].append(f"| {' | '.join(cells)} |")
    head = (
        "| package | advisory | affected | compared with | weakness | what it would mean here | {} |\n"
        "|---|---|---|---|---|---|---|"
    )
    return (
        "<!-- Written by `python docs/advisories.py` from docs/advisories.toml; edit the list, not this page. -->\n\n"
        "# Known advisories\n\n"
        "Known weaknesses of the packages in `requirements.lock`, looked through on "
        f"{content['looked']}. `make advisories`\n"
        "compares the list with the locked versions; CI runs it. The list is kept by hand and is not complete.\n"
        "The column *compared with* says where each range of versions was looked up on that day; *not compared*\n"
        "that it was not. *Found here* are weaknesses without a public advisory that we know of: only the locked\n"
        "version was tried. *Tried* is the day on which the named test was last run by hand; CI runs it each time.\n"
        "Look at the projects' own notices before you put a server on a network.\n\n"
        "## The locked version is affected\n\n"
        + head.format("what protects | tried")
        + "---|\n"
        + "\n".join(rows[True])
        + "\n\n## Fixed in the locked version\n\n"
        + head.format("version")
        + "\n"
        + "\n".join(rows[False])
        + "\n"
    )


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    content, versions = tomllib.loads(LIST.read_text(encoding="utf-8")), locked()
    wrong = problems(content, versions)
    if not wrong and "--check" not in arguments:
        PAGE.write_text(page(content, versions), encoding="utf-8")
    if not wrong and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(content, versions)):
        wrong = [f"{PAGE.relative_to(ROOT)} is out of date: run python docs/advisories.py"]
    print("\n".join(wrong) or f"{len(content['advisory'])} advisories: each is fixed in the locked version or answered")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
