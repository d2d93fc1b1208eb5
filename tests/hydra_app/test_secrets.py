"""Secrets, planted in every way there is, are in no file, page or stream of a run, of its failure and its report."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

import pytest

from tests.in_process import elsewhere, output_here
from va_experiments import redaction
from va_experiments.redaction import redacted, remember_address, remember_secret

pytestmark = pytest.mark.slow

TOY = '''
import base64
import os

from va_experiments.models.base import Model


class Leaky(Model):
    """Raises with everything that it can find."""

    def fit(self, train, *, seed=0):
        found = [v for k, v in os.environ.items() if "hidden" in v]
        raise ArithmeticError(
            " ".join(found) + " Authorization: Bearer hidden12x bearer hidden13x pwd=hidden14x sig=hidden15x&a=1 "
            "AWS_SECRET_ACCESS_KEY=hidden16x http://bob:pa@hidden17x@host/ {'api_key': 'hidden18x'} "
            "AccountKey=hidden19x"
        )

    def predict(self, test, *, seed=0):
        raise NotImplementedError
'''
ENVIRONMENT = {
    "VA_ALERT": "json://localhost:9/hidden01x/part",
    "MLFLOW_TRACKING_PASSWORD": "hidden02x",
    "AWS_SECRET_ACCESS_KEY": "hidden03x/+",
    "PREFECT_API_AUTH_STRING": "va:hidden04x",
    "VA_DB_TOKEN": "hidden05x",
    "VA_DB_PWD": "hidden06xx",
}


@pytest.fixture
def leaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    (tmp_path / "leaky.py").write_text(TOY)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "leaky.yaml").write_text("name: leaky\n_target_: leaky.Leaky\n")
    (tmp_path / "conf" / "experiment").mkdir()
    experiment = "# @package _global_\nalert: {url: ['json://localhost:9/hidden07x/0', '${oc.env:VA_ALERT}']}\n"
    (tmp_path / "conf" / "experiment" / "own.yaml").write_text(experiment)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(redaction, "_known", {})
    monkeypatch.setattr(redaction, "_addresses", set())
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    yield ("--config-dir", str(tmp_path / "conf"), "allowed_targets=[leaky]", "site=ap,pemba", "data.n=120")
    sys.modules.pop("leaky", None)


def left_in(folder: Path) -> list[str]:
    """Return the files that hold a secret."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    return [str(p) for p in files if re.search(rb"hidden\d\d", p.read_bytes(), re.IGNORECASE)]


ALERTS = {
    "in a file": ("experiment=own",),
    "as a key": ("alert.url=json://localhost:9/hidden08x/0",),
    "as a mapping": ("alert={url: 'json://localhost:9/hidden09x/0'}",),
    "as a list": ("alert.url=['json://u:hidden10x@localhost:9/x','json://localhost:9/?token=hidden11x']",),
    "of the environment": ("alert.url=${oc.env:VA_ALERT}",),
}


@pytest.mark.parametrize("way", ALERTS)
def test_no_secret_of_a_run_that_fails_is_left(way: str, leaky: tuple[str, ...]) -> None:
    address = "hydra.sweeper.max_batch_size=5"
    with elsewhere() as root:
        quick = ("execution=inline", "tracking=none", "report=false", "n_bootstrap=0", address)
        prefect = "tracking.prefect_api_url='http://bob:pa@hidden20x@localhost:9/api'"
        code, out, err = output_here([*leaky, "model=leaky,nbc", *quick, prefect, *ALERTS[way]])
        assert code == 3, err
        assert "hidden" not in (out + err).lower(), out + err
        assert list(root.rglob("cells.csv"))
        assert list(root.rglob("multirun.yaml"))
        assert left_in(root) == []


@pytest.mark.nightly
@pytest.mark.slow
def test_no_secret_is_left_in_mlflow_and_in_the_report(leaky: tuple[str, ...]) -> None:
    with elsewhere() as root:
        views = ("execution=inline", "tracking.prefect=false", "report=true", "n_bootstrap=0")
        code, out, err = output_here(
            [*leaky, "model=leaky,nbc", *views, *ALERTS["in a file"], *ALERTS["as a mapping"][1:]]
        )
        assert code == 3, err
        assert "hidden" not in (out + err).lower(), out + err
        assert list(root.rglob("mlflow.db"))
        assert list(root.rglob("report.html"))
        assert left_in(root) == []


