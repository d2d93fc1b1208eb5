"""Change the code of the core in small ways, one at a time, and list the changes that no test notices.

``python -m tests.mutation [PATTERN ...]`` copies the checkout into a temporary folder, lets mutmut make the mutants
there, as ``[tool.mutmut]`` of pyproject.toml says, and tries them (`tests.mutation.session`); a pattern
(``'va_experiments.cell.*'``) limits the mutants that are tried. The result is written into
``docs/reference/mutants.md``: modules that were not tried keep their rows. Each surviving mutant has a reason in
``tests/mutation/reasons.yaml``; the exit code is 1 if one has none.

``--folder FOLDER`` keeps the copy. Another command with it continues after an interruption, with the tests as they are
then, and the package as it was at first. ``--again`` tries the survivors again that have no reason, or whose reason is
a gap in the tests; ``--page`` tries nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

from tests.mutation.page import PAGE, explained, render, rows_of
from tests.mutation.survivors import counts, survivors

ROOT = Path(__file__).resolve().parents[2]


def copy_files(to: Path, under: str = "") -> None:
    """Copy the tracked files of the checkout, or those under a folder of it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if name.startswith(under) and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def try_mutants(folder: Path, options: argparse.Namespace) -> None:
    """Make and try the mutants of a copy of the checkout; the package is imported from there alone."""
    if (folder / "mutants").is_dir():
        copy_files(folder, "tests/")
        copy_files(folder / "mutants", "tests/")
    else:
        copy_files(folder)
    names = options.patterns
    if options.again:
        names = [m.name for m, reason in explained(survivors(folder)) if not reason or reason.startswith("Gap")]
        names = [name for name in names if any(fnmatch(name, pattern) for pattern in options.patterns or "*")]
        if not names:
            return
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, "-m", "tests.mutation.session", *names, "--children", str(options.children)]
    command += ["--seconds", str(options.seconds), *["--again"] * options.again]
    done = subprocess.run(command, cwd=folder, env=environment, check=False)
    if done.returncode:
        sys.exit(f"the session of pytest ended with exit code {done.returncode}")


def main() -> int:
    """Run, write the page, and count what is not explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="names of mutants, with *")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="processes beside one another")
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="CPU seconds of tests for a mutant, quick ones first"
    )
    parser.add_argument("--folder", type=Path, help="keep the copy of the checkout here, or continue there")
    parser.add_argument("--again", action="store_true", help="try survivors again that no reason explains")
    parser.add_argument("--page", action="store_true", help="only write the page of what was tried in --folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="va-mutants-") as temporary:
        folder = options.folder or Path(temporary)
        if not options.page:
            try_mutants(folder, options)
        tried, reasoned = counts(folder), explained(survivors(folder))
    old = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    PAGE.write_text(render(*rows_of(old), tried, reasoned), encoding="utf-8")
    missing = [mutant for mutant, reason in reasoned if not reason]
    for mutant in missing:
        print(f"no reason: {mutant.name}: {mutant.before} -> {mutant.after}")
    print(f"{sum(c.all for c in tried)} mutants, {len(reasoned)} survived, {len(missing)} without a reason")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
