"""The commands of ``va-experiments``, one file each.

A command's module has a Typer application, `app`, whose functions take the options and return the exit code. Modules
are imported only when their command is called, and heavy libraries only when it runs, so that ``--help`` is quick.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["COMMANDS"]

COMMANDS: Mapping[str, str] = {
    "run": "compose jobs and run them; the word run can be left out before KEY=VALUE",
    "status": "how far a run is: cells, running fits, time to go, last errors",
    "profile": "where a run's time went: efficiency, slowest cells, critical path",
    "report": "build the report of finished runs again, from their folders or from MLflow",
    "predictions": "list what each model says of each death: first causes, probabilities, true cause",
    "compare": "compare finished runs: inputs, paired differences, flips, time and memory",
    "power": "which differences a design can show: smallest difference, sites needed",
    "serve": "run what is asked of Prefect: from its page, by a schedule, by the API",
    "ui": "serve MLflow's and Prefect's pages on this machine",
    "checkpoints": "list, show, verify, prune, export, import finished cells; sync MLflow with them",
    "results": "share results: pack, merge, verify; make a leaderboard site of many packages",
    "recompute": "compute a sample of a run's cells again and compare the predictions bit for bit",
    "data": "check a study's file, describe a data set",
    "train": "train a model on a data set and save it as a folder that is safe to open",
    "causes": "show cause lists and how one maps to another",
    "doctor": "check the installation and say how to fix problems",
    "reproduce": "compute a published table again and print it beside the published figures",
    "va34-comparison": "the options of the earlier comparison script, on the same engine",
    "completion": "print the script that lets a shell complete with the Tab key",
}
"""Name of each command, and what it does in one line."""
