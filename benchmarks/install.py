"""Measure how long an installation takes and how much disk space it needs: ``python -m benchmarks.install``.

Builds an environment in a temporary folder from the versions in ``requirements.lock``, without and with the development
tools, and removes it. It needs the network and uses no download cache, like a first installation.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def megabytes(folder: Path) -> float:
    """Return the size of the files under `folder` in MB (10^6 bytes)."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_dir()) / 1e6


def install(folder: Path, arguments: Sequence[str]) -> tuple[float, Path]:
    """Return the seconds that ``pip install`` took in a new environment, and its folder of packages."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    began = time.perf_counter()
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    subprocess.run([*pip, "--disable-pip-version-check", *arguments], check=True, cwd=ROOT)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    return time.perf_counter() - began, packages


def main() -> None:
    """Print a table of kinds of install, and what is largest in the smallest."""
    cases = {
        "core: pip install -c requirements.lock .": ["-c", "requirements.lock", "."],
        "all, for development: make install": ["-r", "requirements.lock"],
    }
    names = sys.argv[1:] or list(cases)
    for name, arguments in cases.items():
        if not any(name.startswith(w) for w in names):
            continue
        with tempfile.TemporaryDirectory() as folder:
            seconds, packages = install(Path(folder) / "env", arguments)
            count = len(list(packages.glob("*.dist-info")))
            print(f"{name}: {seconds:.0f} s, {megabytes(packages):,.0f} MB, {count} packages")
            largest = sorted(((megabytes(p), p.name) for p in packages.iterdir() if p.is_dir()), reverse=True)[:10]
            print("  largest: " + ", ".join(f"{n} {m:.0f} MB" for m, n in largest))


if __name__ == "__main__":
    main()
