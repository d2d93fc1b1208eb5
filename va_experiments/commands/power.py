"""Say which differences between models a design can show: the smallest one, and the sites that show a given one.

From the differences between the models of a finished RUN: how much they vary from site to site and, where sites have
several splits, from split to split. The test is the paired t-test over sites.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from va_experiments.commands.command_line import App, Command
from va_experiments.commands.compare import check_metrics, finished_cells
from va_experiments.commands.run_lookup import OUTPUTS, Outputs, RunName, find_run
from va_experiments.errors import InputError
from va_experiments.formatting import format_number
from va_experiments.terminal import say, text_table

if TYPE_CHECKING:
    from va_experiments.analysis.design_power import PairOfModels

__all__ = ["app", "power"]

SITES = (4, 6, 8, 12, 20, 40)
SPLITS = (1, 2, 5, 10, 30)

app = App()


class _Power(Command):
    several_values = {"--sites": ""}  # noqa: RUF012 (a constant)


@app.action(help=__doc__, cls=_Power)
def power(
    run: RunName = None,
    outputs: Outputs = OUTPUTS,
    metric: Annotated[str, typer.Option(metavar="NAME", help="The metric.")] = "csmf_accuracy_top",
    difference: Annotated[float, typer.Option(metavar="X", help="A difference that matters.")] = 0.02,
    sites: Annotated[list[int] | None, typer.Option("--sites", metavar="N...", help="Numbers of sites.")] = None,
    share: Annotated[float, typer.Option("--power", metavar="P", help="Chance of finding the difference.")] = 0.8,
    level: Annotated[float, typer.Option(metavar="P", help="Level of significance.")] = 0.05,
) -> int:
    """Print what the design of a run can show."""
    from va_experiments.analysis.design_power import design_table, pairs_of_models
    from va_experiments.metrics.registry import metric_label

    check_metrics([metric])
    numbers = sites or list(SITES)
    _check_options(numbers, difference, share, level)
    folder = find_run(outputs, run)
    pairs = pairs_of_models(finished_cells(folder), metric)
    if not pairs:
        raise InputError(
            f"power: '{folder}' has no two models that were tested at the same two sites or more; run several models, "
            "as in model=nbc,interva site=all -m"
        )
    say(f"run {folder.parent.name}/{folder.name}: {metric_label(metric)}\n")
    say(f"Smallest true difference that is found with a chance of {share:.0%} at level {level:g}, by number of sites;")
    say(f"and the sites that find a difference of {format_number(difference)}\n")
    table = design_table(pairs, numbers, difference, power=share, level=level)
    head = ["models", "observed", "sd", *(f"{n} sites" for n in numbers), "sites needed"]
    rows = [
        [
            str(row["pair"]),
            *(format_number(row[c]) or "-" for c in ("observed", "sd", *(f"{n} sites" for n in numbers))),
            "-" if math.isnan(row["sites_needed"]) else f"{row['sites_needed']:.0f}",
        ]
        for row in table.to_dict("records")
    ]
    for line in text_table(head, rows):
        say(line)
    _say_splits(pairs, share, level)
    return 0


def _check_options(numbers: Sequence[int], difference: float, share: float, level: float) -> None:
    """Refuse numbers of sites below 2, and chances and differences that cannot be."""
    problems = [f"--sites must be 2 or more; got {n}" for n in numbers if n < 2]
    problems += [
        f"{option} must be between 0 and 1; got {value:g}"
        for option, value in (("--power", share), ("--level", level))
        if not 0 < value < 1
    ]
    if not problems and share <= level:
        problems.append(f"--power must be above --level; got {share:g} and {level:g}")
    if difference <= 0:
        problems.append(f"--difference must be above 0; got {difference:g}")
    if problems:
        raise InputError(problems)


def _say_splits(pairs: Sequence[PairOfModels], share: float, level: float) -> None:
    """Print the smallest differences with other numbers of splits at each of the run's sites."""
    from va_experiments.metrics.power import detectable_difference

    several = [p for p in pairs if not math.isnan(p.variance.within)]
    if not several:
        say("\nEach site has one split: what more splits or deaths would gain cannot be estimated from this run.")
        return
    say(f"\nThe same for the run's {pairs[0].variance.n_sites} sites with other numbers of splits at each\n")
    rows = [
        [
            f"{p.first} - {p.second}",
            *(
                format_number(
                    detectable_difference(
                        math.sqrt(p.variance.of_mean_at_site(n)), p.variance.n_sites, power=share, level=level
                    )
                )
                for n in SPLITS
            ),
        ]
        for p in several
    ]
    for line in text_table(["models", *(f"{n} splits" for n in SPLITS)], rows):
        say(line)