REFUSED = {
    "nested": ("tracking.experiment=${oc.env:VA_DB_${site.name}}", "site.name=TOKEN"),
    "key of a name": ("+model.n=VA_DB_TOKEN", "tracking.experiment=${oc.env:${model.n}}"),
    "resolver put together": ("+model.n=env", "tracking.experiment=${oc.${model.n}:VA_DB_PWD}"),
    "copied": ("hydra.job.env_copy=[VA_DB_TOKEN]",),
    "set": ("+hydra.job.env_set.X=hidden21x",),
    "alert elsewhere": ("alert.url=${oc.env:VA_ALERT}", "tracking.experiment=${alert.url}"),
    "alert in a job": ("alert.url=json://localhost:9/hidden22x/0", "model.name=${alert.url}"),
    "folder": ("hydra.sweep.dir=${oc.env:VA_DB_TOKEN}",),
    "error of the grammar": ("alert.url=json://x/hidden23x(a)",),
    "storage": ("hydra/sweeper=optuna", "model.alpha=interval(1,2)", "hydra.sweeper.storage=nothing://u:hidden24x@h/d"),
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_secret_where_it_would_be_written_is_refused_without_being_shown(way: str, leaky: tuple[str, ...]) -> None:
    with elsewhere() as root:
        overrides = [
            f"{o.partition('=')[0].replace('+site.name', 'site.name')}={o.partition('=')[2]}" for o in REFUSED[way]
        ]
        words = [w for w in leaky if not (way == "nested" and w.startswith("site="))]
        code, out, err = output_here(
            [*words, "model=nbc", "execution=inline", "tracking=none", "report=false", *overrides]
        )
        assert code == 2, err
        assert "hidden" not in (out + err).lower(), out + err
        assert "Traceback" not in err
        assert left_in(root) == []


def test_what_is_shown_in_place_of_a_run_has_no_secret(leaky: tuple[str, ...]) -> None:
    with elsewhere():
        for flags in (["--cfg", "job", "--resolve"], ["--cfg", "all"], ["--info", "config"]):
            code, out, err = output_here([*leaky[:2], *flags, "experiment=own"])
            assert code == 0, err
            assert "events" in out
            assert "hidden" not in (out + err).lower(), out


@pytest.mark.parametrize(
    "text",
    [
        "http://bob:pa@hidden@host/x",
        "Authorization: Bearer hidden",
        "a bearer hidden b",
        "Driver={x};Uid=u;Pwd=hidden;",
        "https://h/?sv=1&sig=hidden%3D&se=2",
        "AWS_SECRET_ACCESS_KEY=hidden",
        "aws_access_key_id: hidden",
        "{'client_secret': 'hidden'}",
        "AccountKey=hidden==;EndpointSuffix=x",
        "X-Amz-Signature=hidden",
        "https://u:p/hidden@host:5000/x",
        "https://u:p'hidden\"@host/x",
        "u:hidden@host:5432/db",
        "host=h password='a hidden b' dbname=d",
        "Uid=u;Pwd={a;hidden};",
        '{"password": "a hidden b", "x": 1}',
        '{\\"password\\": \\"hidden\\"}',
        "password: >-\n  hidden",
        "smtp_pass=hidden passphrase=hidden",
        "['--password', 'hidden']",
        "Authorization: hidden",
        "('Authorization', b'Basic hidden')",
        'Authorization: Digest username="u", response="hidden"',
        "Proxy-Authorization: Negotiate hidden",
        "Set-Cookie: session=hidden; Path=/",
        "-----BEGIN RSA PRIVATE KEY-----\nhidden\n-----END RSA PRIVATE KEY-----",
        "ghp_hidden0123456789abcdefghij",
        "eyJhbGciOiJIUzI1NiJ9.eyJoaWRkZW4iOjF9.hidden",
        "https://hooks.slack.com/services/T0/B0/hidden",
        "https://api.telegram.org/bot1:hidden/sendMessage",
        "https://h/cb?code=hidden&state=1",
        "<password>hidden</password>",
        "alert={url: json://h/hidden, events: [failed]}",
        "alert: {events: [failed], url: [json://h/hidden]}",
        "http://bob:a hidden b@host/x",
        "postgresql://bob:hidden\nhidden@host:5432/db",
        "http://bob: hidden@example.org",
        "http://bob:a\thidden@localhost'",
        "mysql --pass hidden -u x",
        "tool --secret-key hidden --passphrase 'hidden' -passin hidden",
        "curl -u bob:hidden http://h/",
        "curl --user=bob:hidden",
        "the password is hidden",
        "your password for bob at work is now 'a hidden b'.",
        'The API key was set to hidden, the token is "hidden"',
        "the passphrase is: hidden",
        "password (bob): hidden",
        "secret of bob: hidden",
        "PASSWORD -> hidden",
        "password := hidden",
        "user=bob; pass=hidden",
        "machine h login bob password hidden",
        "with the password hidden1",
    ],
)
def test_what_looks_like_a_secret_is_replaced(text: str) -> None:
    assert "hidden" not in redacted(text)
    assert "***" in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:5000/x@y",
        "10:20 nbc@AP",
        '{"a": "b:c"}',
        "fits 3/3 \u00b7 1 done",
        "bob@host.example:x",
        "see http://localhost:5000: ask bob@host.example",
        "http://ann: no; write to bob@host.example",
        "at 'http://host:8000', then nbc@AP",
        "see https://docs.example: cell nbc@Mexico failed",
        "url: http://h/x\nmail: bob@x.y",
        "the password is wrong, the token was issued, the api key is not valid, the secret is refused",
        "the password is in outputs/prefect/auth; its token is ~/.ray/auth_token",
        "the token of the page is shown once; a password for Prefect is missing",
        "give --password PASSWORD or --token TOKEN; --pass needs a value, --auth option",
        "pass 3 of 5, pass: 3, the second pass over the data, password authentication failed",
        "add -u or --user NAME",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "part", ["://a:b", "a.a-", 'token="', "authorization:", "<password>", "-----BEGIN PRIVATE KEY-----", "eyJ"]
)
def test_a_text_that_nearly_matches_is_searched_once(part: str) -> None:
    """A pattern that goes back over the text needs hours for it."""
    redacted(part * 20_000 + ":")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "part",
    ["://a:b ", "://a: b", "password is ", "token for a ", "--pass ", "login a password ", "-u a:", "a_pass-"],
)
def test_a_text_that_nearly_matches_over_blanks_is_searched_once(part: str) -> None:
    redacted(part * 3_000 + " " * 5_000 + "a" * 5_000 + ":")


