"""Alerts reach a receiver, not too often, and their address is nowhere to be found afterwards."""

from __future__ import annotations

import http.server
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command
from va_experiments.config.schema import AlertConfig, parse_config
from va_experiments.errors import InputError
from va_experiments.monitoring.alerts import Alerts

SECRETS = ("pa55w0rd", "t0kenpath")


class _Receiver(http.server.ThreadingHTTPServer):
    def __init__(self, answer: int = 200) -> None:
        self.got: list[dict] = []
        self.answer = answer
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://bob:{SECRETS[0]}@127.0.0.1:{self.server_port}/{SECRETS[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(json.loads(body) | {"auth": self.headers.get("authorization"), "path": self.path})  # type: ignore[attr-defined]
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[_Receiver]:
    server = _Receiver()
    yield server
    server.shutdown()


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _alerts(url: str, **options: object) -> tuple[Alerts, _Clock]:
    clock = _Clock()
    alerts = Alerts(AlertConfig(url=(url,), **options), "d/t", now=clock)  # type: ignore[arg-type]
    alerts.start()
    return alerts, clock


def test_failures_are_limited_and_counted(receiver: _Receiver) -> None:
    alerts, clock = _alerts(receiver.url, min_seconds=300)
    for number in range(5):
        clock.now = number
        alerts.failed(f"nbc at AP: ValueError: {number}")
    clock.now = 400
    alerts.failed("the sixth")
    alerts.failed("the seventh")
    alerts.finished("3 failed")
    alerts.close()
    texts = [m["message"] for m in receiver.got]
    assert texts == ["nbc at AP: ValueError: 0", "the sixth\nand 4 more since the last message",
                     "3 failed\n1 more failures were not sent one by one."]  # fmt: skip
    assert [m["title"].rsplit(": ", 1)[1] for m in receiver.got] == ["failed", "failed", "finished"]
    assert [m["type"] for m in receiver.got] == ["failure", "failure", "info"]
    assert receiver.got[0]["path"] == f"/{SECRETS[1]}"
    assert alerts.sent == 3


def test_a_run_that_stands_still_is_told_once(receiver: _Receiver) -> None:
    alerts, clock = _alerts(receiver.url, stalled_minutes=10)
    for minute, state in [(0, 1), (9, 1), (9.5, 2), (19, 2), (19.6, 2), (30, 2), (31, 3), (42, 3)]:
        clock.now = 60 * minute
        alerts.watch(state, "2 done of 9 cells")
    alerts.close()
    assert [m["message"] for m in receiver.got] == ["nothing has moved for 10 minutes: 2 done of 9 cells"] * 2


def test_only_what_was_asked_for_is_told(receiver: _Receiver) -> None:
    alerts, _ = _alerts(receiver.url, events=("finished",))
    alerts.failed("no")
    alerts.finished("yes")
    alerts.close()
    assert [m["message"] for m in receiver.got] == ["yes\n"[:3]]


def test_a_receiver_that_refuses_or_is_away_costs_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)  # as hydra.verbose=true sets it: libraries then log each address
    refusing = _Receiver(answer=500)
    for url in (refusing.url, f"json://127.0.0.1:9/{SECRETS[1]}", f"nosuch://{SECRETS[1]}"):
        alerts, _ = _alerts(url)
        alerts.finished("x")
        alerts.close()
        assert alerts.sent == 0
        assert "could not be sent" in alerts.error
    refusing.shutdown()
    assert "check alert.url" in caplog.text
    assert not any(s in caplog.text for s in SECRETS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"events": ["done"]}, "alert.events is 'done'"),
        ({"stalled_minutes": 0}, "alert.stalled_minutes must be a number > 0; got 0"),
        ({"urls": "x"}, "unknown key 'alert.urls'; did you mean 'url'?"),
        ({"url": 7}, "alert.url must be a list of text"),
    ],
)
def test_bad_options(options: dict, expected: str) -> None:
    group = {"name": "x"}
    names = ("model", "data", "site", "features", "protocol", "testset")
    with pytest.raises(InputError) as caught:
        parse_config({**dict.fromkeys(names, group), "alert": options})
    assert expected in str(caught.value)


def _files_with(folder: Path, *words: str) -> list[str]:
    raw = [w.encode() for w in words]
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert len(files) > 20
    return [str(p) for p in files if any(w in p.read_bytes() for w in raw)]


@pytest.mark.slow
def test_a_run_tells_of_its_failure_and_its_end_and_writes_the_address_nowhere(
    receiver: _Receiver, tmp_path: Path
) -> None:
    from tests.end_to_end.test_sweeps_and_failures import TOY

    (tmp_path / "toymodels.py").write_text(TOY)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    text = "name: toy\n_target_: toymodels.Toy\ndislikes: Pemba\nweight: 1.0\n"
    (tmp_path / "conf" / "model" / "toy.yaml").write_text(text)
    ran = run_command(
        *("--config-dir", str(tmp_path / "conf"), "allowed_targets=[toymodels]", "model=toy", "site=pemba,ap", *QUICK),
        f"alert.url={receiver.url}",
        outputs=tmp_path / "o",
        PYTHONPATH=str(tmp_path),
    )
    assert ran.code == 3, ran.err
    kinds = [m["title"].rsplit(": ", 1)[1] for m in receiver.got]
    assert kinds == ["failed", "finished"]
    assert "toy at Pemba: ArithmeticError" in receiver.got[0]["message"]
    assert "1 done, 0 reused, 1 failed of 2 cells" in receiver.got[1]["message"]
    assert _files_with(tmp_path / "o", *SECRETS) == []
    assert not any(s in ran.out + ran.err for s in SECRETS)


@pytest.mark.nightly
@pytest.mark.slow
def test_the_address_is_not_in_mlflow_either(receiver: _Receiver, tmp_path: Path) -> None:
    ran = run_command(
        *("model=nbc", "site=pemba", "execution=inline", "tracking.prefect=false"),
        "alert.url='${oc.env:VA_ALERT_URL}'",
        outputs=tmp_path,
        VA_ALERT_URL=receiver.url,
    )
    assert ran.code == 0, ran.err
    assert [m["title"].rsplit(": ", 1)[1] for m in receiver.got] == ["finished"]
    assert (tmp_path / "mlflow.db").stat().st_size > 100_000
    assert _files_with(tmp_path, *SECRETS) == []
