"""Compare our algorithms with the originals, number by number, and write ``docs/conformance.md``.

``python -m benchmarks.conformance [--section interva|interva5|nbc|tariff|eava|insilico ...] [--no-write]``
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks import conformance_cases
from benchmarks.conformance_ties import explained_ties, ties_at_other_sites
from benchmarks.reference import REFERENCE

__all__ = ["main", "rows_by_fold", "sections"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "conformance.md"

_TITLE = {
    "interva": "InterVA, trained",
    "interva5": "InterVA-5, standard mode",
    "nbc": "Naive Bayes classifier",
    "tariff": "Tariff 1.0",
    "eava": "EAVA",
    "insilico": "InSilicoVA",
}

_INTRO = """# Conformance to the original programs

Written by `python -m benchmarks.conformance`; `tests/conformance/` asserts the same rows. Each row compares `values`
numbers or fields that one of our models computes with those that the original program computed from the same deaths:
openVA 1.2.0, InterVA5 1.1.4, nbc4va 1.2, Tariff 1.0.6 and InSilicoVA 1.4.2 in R 4.2.2, and `interva` 1.0.0 in Python.
Unless a section says otherwise, ours are run with `reference_compat=True`, which reproduces the originals' faults. The
page of each model explains what the default does differently, and why.

**Another fold.** Every fold that is found is compared. A fold is a folder named by its test site under
`shared/reference/` beside the checkout (or under `$VA_SHARED_DIR/reference/`), in `interva_train/`, `insilico_train/`,
`nbc/` or `tariff/`; training is on the other sites, rows in file order. Put the outputs of the original there under the
names that the other folds have, such as `insilico_train/Dar/probs_quantile_update_seed1_N4000.csv.gz` with
`csmf_...csv`, `levels_draws_...csv.gz`, `condprob_letters_quantile.csv.gz` and `levels_prior_a_quantile.csv`, and run
`python -m benchmarks conformance`. Of InSilicoVA any number of runs, of any length, can be there; each program may
have other folds. If InterVA names another second or third cause than the original because of a tie at 0%, the row
leaves the cell out and lists it.
"""

_EXPLAINED = {
    "interva": """The shares before imputation, the letters and the level values are those of the original. It
moves cells of exactly 0 and 1 by random noise; with its imputed shares, all further results are equal:
probabilities, the table of top causes, the CSMF with and without the InterVA rule. For this, three things
are done as in R: causes in the order of their first appearance, products symptom by symptom, and sums in extended
precision (the last bit decides whether a second cause with exactly half the probability of the first is counted).

Intended differences of the default (`reference_compat=False`): see [InterVA](models/interva.md).""",
    "interva5": """The data check, the 70 probabilities and every printed field equal the R package's at all four
prevalence settings. The R output differs from our specification in one point: a
woman of reproductive age whose three pregnancy probabilities are all 0 is printed as `indeterminate`, not `n/a`.

The Python port sums with NumPy, so its last bits differ from R's. If a second cause has exactly half the probability of
the first, the last bit decides whether it is printed: the port differs from R, and so from ours, in CAUSE2, LIK2 and
INDET for these deaths:

{ties}

In the CSMF the port decides the same ties differently. Ours counts ties by default. The port does not count these
second causes, and the row compares ours without them:

{uncounted}

Intended differences of the default (`reference_compat=False`): see [InterVA-5](models/interva5.md).""",
    "nbc": """Intended differences of the default (`reference_compat=False`): see [NBC](models/nbc.md).""",
    "tariff": """The deterministic variants are equal to the last bit. The default variant draws 500 bootstrap samples
and a baseline; with the original's significance mask and baseline scores, it is also equal to the last bit. With our
own draws the same tariffs are significant except in about 3% of the cells, those at the edge of the interval.

Intended differences of the default (`reference_compat=False`): see [Tariff](models/tariff.md).""",
    "insilico": """Statistical tests with a false-alarm rate of 0.1% each. In all of them ours are run with
`reference_compat=True`: where a truncated Beta has a mass below 1e-8, the original sets the level to the middle of its
interval. Where the deaths contradict the order of two levels, this holds the two apart, and the original samples
another distribution than the published model's posterior. The rows "CSMF of the default" are intended differences:
they give the distance of the default, which draws exactly, from the original, with the accuracy of both, and how often
the rule decides a level. Where it decides often, runs of the same sampler differ much: some leave the state, some do
not, and the ranges over runs show it. See [InSilicoVA](models/insilico.md).""",
    "eava": """The fractions of EAVA 1.0.0 that openVA 1.2.0's vignette prints for its example data: 792 neonates and