def test_a_slash_in_the_password_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", {})
    redaction.remember_secrets_of({"tracking": {"uri": "http://bob:pa/hidden@host:5000"}})
    assert "hidden" not in redacted("no host in pa/hidden")
    redaction.remember_secrets_of({"tracking": {"uri": "http://host:5000/pages@here"}})
    assert redacted("pages@here") == "pages@here"


def test_what_is_known_is_replaced_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", {})
    remember_secret('p"a/s s%word')
    for text in ('p"a/s s%word', "p%22a%2Fs%20s%25word", "p%22a/s%20s%25word", 'p\\"a/s s%word', "p%22a%2Fs+s%25word"):
        assert redacted(f"x {text} y") == "x *** y", text
    for text in ("p%22a%2fs%20s%25word", "p&quot;a/s s%word"):
        assert redacted(text) == "***", text
    for user in ("", "u", "us", "user"):
        sent = base64.b64encode(f'{user}:p"a/s s%word'.encode()).decode()
        left = redacted(f"x {sent} y")
        assert "***" in left, sent
        assert len(left) < len(sent), "hardly more than the user is left"
    remember_address("slack://TokenAbcd1/Tok3n-Efgh2/hooks.example.org/services")
    assert (
        redacted("POST hooks.example.org/services/TokenAbcd1/x/Tok3n-Efgh2")
        == "POST hooks.example.org/services/***/x/***"
    )
    remember_secret("ab")
    assert redacted("ab about model=nbc") == "ab about model=nbc"
