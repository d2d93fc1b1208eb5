"""What happens to whole machines of a cluster: the plug of one pulled out of the network, another's power gone."""

from __future__ import annotations

import shlex
import time

from tests.execute.hosts import commands, hosts, join, unable
from tests.faults.harness import SMALL, TOYS, Place, Row, compare, stored, undisturbed


def machines_lost() -> Row:
    """Cut one of three hosts off in mid-run, then kill all of another; the first does the rest."""
    row = Row("hosts", "of three hosts, one cut off the network, then one dead", 0, 0, 0)
    if reason := unable():
        row.skipped = reason
        return row
    grid = ("model=toy", "model.seconds=1", "protocol=one_to_one")
    with Place.new(*SMALL) as place, hosts(3, place.root, shared=[place.root]) as machines:
        log = place.root / "log"
        join(machines, log)
        drive = commands()[3].replace("model=insilico", f"--config-dir {TOYS / 'conf'}")
        more = ("tracking=none", "allowed_targets=[vatoys]", f"paths.outputs={place.outputs}", *place.base)
        shipped = f"+execution.init.runtime_env.py_modules=[{TOYS / 'vatoys'}]"
        expected: dict[str, str] = {}
        slowest = 0.0
        for number, lose in enumerate((machines[2].unplug, machines[1].power_off)):
            seed = f"seed={number + 1}"
            right = undisturbed(*grid, seed)
            words = " ".join(map(shlex.quote, (*more, *grid, seed, shipped)))
            driver = machines[0].shell(f"export PYTHONPATH={TOYS}\n{drive} {words}", log)
            enough = len(expected) + 4
            while driver.poll() is None and len(stored(place.outputs)) < enough:
                time.sleep(0.2)
            row.expect(driver.poll() is None, f"no run to disturb: {log.read_text()[-900:]}")
            lose()
            row.injected += 1
            began = time.monotonic()
            code = driver.wait(400)
            slowest = max(slowest, time.monotonic() - began)
            row.expect(code == 0, f"code {code}: {log.read_text()[-900:]}")
            expected |= right
            compare(row, expected, place)
        row.note = f"done {slowest:.0f} s after the loss, at most; no disk in common, code and data sent by Ray"
    return row
