"""What happens to the disk: damage, no room, no permission, a move; and what changes between two runs."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.harness import ROOT, SMALL, TOYS, Place, Row, compare, stored, undisturbed
from va_experiments.uris import file_of

TOY = ("model=toy",)
MANY = ("model=toy", "protocol=one_to_one", "model.level=0,1")


def _damages(rng: random.Random, flips: int) -> Iterator[tuple[str, object]]:
    """Yield a name and what to do to a cell's folder and its neighbour's."""
    names = ("predictions.parquet", "metrics.json", "manifest.json")

    def cut(name: str, tenths: int):
        def do(folder: Path, other: Path) -> None:
            content = (folder / name).read_bytes()
            (folder / name).write_bytes(content[: len(content) * tenths // 10])

        return do

    def flip(name: str):
        def do(folder: Path, other: Path) -> None:
            content = bytearray((folder / name).read_bytes())
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            (folder / name).write_bytes(content)

        return do

    def swap(name: str):
        def do(folder: Path, other: Path) -> None:
            mine, theirs = (folder / name).read_bytes(), (other / name).read_bytes()
            (folder / name).write_bytes(theirs)
            (other / name).write_bytes(mine)

        return do

    def swap_folders(folder: Path, other: Path) -> None:
        aside = folder.with_suffix(".aside")
        folder.rename(aside)
        other.rename(folder)
        aside.rename(other)

    for name in names:
        yield from ((f"{name} cut to {tenths}0%", cut(name, tenths)) for tenths in range(10))
        yield f"{name} gone", lambda folder, other, name=name: (folder / name).unlink()
        yield f"{name} of another cell", swap(name)
    yield "whole cells swapped", swap_folders
    yield "manifest {}", lambda folder, other: (folder / "manifest.json").write_text("{}")
    yield "manifest []", lambda folder, other: (folder / "manifest.json").write_text("[]")
    yield "manifest null", lambda folder, other: (folder / "manifest.json").write_text("null")
    for number in range(flips):
        yield f"{names[number % 3]}: one bit", flip(names[number % 3])


def f7_damage(flips: int = 200) -> Row:
    """Cut, flip, empty, swap; every damaged cell has to be found, set aside and computed again."""
    row = Row("F7", "damaged checkpoint", 0, 0, 0)
    right, rng = undisturbed(*MANY), random.Random(7)
    with Place.new() as place:
        first = place.run(*MANY)
        assert first.code == 0, first.err
        damages, silent = list(_damages(rng, flips)), 0
        while damages:
            keys = rng.sample(sorted(right), len(right))
            damaged, done = set(), []
            for one, two in zip(keys[:24:2], keys[1:24:2], strict=True):
                if not damages:
                    break
                name, do = damages.pop()
                cells = place.outputs / "checkpoints" / "cells"
                do(cells / one[:2] / one, cells / two[:2] / two)
                damaged |= {one, two} if ("another" in name or "swapped" in name) else {one}
                done.append(name)
                row.injected += 1
            begun = place.begun()
            after = place.run(*MANY, timeout=200)
            again = place.begun() - begun
            row.expect(after.code == 0, f"code {after.code} after {done}: {after.err[-400:]}")
            silent += max(0, len(damaged) - again)
            row.recomputed += max(0, again - len(damaged))
            compare(row, right, place)
        reasons = (place.outputs / "checkpoints" / "quarantine" / "reasons.jsonl").read_text().splitlines()
        row.expect(silent == 0, f"{silent} damaged cells were trusted")
        row.expect(all(json.loads(r)["reason"] for r in reasons), "a cell in quarantine has no reason")
        row.note = f"{len(reasons)} cells in quarantine, each with its reason; 0 trusted"
    return row


@contextlib.contextmanager
def _tmpfs(folder: Path, options: str) -> Iterator[bool]:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def f8_disk_full(times: int = 10) -> Row:
    """Let the disk fill up (tmpfs as root, a limit on file sizes otherwise); make room; run again."""
    row = Row("F8", "disk full", 0, 0, 0)
    right = undisturbed(*MANY)
    with Place.new() as place:
        small = Place(place.root, place.base, place.toys, started=500)
        with _tmpfs(place.outputs, "size=3m") as mounted:
            for number in range(times):
                if not mounted:
                    row.note = "by RLIMIT_FSIZE: tmpfs needs root"
                    ended = small.run(*MANY, request={"file_bytes": 4000 + 500 * number})
                else:
                    shutil.rmtree(place.outputs / "checkpoints", ignore_errors=True)
                    shutil.rmtree(place.outputs / "runs", ignore_errors=True)
                    ballast = place.outputs / "ballast"
                    ballast.unlink(missing_ok=True)
                    room = 550_000 + 60_000 * number  # the probe passes, the run does not fit
                    ballast.write_bytes(b"\0" * (3 * 2**20 - room))
                    ended = small.run(*MANY)
                row.injected += 1
                row.expect(ended.code == 5, f"code {ended.code} instead of 5: {ended.err[-500:]}")
                row.expect("error:" in ended.err, f"not said in words: {ended.err[-300:]}")
                row.expect("Traceback" not in ended.err, f"a traceback: {ended.err[-700:]}")
                half = small.store()
                row.expect(all(right.get(k) == v for k, v in half.items()), "a cell is damaged")
            if mounted:
                ballast.unlink()
                subprocess.run(["mount", "-o", "remount,size=64m", str(place.outputs)], check=True)
            begun = small.begun()
            after = small.run(*MANY)
            row.expect(after.code == 0, f"code {after.code} once there is room: {after.err[-500:]}")
            row.recomputed += max(0, small.begun() - begun - (len(right) - len(half)))
            compare(row, right, small)
    return row


def f9_not_writable() -> Row:
    """Outputs that cannot be written, or have no room for a single file: said before anything is computed."""
    row = Row("F9", "read-only, no permission, no inodes", 0, 0, 0)
    slowest = 0.0
    cases = ["a file in the way"]
    if os.geteuid() == 0:
        readable = all(p.stat().st_mode & 0o005 == 0o005 for p in (ROOT, *ROOT.parents))
        cases += ["no permission"] * readable + ["read-only", "no inodes", "full"]
    for case in cases:
        with Place.new() as place, contextlib.ExitStack() as stack:
            request: dict[str, object] = {}
            code = 2
            if case == "a file in the way":
                place.outputs.write_text("")
            elif case == "no permission":
                place.outputs.mkdir(mode=0o500)
                os.chown(place.root, 65534, 65534)
                request = {"uid": 65534}
            elif case == "read-only":
                assert stack.enter_context(_tmpfs(place.outputs, "ro,size=1m"))
            else:
                code = 5
                assert stack.enter_context(
                    _tmpfs(place.outputs, "size=8m,nr_inodes=5" if case == "no inodes" else "size=64k")
                )
            folder = place.root / f"process-{place.started + 1}"
            began = time.monotonic()
            process = place.start(*TOY, request=request)
            if case == "no permission":
                os.chmod(folder, 0o777)
            process.wait(60)
            slowest = max(slowest, time.monotonic() - began)
            row.injected += 1
            row.expect(process.code == code, f"{case}: code {process.code} instead of {code}: {process.err[-500:]}")
            row.expect("Traceback" not in process.err, f"{case}: a traceback: {process.err[-700:]}")
            row.expect(place.begun() == 0, f"{case}: something was computed")
    row.note = f"reported after at most {slowest:.1f} s, imports left out"
    return row


def f18_changes() -> Row:
    """Edit the model's code, its parameters, the data, the seed, a library: only cells of a new kind are computed."""
    row = Row("F18", "code, data, config or a library changed between runs", 0, 0, 0)
    with Place.new() as place:
        toys = place.root / "toys"
        shutil.copytree(TOYS, toys, ignore=shutil.ignore_patterns("__pycache__"))
        second_place = Place(place.root, place.base, toys)

        def begun_by(*arguments: str) -> int:
            before = second_place.begun()
            done = second_place.run(*arguments, real=True, timeout=200)
            row.expect(done.code == 0, f"{arguments}: code {done.code}: {done.err[-400:]}")
            return second_place.begun() - before

        row.expect(begun_by("model=toy") == 6, "the first run did not compute 6 cells")
        old = second_place.store()
        source = toys / "vatoys" / "steady.py"
        code = source.read_text()
        changes = [
            ("parameter", ("model.level=0,1",), 6),
            ("seed", ("seed=2",), 6),
            ("data", ("data.n=250",), 6),
            ("bootstrap", ("n_bootstrap=3",), 6),
            ("nothing", (), 0),
        ]
        for name, arguments, expected in changes:
            n_begun = begun_by("model=toy", *arguments)
            row.injected += 1
            row.expect(n_begun == expected, f"{name}: {n_begun} cells computed instead of {expected}")
        source.write_text(code + "\nANOTHER = 1\n")
        row.injected += 1
        row.expect(begun_by("model=toy") == 6, "an edited model was answered with old results")
        source.write_text(code)
        row.injected += 1
        row.expect(begun_by("model=toy") == 0, "the old code's results were not found again")
        # another version of a library does not change the key; what is reused is told apart
        newer = place.root / "newer" / "lightgbm-9.9.9.dist-info"
        newer.mkdir(parents=True)
        (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: lightgbm\nVersion: 9.9.9\n")
        before = second_place.begun()
        done = second_place.run("model=toy", real=True, timeout=200, PYTHONPATH=f"{newer.parent}:{toys}:{ROOT}")
        row.injected += 1
        row.expect(done.code == 0 and second_place.begun() == before, "another library version computed cells again")
        row.expect(
            "6 reused cells were computed with other library versions" in done.out, f"not said: {done.out[-600:]}"
        )
        stored_now = stored(second_place.outputs)
        row.lost += sum(stored_now.get(k) != v for k, v in old.items())
    return row


def f19_clock_and_locale() -> Row:
    """Another time zone, another locale, a clock that is a year slow: same keys, same predictions."""
    row = Row("F19", "clock set back, time zone, locale", 0, 0, 0)
    right = undisturbed(*TOY)
    with Place.new() as place:
        slow = place.root / "slow"
        slow.mkdir()
        (slow / "sitecustomize.py").write_text(
            "import time\n_time, _gm = time.time, time.time_ns\ntime.time = lambda: _time() - 4e7\n"
            "time.time_ns = lambda: _gm() - int(4e16)\n"
        )
        cases = [
            {"TZ": "Pacific/Kiritimati", "LC_ALL": "de_DE.UTF-8", "PYTHONHASHSEED": "7"},
            {"TZ": "America/St_Johns", "LC_ALL": "C", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "123"},
            {"PYTHONPATH": f"{slow}:{TOYS}:{ROOT}"},
        ]
        for number, environment in enumerate(cases):
            place_there = Place(place.root / f"p{number}", place.base, place.toys)
            (place_there.root / "marks").mkdir(parents=True)
            done = place_there.run(*TOY, real=True, timeout=200, **environment)
            row.injected += 1
            row.expect(done.code == 0, f"{environment}: code {done.code}: {done.err[-400:]}")
            compare(row, right, place_there)
        before = place_there.begun()
        place_there.run(*TOY, timeout=200)
        row.recomputed += place_there.begun() - before
    return row


def f22_moved() -> Row:
    """Move the outputs half-way, copy them, name them by a relative path: a run writes in the named folder only."""
    row = Row("F22", "outputs moved, copied, named by a relative path", 0, 0, 0)
    right = undisturbed(*MANY)
    with Place.new(*SMALL, "execution=inline", "tracking=local", "tracking.prefect=false") as place:
        half = place.run("model=toy", "protocol=one_to_one")
        assert half.code == 0, half.err
        moved = place.root / "elsewhere" / "deep"
        moved.parent.mkdir()
        place.outputs.rename(moved)
        inside = [
            p
            for p in (moved / "checkpoints").rglob("*")
            if p.is_file() and p.suffix != ".parquet" and str(place.root).encode() in p.read_bytes()
        ]
        row.expect(not inside, f"absolute paths in {inside[:3]}")
        copied = place.root / "copied"
        shutil.copytree(moved, copied)
        for outputs in (moved, copied, Path("copied")):
            before, outside = place.begun(), place.written_outside(place.root / outputs)
            done = place.run(*MANY, outputs=outputs)
            row.injected += 1
            row.expect(place.written_outside(place.root / outputs) == outside, f"{outputs}: files outside of it")
            stray = _artifacts_outside(place.root / outputs)
            row.expect(not stray, f"{outputs}: MLflow's runs name files elsewhere: {stray[:2]}")
            row.expect(done.code == 0, f"{outputs}: code {done.code}: {done.err[-400:]}")
            expected = 0 if outputs == Path("copied") else 30
            row.recomputed += max(0, place.begun() - before - expected)
            have = stored(place.root / outputs)
            row.lost += len(set(right.items()) - set(have.items()))
        row.expect(not place.outputs.exists(), "the old folder came back")
    return row


def _artifacts_outside(outputs: Path) -> list[str]:
    """Return the places of MLflow's runs that do not lie under the outputs or do not exist."""
    with contextlib.closing(sqlite3.connect(outputs / "mlflow.db")) as database:
        query = "select artifact_uri from runs join tags using (run_uuid) where tags.value = 'cell'"
        places = [file_of(str(row[0])) for row in database.execute(query)]
    assert places
    inside = outputs.resolve()
    return [str(p) for p in places if p is None or not p.is_relative_to(inside) or not p.is_dir()]


def f24_incomplete() -> Row:
    """A grid with holes: the table has to say so, and give no mean."""
    row = Row("F24", "incomplete grid in the report", 0, 0, 0)
    with Place.new() as place:
        plan = [{"fault": "error", "sites": ["Dar", "Pemba"]}]
        for options, expected in (((), "4 of 6 cells: no mean"), (("allow_incomplete=true",), "4 of 6 cells")):
            done = place.run(*TOY, *options, plan=plan)
            row.injected += 1
            row.expect(done.code == 3, f"code {done.code} instead of 3: {done.err[-300:]}")
            row.expect(expected in done.out, f"'{expected}' is not said: {done.out[-900:]}")
        shutil.rmtree(place.outputs)
        # stopped before the end: the cells that were never begun are holes as well
        done = place.run("model=toy", "on_error=stop", plan=[{"fault": "error", "sites": ["Dar"]}])
        row.injected += 1
        row.expect(done.code == 3, f"code {done.code} instead of 3: {done.err[-300:]}")
        row.expect("of 6 cells: no mean" in done.out, f"a mean over a part: {done.out[-900:]}")
        done = place.run("model=toy")
        row.expect("no mean" not in done.out, "a complete grid has no mean")
        row.lost += len(set(undisturbed(*TOY).items()) - set(place.store().items()))
    return row


def resume_settings() -> Row:
    """``resume=true|false|failed``, with a model that is deterministic, and one that is not."""
    row = Row("resume", "resume=true, false, failed; a model that is not deterministic", 0, 0, 0)
    with Place.new() as place:
        plan = [{"fault": "error", "sites": ["Dar"]}]

        def begun_by(*arguments: str, code: int = 0, **options: object) -> tuple[int, str]:
            before = place.begun()
            done = place.run(*arguments, **options)  # type: ignore[arg-type]
            row.injected += 1
            row.expect(done.code == code, f"{arguments}: code {done.code} instead of {code}: {done.err[-400:]}")
            return place.begun() - before, done.out

        row.expect(begun_by("model=toy", code=3, plan=plan)[0] == 6, "the first run did not begin 6 cells")
        row.expect(begun_by("model=toy", "resume=failed", code=3, plan=plan)[0] == 1, "failed: not the one cell")
        n_begun, _ = begun_by("model=toy", "model.level=0,1", "resume=failed", code=3)
        row.expect(n_begun == 1, f"failed: {n_begun} cells begun, only one has failed before")
        row.expect(begun_by("model=toy")[0] == 0, "true: a finished cell was computed again")
        before = place.store()
        n_begun, text = begun_by("model=toy", "resume=false")
        row.expect(n_begun == 6, f"false: {n_begun} of 6 cells computed again")
        row.expect("other predictions" not in text, "false: equal predictions were complained about")
        row.expect(place.store() == before, "false: the store has changed")
        # a damaged cell is replaced by what is computed
        folder = next((place.outputs / "checkpoints" / "cells").glob("??/*"))
        (folder / "metrics.json").write_bytes(b"{")
        begun_by("model=toy", "resume=false")
        row.expect(place.store() == before, "false: a damaged cell was not replaced")

        begun_by("model=wobbly")
        stored_before = place.store()
        _, text = begun_by("model=wobbly", "resume=false", code=3, VA_TOY_WOBBLE="1")
        row.expect("computed again with other predictions" in text, f"not reported: {text[-500:]}")
        row.expect(place.store() == stored_before, "stored predictions were overwritten")
    return row
