"""``python -m va_experiments`` in this process: for commands that end before anything is started."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def elsewhere() -> Iterator[Path]:
    """Work in an empty folder some floors below a temporary one, with the environment and the mask put back."""
    mask, before, environment, arguments = os.umask(0o077), Path.cwd(), dict(os.environ), sys.argv
    with tempfile.TemporaryDirectory(prefix="va-fuzz-") as folder:
        inside = Path(folder) / "a" / "b"
        inside.mkdir(parents=True)
        os.chdir(inside)
        os.environ.pop("VA_PHMRC_DIR", None)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)
            os.umask(mask)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = arguments


def run_here(arguments: Sequence[str]) -> tuple[int, str]:
    """Run ``python -m va_experiments`` in this process; return its exit code and what it said on standard error."""
    code, _, err = output_here(arguments)
    return code, err


def output_here(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run ``python -m va_experiments`` in this process; return its exit code, output and standard error."""
    import va_experiments.hydra_app.session as launcher
    from va_experiments.__main__ import main

    launcher.session = launcher.Session()
    sys.argv = ["va_experiments", *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main()
    return code, out.getvalue(), err.getvalue()
