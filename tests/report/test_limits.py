"""A limit of memory or a renderer that dies costs a part of the report, never all; the page says which and why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_content import fake_content
from va_experiments.analysis.intervals import t_interval
from va_experiments.report import build, build_report, figure_files
from va_experiments.report.attempts import attempt

ROOT = Path(__file__).resolve().parents[2]
CONTENT = {"sites": ("AP", "Bohol", "Dar"), "models": ("nbc", "prior")}

LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
from pathlib import Path
from tests.fake_content import fake_content
from va_experiments.report import build_report
paths = build_report(fake_content(sites=("AP", "Bohol", "Dar"), models=("nbc", "prior")), Path({folder!r}))
print(len(paths.figures), *paths.skipped, sep="\\n")
"""


def test_a_report_is_built_within_3_gb_of_address_space(tmp_path):
    """A JavaScript engine reserves more than that, and ends its process where it cannot."""
    code = LIMITED.format(limit=3 * 2**30, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "report.html").read_text()
    assert text.count('<img class="static" src="data:image/svg+xml') >= 10
    assert "Left out" not in text


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("import os; os.abort()", "signal 6"),
        ("import sys; sys.exit('no memory left')", "no memory left"),
        ("raise MemoryError('cannot allocate')", "MemoryError: cannot allocate"),
    ],
)
def test_a_renderer_that_dies_costs_its_files_alone(tmp_path, monkeypatch, script, why):
    (tmp_path / "script.py").write_text(f"import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n{script}")
    monkeypatch.setattr(figure_files.render_script, "__file__", str(tmp_path / "script.py"))
    paths = build_report(fake_content(**CONTENT), tmp_path / "report")
    assert {p.suffix for p in paths.figures.values()} == {".svg"}
    (left_out,) = [s for s in paths.skipped if s.startswith("PNG and PDF files")]
    assert why in left_out
    assert "Left out: PNG and PDF files" in paths.html.read_text()
    assert (paths.folder / "tables" / "leaderboard.csv").is_file()


def test_a_renderer_that_hangs_is_ended(tmp_path, monkeypatch):
    (tmp_path / "script.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(figure_files.render_script, "__file__", str(tmp_path / "script.py"))
    monkeypatch.setattr(figure_files, "SECONDS", 1.0)
    paths, left_out = figure_files.figure_files({"a": "<svg/>"}, tmp_path / "figures", ("svg", "pdf"))
    assert list(paths) == ["a.svg"]
    assert "took longer than 1 s" in left_out[0]


def test_without_figures_the_page_has_its_tables_and_says_why(tmp_path, monkeypatch):
    def short(*_):
        raise MemoryError("Unable to allocate 1.2 GiB")

    monkeypatch.setattr(build, "all_figures", short)
    paths = build_report(fake_content(**CONTENT), tmp_path)
    text = paths.html.read_text()
    assert "Left out: Figures: not made here, MemoryError: Unable to allocate 1.2 GiB." in text
    assert "<figure" not in text
    assert "Deaths by site" in text


def test_other_errors_are_not_hidden():
    def wrong():
        raise KeyError("a fault of ours")

    left_out: list[str] = []
    with pytest.raises(KeyError):
        attempt("Figures", wrong, left_out, None)
    assert left_out == []


def test_a_mean_stands_without_its_interval_where_scipy_cannot_be_mapped(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    assert all(value != value for value in t_interval([0.1, 0.2, 0.3]))
