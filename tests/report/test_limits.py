"""A limit of memory or a renderer that dies costs a part of the report, never all; the page says which and why."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_content import fake_content
from va_experiments.__main__ import report_error
from va_experiments.analysis.intervals import t_interval
from va_experiments.checkpoints import Store
from va_experiments.config.schema import RunConfig
from va_experiments.report import build, build_report, excluded_files, figure_files
from va_experiments.report.attempts import attempt, is_limit
from va_experiments.report.run_report import write_run_report
from va_experiments.report.script_bundle import script_bundle

pytestmark = pytest.mark.slow

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


@pytest.mark.slow
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


def test_a_page_that_is_too_large_with_figures_comes_without_them(tmp_path, monkeypatch):
    whole = build.page

    def short(content, cells, boards, figures, svgs):
        if figures:
            raise MemoryError
        return whole(content, cells, boards, figures, svgs)

    monkeypatch.setattr(build, "page", short)
    text = build_report(fake_content(**CONTENT), tmp_path, figure_formats=()).html.read_text()
    assert "Left out: Figures of the page: not made here, MemoryError." in text
    assert "Deaths by site" in text


def test_a_run_gets_a_page_of_tables_where_memory_does_not_suffice_for_more(tmp_path, monkeypatch):
    whole = build.build_report

    def short(content, folder, *more, figures=True, **options):
        if figures:
            raise MemoryError("Unable to allocate 1.2 GiB")
        return whole(content, folder, figures=figures, **options)

    monkeypatch.setattr(build, "build_report", short)
    config = RunConfig.model_validate({"paths": {"outputs": str(tmp_path)}})
    monkeypatch.setattr(excluded_files, "write_excluded", short)  # and where its counts do not fit either
    cells = fake_content(**CONTENT).cells.assign(cause_list="")
    (page,), _ = write_run_report(config, tmp_path, {}, cells, Store(tmp_path / "store"), {})
    text = page.read_text()
    assert "Left out: Figures, losses and tables by cause: not made here, MemoryError: Unable to allocate" in text
    assert "nbc" in text
    assert "<figure" not in text


def test_a_page_without_figures_has_no_script_of_theirs(tmp_path):
    paths = build_report(fake_content(**CONTENT), tmp_path, figures=False)
    assert paths.figures == {}
    assert script_bundle()[:200] not in paths.html.read_text()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "memory is short (MemoryError)"),
        (RuntimeError("can't start new thread"), "memory is short (can't start new thread)"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Cannot allocate memory"),
    ],
)
def test_a_command_that_is_short_of_memory_says_so(error, message, capsys):
    assert report_error(error, debug=False) == 5
    assert message in capsys.readouterr().err


def test_a_full_disk_is_no_limit_that_leaves_out_a_part():
    assert not is_limit(OSError(errno.ENOSPC, "No space left on device"))
    assert is_limit(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert is_limit(RuntimeError("can't start new thread"))
    assert not is_limit(RuntimeError("a fault of ours"))


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
