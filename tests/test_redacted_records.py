"""What this process logs, also by libraries at the level DEBUG, holds no secret: by any handler, whoever's it is."""

from __future__ import annotations

import base64
import io
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracking.forged import Forged
from va_experiments import redaction
from va_experiments.redacted_records import RedactedRecord, redact_records, redact_streams
from va_experiments.redaction import remember_address, remember_secret

SECRETS = {
    "VA_MAIL_ALERT": "mailto://u:hidden40xmail@127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "hidden30xAKIA",
    "AWS_SECRET_ACCESS_KEY": "hidden03x/+abc",
    "AWS_SESSION_TOKEN": "hidden31xsession",
    "PREFECT_API_KEY": "hidden32xkey",
    "VA_DB_TOKEN": "hidden05xtoken",
}


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A library's logger whose handler, made by somebody else, knows nothing of secrets."""
    monkeypatch.setattr(redaction, "_known", {})
    monkeypatch.setattr(redaction, "_addresses", set())
    stream, before = io.StringIO(), logging.getLogRecordFactory()
    logger = logging.Logger("some.library", logging.DEBUG)
    logger.addHandler(logging.StreamHandler(stream))
    logging.setLogRecordFactory(logging.LogRecord)
    redact_records()
    try:
        yield logger, stream
    finally:
        logging.setLogRecordFactory(before)


def test_messages_arguments_and_tracebacks_are_without_secrets(logged: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = logged
    remember_secret("hidden00x-pass")
    remember_address("json://localhost:9/hidden01x/0")
    sent = base64.b64encode(b"user:hidden00x-pass")
    logger.debug('%s://%s:%s "%s %s" %d', "http", "localhost", 9, "POST", "/hidden01x/0", 200)
    logger.debug("headers %s", {"Authorization": b"Basic " + sent, "X-Amz-Security-Token": "hidden02x"})
    logger.debug("Credential=hidden03x/20261129/us-east-1/s3, Signature=hidden04x")
    logger.debug("%s%s", "hidden00x", "-pass")
    logger.debug("Signature:\n%s", "hidden05x")
    try:
        raise ValueError("http://bob:hidden06x@host/")
    except ValueError:
        logger.exception("failed", stack_info=True)
    text = stream.getvalue()
    assert re.findall(r"hidden\d\d", text) == []
    assert sent.decode()[8:-4] not in text
    assert 'http://localhost:9 "POST /***/0" 200' in text
    assert "ValueError: http://***@host/" in text


def test_a_record_that_cannot_be_formatted_is_complained_about_without_secrets(
    logged: tuple[logging.Logger, io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "hidden00x-pass"
    remember_secret(secret)
    logged[0].debug("%d items", secret)
    err = capsys.readouterr().err
    assert "Arguments: ('***',)" in err
    assert "hidden" not in err


def test_a_factory_that_calls_ours_is_left_in_place(logged: tuple[logging.Logger, io.StringIO]) -> None:
    ours = logging.getLogRecordFactory()

    def of_ray(*args: object, **kwargs: object) -> logging.LogRecord:
        return ours(*args, **kwargs)

    logging.setLogRecordFactory(of_ray)
    redact_records()
    assert logging.getLogRecordFactory() is of_ray
    assert isinstance(logging.makeLogRecord({}), RedactedRecord)


@pytest.mark.nightly
def test_a_verbose_run_leaves_no_secret_that_libraries_log(tmp_path: Path) -> None:
    with Forged("elsewhere", elsewhere="s3://bucket") as server:
        host = server.url.removeprefix("http://")
        views = [f"tracking.uri='http://bob:pa@hidden20xpass@{host}'"]
        views += [f"tracking.prefect_api_url='http://bob:hidden21xpass@{host}/api'"]
        alerts = f"alert.url=[json://{host}/hidden07x/0,'${{oc.env:VA_MAIL_ALERT}}']"
        logs = ["hydra.verbose=true", "hydra/job_logging=default", "hydra/hydra_logging=default"]
        job = ["model=nbc", "site=ap", "data.n=120", "execution=inline", "report=false", "n_bootstrap=0"]
        ended = subprocess.run(
            [sys.executable, "-m", "va_experiments", *job, *logs, *views, alerts, "-m"],
            cwd=tmp_path,
            env=os.environ | SECRETS | {"MLFLOW_S3_ENDPOINT_URL": server.url, "AWS_DEFAULT_REGION": "us-east-1"},
            capture_output=True,
            timeout=300,
        )
        assert server.asked
    text = ended.stdout + ended.stderr
    assert ended.returncode == 0, text[-2000:]
    assert b"urllib3" in text
    written = {str(p): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} | {"terminal": text}
    assert any(name.endswith("va_experiments.log") for name in written)
    assert [name for name, content in written.items() if re.search(rb"(?i)hidden\d\d", content)] == []
    for password in (b"bob:pa@hidden20xpass", b"bob:hidden21xpass"):
        sent = base64.b64encode(password)[6:-4]
        assert [name for name, content in written.items() if sent in content] == []


def test_what_a_worker_prints_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", {})
    monkeypatch.setenv("MY_TOKEN", "hidden-of-mine")
    below = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", below[0])
    monkeypatch.setattr(sys, "stderr", below[1])
    redact_streams()
    redact_streams()
    print("a pass", end="")
    print("word=hidden1 and hidden-of-mine")
    print("begun password=hidden2", end="", flush=True)
    print("http://bob:hidden3@host/\n-----BEGIN PRIVATE KEY-----\nhidden4", file=sys.stderr)
    assert below[0].getvalue() == "a password=*** and ***\nbegun password=***"
    assert below[1].getvalue() == "http://***@host/\n***"
