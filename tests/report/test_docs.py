"""The how-to page's example runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "read-the-report.md"


def test_the_notebook_example_runs(tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    monkeypatch.chdir(tmp_path)
    exec(compile(code.group(1), str(PAGE), "exec"), {})
    printed = capsys.readouterr().out
    assert "1 nbc" in printed
    assert "prior *" in printed
    assert (tmp_path / "report" / "report.html").is_file()
    assert "Learning curves: The training size does not vary" in printed
