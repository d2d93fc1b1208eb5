"""``python -m tests.fuzz``: try all properties in turn, with new examples each round, until the time is up.

Ends with 1 at the first example for which a property does not hold, made as small as it can be, and names the round;
``--round N`` tries the same examples again.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
import traceback

from tqdm import tqdm

from tests.fuzz import configs, names, odk, tables, values
from tests.fuzz.property import Hang

PROPERTIES = tables.PROPERTIES | odk.PROPERTIES | values.PROPERTIES | names.PROPERTIES | configs.PROPERTIES
MEMORY = 8 << 30
"""Bytes of address space; what needs more for a small input is a fault too."""


def main() -> int:
    """Try until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="default: 600")
    parser.add_argument("--round", type=int, metavar="N", help="only this round")
    parser.add_argument("--only", metavar="TEXT", default="", help="properties with this in their name")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    chosen = {name: p for name, p in PROPERTIES.items() if options.only in name}
    ends = time.monotonic() + options.seconds
    number, tried, wrong = options.round if options.round is not None else time.time_ns() // 1000, 0, 0
    first = number
    bar = tqdm(total=round(options.seconds), unit="s", bar_format="{desc} {bar} {n_fmt}/{total_fmt} s", desc="fuzz")
    while time.monotonic() < ends and not wrong:
        for name, property_ in chosen.items():
            bar.n = min(bar.total, round(options.seconds - (ends - time.monotonic())))
            bar.set_description_str(f"fuzz: {tried:,} examples, now {name}")
            try:
                property_.check(number=number)
            except (Exception, Hang):
                traceback.print_exc()
                print(f"{name} does not hold: python -m tests.fuzz --round {number} --only {name!r}", file=sys.stderr)
                wrong += 1
            tried += property_.examples
        if options.round is not None:
            break
        number += 1
    bar.close()
    print(f"{tried:,} examples of {len(chosen)} properties in {number - first + bool(options.round)} rounds: "
          f"{wrong or 'none'} failed")  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
