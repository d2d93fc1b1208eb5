"""Write the figures as files: SVG as drawn, PNG and PDF by a child process that may fail without harm."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from va_experiments.report import render_script
from va_experiments.results.table_files import write_whole

__all__ = ["FORMATS", "figure_files"]

FORMATS = ("png", "svg", "pdf")
SECONDS = 300.0
"""Longest time for all figures."""


def figure_files(svgs: Mapping[str, str], folder: Path, formats: Sequence[str]) -> tuple[dict[str, Path], list[str]]:
    """Write figures as ``<key>.<format>``; return the paths by name, and in sentences what was left out and why.

    Parameters
    ----------
    svgs : mapping of str to str
        The figures by key.
    folder : Path
    formats : sequence of str
        Of `FORMATS`. SVG and PDF are vectors, PNG has about 200 dpi at 16 cm.
    """
    if unknown := set(formats) - set(FORMATS):
        raise ValueError(f"a figure is written as png, svg or pdf, not {min(unknown)!r}")
    files = {f"{key}.svg": svg.encode() for key, svg in svgs.items()} if "svg" in formats else {}
    left_out = []
    others = [form for form in FORMATS if form in formats and form != "svg"]
    if others and svgs:
        with tempfile.TemporaryDirectory(prefix="va-figures-") as name:
            scratch = Path(name)
            for key, svg in svgs.items():
                (scratch / f"{key}.svg").write_text(svg, encoding="utf-8")
            if why := _rendered(scratch, others):
                left_out.append(f"{' and '.join(form.upper() for form in others)} files of the figures: {why}")
            files |= {p.name: p.read_bytes() for form in others for p in sorted(scratch.glob(f"*.{form}"))}
    paths = {}
    for name, payload in files.items():
        paths[name] = folder / name
        write_whole(paths[name], lambda p, data=payload: p.write_bytes(data))  # type: ignore[misc]
    return paths, left_out


def _rendered(folder: Path, formats: Sequence[str]) -> str:
    """Render the SVG files of a folder in a child process that ends with this one; return why it failed, or nothing."""
    script = [sys.executable, render_script.__file__, str(folder), *formats]
    command = [sys.executable, "-m", "va_experiments.child_process", *script]
    try:
        # The pipe to its standard input closes when this process ends, and the child with it.
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as child:
            try:
                assert child.stderr is not None
                code = child.wait(SECONDS)
                errors = child.stderr.read()[-4000:].strip().splitlines()
            except subprocess.TimeoutExpired:
                child.terminate()
                return f"drawing them took longer than {SECONDS:.0f} s"
    except OSError as error:
        return f"they could not be drawn ({error})"
    if code == 0:
        return ""
    # A renderer that is short of memory ends by a signal, which comes here as 256 less its number.
    reason = f"signal {256 - code}" if code > 192 else errors[-1][:200] if errors else f"exit code {code}"
    return f"the process that draws them ended early ({reason}); is there a limit of memory (ulimit -v)?"
