"""Every public name of the package has a docstring (interrogate), and ruff's D rules hold for how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_public_name_has_a_docstring():
    coverage = pytest.importorskip(
        "interrogate.coverage", reason="needs interrogate: pip install 'va-experiments[dev]'"
    )
    config = pytest.importorskip("interrogate.config")
    options = config.parse_pyproject_toml(str(ROOT / "pyproject.toml"))
    rules = config.InterrogateConfig(**{k: v for k, v in options.items() if k.startswith("ignore_")})
    documented = coverage.InterrogateCoverage(
        [str(ROOT / "va_experiments"), str(ROOT / "docs" / "generate.py")], conf=rules
    )
    results = documented.get_coverage()
    missing = [
        f"{Path(file.filename).relative_to(ROOT)}:{node.lineno or 1} {node.name}"
        for file in results.file_results
        for node in file.nodes
        if not node.covered
    ]
    assert not missing
    assert results.total > 500
