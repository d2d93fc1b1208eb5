"""What happens at the end of a process: the native threads of libraries must not end it by an abort."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.harness import ROOT, Row
from tests.faults.scenarios_ray import load

DOOR = "import sys; from va_experiments import cli; sys.argv = ['va-experiments', *sys.argv[1:]]; cli.main()"


def checks_of_data(times: int = 200) -> Row:
    """Check a table again and again on a busy machine: Arrow leaves threads behind, and each must end with 0."""
    row = Row("exit", "`data check` on a busy machine, with native threads left at its end", 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="va-faults-") as folder, load(2 * (os.cpu_count() or 1)):
        table = Path(folder) / "table.csv"
        lines = [
            f"d{n},{'AB'[n % 2]},{('Malaria', 'Injury', 'Stroke')[n % 3]},{('yes', 'no')[n % 5 > 2]}"
            for n in range(300)
        ]
        table.write_text("\n".join(["id,site,cause,fever", *lines]) + "\n")
        command = [sys.executable, "-c", DOOR, "data", "check", str(table)]
        expected = None
        for _ in range(times):
            done = subprocess.run(
                command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
            )
            expected = expected or (done.returncode, done.stdout)
            row.injected += 1
            row.expect(done.returncode in (0, 3), f"code {done.returncode}: {done.stderr[-300:]!r}")
            row.expect((done.returncode, done.stdout) == expected, "another code or output than the first time")
    return row
