"""Texts without a secret are passed over quickly; texts with one never are."""

import pytest

from va_experiments.redaction import _PATTERNS, HIDDEN, redacted

SAMPLES = [
    "alert.url=json://example.org/abcdef",
    "alert: {url: json://example.org/abcdef}",
    "https://hooks.slack.com/services/T0/B0/abc",
    "https://example.org/api/webhooks/12/abc",
    "https://api.telegram.org/bot12:abc/x",
    "http://ann:opensesame@example.org",
    "postgresql://ann:pa/ss@example.org/db",
    "ann:opensesame@example.org:5432",
    'Authorization: Digest username="ann"',
    "AUTHORIZATION: Basic abcdef",
    "Set-Cookie: session=abc",
    "sent Bearer abcdef",
    "PassWord = 'open sesame'",
    "credentials: {user: ann}",
    "pwd=abc",
    "x_access_key_id=abc",
    "https://example.org/f?sig=abc",
    "https://example.org/f?code=abc",
    "private_key: abc",
    "auth_string=abc",
    "--api-key abcdef",
    "('x-api-key', 'abcdef')",
    "<token>abcdef</token>",
    "pa\u017f\u017fword=abc",
    "http://ann:open sesame@example.org",
    "mysql --pass sesame",
    "curl -u ann:sesame http://example.org",
    "user=ann, pass=sesame",
    "the password is opensesame",
    "token for ann: sesame",
    "machine h login ann password sesame",
    "with password open5esame",
]


@pytest.mark.parametrize("text", SAMPLES)
def test_no_text_that_a_pattern_matches_is_passed_over(text: str) -> None:
    expected = text
    for pattern, replacement in _PATTERNS:
        expected = pattern.sub(replacement, expected)
    assert HIDDEN in expected
    assert redacted(text) == expected


def test_every_pattern_has_a_sample() -> None:
    assert [p.pattern for p, _ in _PATTERNS if not any(p.search(text) for text in SAMPLES)] == []
