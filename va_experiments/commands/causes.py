"""Show cause lists and how one maps to another, before a run is scored at several levels of causes.

list names the lists. map A B shows what of A maps where in B; A may be a table of your own with a column cause, and
--map a table of your own with source and target. Exit code 2 names every cause that maps nowhere.
"""

from __future__ import annotations

from typing import Annotated

import typer

from va_experiments.commands.command_line import App
from va_experiments.terminal import say, say_json

__all__ = ["app"]

app = App(help=__doc__)

AsJson = Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")]


@app.action("list")
def list_causes(
    name: Annotated[str | None, typer.Argument(metavar="[LIST]", help="Show the causes of this list.")] = None,
    as_json: AsJson = False,
) -> int:
    """Name the cause lists, with the lists that each maps to; or the causes of one."""
    from va_experiments.data.cause_lists import cause_list, cause_lists, cause_maps

    if name is not None:
        causes = cause_list(name).causes
        say_json(list(causes), indent=1) if as_json else say("\n".join(causes))
        return 0
    targets = {n: [m.target for m in cause_maps() if m.source == n] for n in cause_lists()}
    if as_json:
        say_json({n: {"causes": len(lst.causes), "maps_to": targets[n]} for n, lst in cause_lists().items()}, indent=1)
        return 0
    for n, lst in cause_lists().items():
        to = f"  maps to {', '.join(targets[n])}" if targets[n] else ""
        say(f"{n:16}{len(lst.causes):3} causes{to}")
    return 0


@app.action("map")
def map_lists(
    source: Annotated[str, typer.Argument(metavar="A", help="A list, or a table with a column cause.")],
    target: Annotated[str, typer.Argument(metavar="B", help="A list, or broad.")],
    table: Annotated[
        str | None, typer.Option("--map", metavar="FILE", help="A mapping of your own: source, target.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what of one list maps where in another."""
    from va_experiments.data.cause_lists import cause_lists, causes_of_table, map_causes
    from va_experiments.plan_levels import own_maps

    maps = own_maps([f"{target}={table}"]) if table else []
    known = cause_lists()
    causes = known[source].causes if source in known else causes_of_table(source)
    mapping, pairs, where = map_causes(causes, target, maps, what=source)
    if as_json:
        say_json({"source": source, "target": mapping.name, "table": where, "pairs": pairs}, indent=1)
        return 0
    say(f"{source} ({len(causes)} causes) to {mapping.name} ({len(mapping.causes)} causes), by {where}")
    for cause in mapping.causes:
        sources = [s for s, t in pairs.items() if t == cause]
        say(f"  {cause}")
        say("\n".join(f"      {s}" for s in sources) if sources else "      (none)")
    return 0
