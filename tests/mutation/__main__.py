"""Change the code of the core in small ways, one at a time, and list the changes that no test notices.

``python -m tests.mutation [PATTERN ...]`` copies the checkout into a temporary folder, lets mutmut make the mutants
there, as ``[tool.mutmut]`` of pyproject.toml says, and tries them (`tests.mutation.session`); a pattern
(``'va_experiments.cell.*'``) limits the mutants that are tried. The result is written into
``docs/reference/mutants.md``: modules that were not tried keep their rows. ``--from FOLDER`` takes the folder of
another run instead. Each surviving mutant has a reason in ``tests/mutation/reasons.yaml``; the exit code is 1 if one
has none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.page import PAGE, explained, render, rows_of
from tests.mutation.survivors import counts, survivors

ROOT = Path(__file__).resolve().parents[2]


def copy_checkout(to: Path) -> None:
    """Copy the tracked files."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def try_mutants(folder: Path, patterns: Sequence[str], children: int) -> None:
    """Make and try the mutants of a copy of the checkout; the package is imported from there alone."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, "-m", "tests.mutation.session", str(children), *patterns]
    done = subprocess.run(command, cwd=folder, env=environment, check=False)
    if done.returncode:
        sys.exit(f"the session of pytest ended with exit code {done.returncode}")


def main() -> int:
    """Run, write the page, and count what is not explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="names of mutants, with *")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="processes beside one another")
    parser.add_argument("--from", dest="folder", type=Path, help="a folder where mutmut has run: only write the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="va-mutants-") as temporary:
        folder = options.folder or Path(temporary)
        if options.folder is None:
            copy_checkout(folder)
            try_mutants(folder, options.patterns, options.children)
        tried, found = counts(folder), explained(survivors(folder))
    old = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    PAGE.write_text(render(*rows_of(old), tried, found), encoding="utf-8")
    missing = [mutant for mutant, reason in found if not reason]
    for mutant in missing:
        print(f"no reason: {mutant.name}: {mutant.before} -> {mutant.after}")
    print(f"{sum(c.all for c in tried)} mutants, {len(found)} survived, {len(missing)} without a reason")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
