"""The store looked after: listed, verified, pruned, taken to another machine and back, MLflow rebuilt from it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, Ran, run_command
from va_experiments.commands.cell_query import age_seconds, n_bytes


def _cells(outputs: Path) -> dict[str, bytes]:
    files = (outputs / "checkpoints" / "cells").glob("*/*/*")
    return {f"{p.parent.name}/{p.name}": p.read_bytes() for p in files}


def test_list_by_cell_model_site_and_as_json(finished: Ran, va: Callable) -> None:
    store = ("--outputs", finished.outputs)
    assert va("checkpoints", "list", *store)[1].splitlines()[-1].startswith("8 cells, ")
    assert va("checkpoints", "list", "--by", "model", *store)[1].count("      2  ") == 4
    assert va("checkpoints", "list", "--by", "site", *store)[1].count("      4  ") == 2
    out = va("checkpoints", "list", "--model", "nbc", "--site", "AP", "--json", *store)[1]
    row = json.loads(out)
    assert (row["model"], row["test_site"], row["protocol"]) == ("nbc", "AP", "leave_one_site_out")
    assert row["key"] in set(finished.cells["cell_key"])
    assert row["other_versions"] == ""
    shown = va("checkpoints", "show", row["key"][:10], *store)[1]
    assert row["key"] in shown
    assert "csmf_accuracy_top" in shown
    assert "8 cells" in va("checkpoints", "list", "--newer-than", "1d", *store)[1]
    assert "0 cells" in va("checkpoints", "list", "--older-than", "1d", *store)[1]
    assert "0 cells" in va("checkpoints", "list", "--larger-than", "1G", *store)[1]
    assert "0 cells" in va("checkpoints", "list", "--other-versions", *store)[1]


@pytest.mark.parametrize(("text", "seconds"), [("45m", 2700), ("12h", 43200), ("30d", 2592000), (None, None)])
def test_ages(text: str | None, seconds: float | None) -> None:
    assert age_seconds(text) == seconds


@pytest.mark.parametrize(("text", "count"), [("500k", 512000), ("1.5M", 1572864), ("7", 7)])
def test_sizes(text: str, count: float) -> None:
    assert n_bytes(text) == count


@pytest.mark.slow
def test_verify_finds_a_flipped_bit_and_the_run_computes_that_cell_again(copied: Path, va: Callable) -> None:
    assert va("checkpoints", "verify", "--outputs", copied)[0] == 0
    before = _cells(copied)
    path = sorted((copied / "checkpoints" / "cells").glob("*/*/predictions.parquet"))[3]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)
    code, out, _ = va("checkpoints", "verify", "--outputs", copied)
    assert code == 3
    assert path.parent.name[:12] in out
    assert "8 cells read again" in out
    assert "1 damaged" in out
    ran = run_command("model=nbc,interva", "site=pemba,ap", *QUICK, outputs=copied)
    assert ran.code == 0
    predictions = {k: v for k, v in _cells(copied).items() if k.endswith(".parquet")}
    assert predictions == {k: v for k, v in before.items() if k.endswith(".parquet")}


def test_prune_says_first_and_deletes_with_yes_only(copied: Path, va: Callable) -> None:
    out = va("checkpoints", "prune", "--model", "nbc", "--outputs", copied)[1]
    assert "would delete 2 cells" in out
    assert "nothing was touched" in out
    assert len(_cells(copied)) == 24
    assert "deleted 2 cells" in va("checkpoints", "prune", "--model", "nbc", "--yes", "--outputs", copied)[1]
    assert len(_cells(copied)) == 18
    nothing = va("checkpoints", "prune", "--older-than", "1d", "--yes", "--outputs", copied)[1]
    assert nothing.startswith("nothing to delete")
    assert len(_cells(copied)) == 18


def test_prune_waits_for_no_one(copied: Path, va: Callable) -> None:
    from va_experiments.checkpoints import lock_outputs

    with lock_outputs(copied):
        code, _, err = va("checkpoints", "prune", "--all", "--yes", "--outputs", copied)
    assert code == 4
    assert "in use by process" in err
    assert len(_cells(copied)) == 24


@pytest.mark.slow
def test_export_and_import_bring_the_same_bytes_and_a_run_reuses_them(
    copied: Path, va: Callable, tmp_path: Path
) -> None:
    archive = tmp_path / "cells.tar"
    assert "8 cells" in va("checkpoints", "export", archive, "--outputs", copied)[1]
    assert va("checkpoints", "export", tmp_path / "again.tar", "--outputs", copied)[0] == 0
    assert archive.read_bytes() == (tmp_path / "again.tar").read_bytes(), "the same cells, the same bytes"
    other_place = tmp_path / "there"
    code, out, _ = va("checkpoints", "import", archive, "--outputs", other_place)
    assert (code, out) == (0, "8 cells taken in, 0 were there already, 0 refused\n")
    assert _cells(other_place) == _cells(copied)
    assert "0 cells taken in, 8 were there already" in va("checkpoints", "import", archive, "--outputs", other_place)[1]
    ran = run_command("model=nbc,interva", "site=pemba,ap", *QUICK, outputs=other_place)
    assert "Nothing was fitted" in ran.out
    assert all((other_place / "checkpoints").stat().st_mode & 0o077 == 0 for _ in [0])


def _tampered(archive: Path, target: Path, change: Callable[[tarfile.TarInfo, bytes], list[tuple[str, bytes]]]) -> None:
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        for member in old:
            content = old.extractfile(member).read()  # type: ignore[union-attr]
            for name, raw in change(member, content):
                entry = tarfile.TarInfo(name)
                entry.size = len(raw)
                new.addfile(entry, io.BytesIO(raw))


def test_hostile_and_damaged_archives_are_refused(copied: Path, va: Callable, tmp_path: Path) -> None:
    good, bad, other_place = tmp_path / "good.tar", tmp_path / "bad.tar", tmp_path / "there"
    va("checkpoints", "export", good, "--model", "prior", "--outputs", copied)

    def imported() -> tuple[int, str, str]:
        return va("checkpoints", "import", bad, "--outputs", other_place)

    for name in ("../escape", "/tmp/escape", "cells/../../escape", f"cells/{'a' * 64}/other.txt"):
        _tampered(good, bad, lambda m, raw, name=name: [(m.name, raw), (name, b"x")])
        code, _, err = imported()
        assert code == 2
        assert "has no place in an archive" in err
    with tarfile.open(bad, "w") as archive:
        link = tarfile.TarInfo("va-checkpoints.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert imported()[0] == 2

    flip = bytes([1])
    _tampered(good, bad, lambda m, raw: [(m.name, raw + flip if m.name.endswith(".parquet") else raw)])
    shutil_there = other_place / "checkpoints" / "cells"
    for child in shutil_there.glob("*/*"):
        for path in child.iterdir():
            path.unlink()
        child.rmdir()
    code, out, _ = imported()
    assert code == 3
    assert out.count("does not match its SHA-256") == 2
    assert "0 cells taken in" in out

    _tampered(
        good,
        bad,
        lambda m, raw: [(m.name, raw.replace(b"prior", b"PRIOR"))] if "manifest" in m.name else [(m.name, raw)],
    )
    assert imported()[1].count("not the one in the archive's index") == 2

    keys = [
        json.loads(x)["key"]
        for x in va("checkpoints", "list", "--model", "prior", "--json", "--outputs", copied)[1].split("\n")
        if x
    ]
    _tampered(good, bad, lambda m, raw: [] if keys[0] in m.name else [(m.name, raw)])
    code, out, _ = imported()
    assert code == 3
    assert "named in the index, but not in the archive" in out
    assert "0 cells taken in" in out, "the others are right, but it is all or nothing"
    good_bytes = good.read_bytes()
    bad.write_bytes(good_bytes[: len(good_bytes) // 2])
    assert imported()[0] in (2, 3)
    assert not list(tmp_path.rglob("escape"))


@pytest.mark.slow
def test_sync_rebuilds_mlflow_one_run_a_cell(copied: Path, va: Callable) -> None:
    out = va("checkpoints", "sync", "--outputs", copied)[1]
    assert "8 cells added to MLflow, 0 were there already" in out
    assert "0 cells added to MLflow, 8 were there already" in va("checkpoints", "sync", "--outputs", copied)[1]
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{copied / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("va_experiments").experiment_id
    runs = client.search_runs([experiment], "tags.`va.kind` = 'cell'")
    keys = [r.data.tags["cell_key"] for r in runs]
    assert sorted(keys) == sorted(p.name for p in (copied / "checkpoints" / "cells").glob("*/*"))
    nbc = client.search_runs([experiment], "tags.model = 'nbc' and tags.test_site = 'AP' and metrics.top1 > 0.2")
    assert len(nbc) == 1
    assert nbc[0].data.tags["simulated"] == "true"
    files = {f.path for f in client.list_artifacts(nbc[0].info.run_id, "cell")}
    assert files == {"cell/manifest.json", "cell/metrics.json", "cell/predictions.parquet"}
    # a server that has lost a run gets it back, and only that one
    client.delete_run(nbc[0].info.run_id)
    assert "1 cells added to MLflow, 7 were there already" in va("checkpoints", "sync", "--outputs", copied)[1]