944 children, all simulated. Of the default, the row has the fractions without the effect of empty cells.""",
}


def _listed() -> dict[str, str]:
    """Write the two lists of rounding ties as Markdown."""
    ties, uncounted = conformance_cases.PYTHON_TIES, conformance_cases.PYTHON_UNCOUNTED
    return {
        "ties": "\n".join(f"- {key[-2:]}: {', '.join(deaths)}" for key, deaths in ties.items()),
        "uncounted": "\n".join(
            f"- {key[-2:]}: {', '.join(f'{death} ({cause})' for death, cause in cells)}"
            for key, cells in uncounted.items()
        ),
    }


def sections() -> dict[str, Callable[[], Iterable[dict[str, Any]]]]:
    """List every section and the function that makes its rows."""
    results: dict[str, Callable[[], Iterable[dict[str, Any]]]] = dict(conformance_cases.ROWS)
    results["eava"] = importlib.import_module("benchmarks.conformance_eava").rows
    if importlib.util.find_spec("benchmarks.conformance_insilico") is not None:
        results["insilico"] = importlib.import_module("benchmarks.conformance_insilico").rows
    return results


def _figure(value: float, kind: str) -> str:
    return f"{value:.0f}" if kind == "mismatches" else f"{value:.2g}"


def _table(rows: list[dict[str, Any]]) -> str:
    lines = ["| case | figure | values | difference | allowed | holds | note |", "|---|---|---:|---:|---:|---|---|"]
    for r in rows:
        difference, allowed = (_figure(r[k], r.get("kind", "")) for k in ("difference", "tolerance"))
        unit = " mismatches" if r.get("kind") == "mismatches" else ""
        holds = "yes" if r["holds"] else "**NO**"
        cells = [r["case"], r["figure"], r["values"], f"{difference}{unit}", allowed, holds, r.get("note", "")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


_FOLDS = """**Rows of each fold.** A fold has rows only for the kinds of runs of the original that are stored in
its folder: 7 for runs that update the levels (of each conversion), 5 for runs with fixed probabilities, and 5 for
chains of 40,000 iterations. A fold with all of them has 24; where a kind is missing, so are its rows, until runs of
the original are handed over. Sites that are not listed have no stored run."""


def rows_by_fold(cases: Iterable[str]) -> str:
    """Return the table of how many rows each fold of the train mode has, by kind of run.

    Parameters
    ----------
    cases : iterable of str
        Of each row, such as ``train Pemba, quantile``.
    """
    counts: dict[str, dict[str, int]] = {}
    for case in cases:
        if case.startswith("train "):
            site, _, kind = case.removeprefix("train ").partition(", ")
            of_site = counts.setdefault(site, {})
            of_site[kind] = of_site.get(kind, 0) + 1
    kinds = list(dict.fromkeys(kind for of_site in counts.values() for kind in of_site))
    lines = [f"| fold | {' | '.join(kinds)} | all |", "|---|" + "---:|" * (len(kinds) + 1)]
    for site, of_site in counts.items():
        cells = [str(of_site.get(kind, "no stored run")) for kind in kinds]
        lines.append(f"| {site} | {' | '.join(cells)} | {sum(of_site.values())} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen sections; return 0 if every row holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--section", action="append", choices=list(_TITLE), help="only this section; may be repeated")
    parser.add_argument("--no-write", action="store_true", help="print only; leave docs/conformance.md alone")
    options = parser.parse_args(arguments)
    if not REFERENCE.is_dir():
        print(
            f"needs the reference outputs in {REFERENCE.name}/ of the folder shared/ beside the checkout",
            file=sys.stderr,
        )
        return 2
    known = sections()
    parts, failed, total = [_INTRO], 0, 0
    summary = ["| algorithm | rows | hold |", "|---|---:|---:|"]
    for section in options.section or known:
        rows = list(known[section]())
        bad = sum(not r["holds"] for r in rows)
        failed, total = failed + bad, total + len(rows)
        summary.append(f"| {_TITLE[section]} | {len(rows)} | {len(rows) - bad} |")
        body = [f"## {_TITLE[section]}", _EXPLAINED[section].format(**_listed())]
        if section == "insilico":
            body += [_FOLDS, rows_by_fold(str(r["case"]) for r in rows)]
        for name, group in groupby(rows, key=lambda r: str(r["case"]).split()[0]):
            table = _table(list(group))
            body.append(f"### {name}\n\n{table}")
        if section == "interva":
            body.append(explained_ties(ties_at_other_sites()))
        parts.append("\n\n".join(body))
        print("\n\n".join(body), end="\n\n")
    parts.insert(1, "\n".join(summary))
    print("\n".join(summary))
    print(f"\n{total - failed} of {total} rows hold")
    if not (options.no_write or options.section):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")
        print(f"written: {PAGE.relative_to(PAGE.parents[1])}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
