"""Deaths without a known cause: a command gives causes.csv and fractions.csv, and the report shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.docs.pages import ROOT, steps
from tests.in_process import elsewhere, output_here
from va_experiments.data.probbase import read_probbase
from va_experiments.models.interva.interva5 import InterVA5

INLINE = ("execution=inline", "tracking=none")


def who_table(path: Path, n: int, ages: bool = True) -> None:
    """Write simulated answers; the first death has no age, every second is at South."""
    probbase, rng = read_probbase(), np.random.default_rng(3)
    cells = rng.choice(np.array(["y", "n", "."]), size=(n, len(probbase.indicators)), p=[0.06, 0.85, 0.09])
    for first, last in (("i019a", "i019b"), ("i022a", "i022g")):
        columns = np.arange(probbase.index(first), probbase.index(last) + 1)
        cells[:, columns] = "n"
        cells[np.arange(n), rng.choice(columns, size=n)] = "y"
    cells[0, columns] = "."
    table = pd.DataFrame(cells, columns=list(probbase.indicators))
    table.insert(0, "site", np.where(np.arange(n) % 2, "South", "North"))
    table.insert(0, "ID", [f"d{k:04d}" for k in range(n)])
    table.to_csv(path, index=False)


def readme_command() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = [s.text for s in steps(text) if s.kind == "command" and "protocol=assign" in s.text]
    return command.split()[3:]


def test_interva5_leaves_its_causes_and_fractions() -> None:
    from va_experiments.data import read_who2016

    with elsewhere() as root:
        who_table(Path("deaths.csv"), 200)
        data = ("data=who2016", "data.path=deaths.csv", "data.site=site")
        code, out, err = output_here(("model=interva5", *data, "protocol=assign", *INLINE, f"paths.outputs={root}"))
        assert code == 0, err
        assert "RuntimeWarning" not in err
        assert "interva5, 199 deaths of who2016" in out
        assert "no mean" not in out
        (run,) = root.glob("runs/*/*")
        causes = pd.read_csv(run / "causes.csv", keep_default_na=False)
        fractions = pd.read_csv(run / "fractions.csv")
        page = (run / "report.html").read_text(encoding="utf-8")
        deaths = read_who2016("deaths.csv", site="site")
    prediction = InterVA5().fit().predict(deaths)
    top = np.asarray(prediction.top_cause)
    named = [deaths.causes[c] if c >= 0 else "" for c in top.tolist()]
    assert causes["id"].tolist() == deaths.id.tolist()
    assert causes["cause1"].tolist() == named
    assert causes["site"].tolist() == [deaths.sites[s] for s in deaths.site.tolist()]
    assert causes["undetermined"].iloc[0] == "no age"
    assert ((causes["undetermined"] != "") == (top < 0)).all()
    whole = fractions[fractions["stratum"] == "all"].set_index("cause")["fraction"]
    assert whole[list(deaths.causes)].to_numpy() == pytest.approx(prediction.csmf)
    assert whole["undetermined"] == pytest.approx(1 - prediction.csmf.sum())
    assert set(fractions["stratum"]) == {"all", "site=North", "site=South"}
    for site, name in enumerate(deaths.sites):
        csmf = InterVA5().fit().predict(deaths.take(deaths.site == site)).csmf
        of_site = fractions[fractions["stratum"] == f"site={name}"].set_index("cause")["fraction"]
        assert of_site[list(deaths.causes)].to_numpy() == pytest.approx(csmf)
    assert "Cause fractions by model" in page
    assert "From the file to the causes" in page
    assert "CSMF accuracy is" not in page
    assert 'id="leaderboard"' not in page


@pytest.mark.real_data
@pytest.mark.nightly
@pytest.mark.slow
def test_the_command_of_the_readme_gives_causes_of_an_export(reference_dir: Path) -> None:
    export = reference_dir / "odk" / "who2016_v151_mock_c.csv.gz"
    with elsewhere() as root:
        command = [w.replace("export.csv", str(export)) for w in readme_command()]
        code, out, err = output_here((*command, *INLINE, "report=false", f"paths.outputs={root}"))
        assert code == 0, err
        (run,) = root.glob("runs/*/*")
        causes, fractions = (pd.read_csv(run / name) for name in ("causes.csv", "fractions.csv"))
    assert "Cause fractions" in out
    assert set(causes["model"]) == set(fractions["model"]) == {"interva5", "insilico_standard", "eava"}
    assert causes.groupby("model")["id"].nunique().nunique() == 1
    sums = fractions.groupby(["model", "stratum"])["fraction"].sum()
    assert sums.to_numpy() == pytest.approx(1)
