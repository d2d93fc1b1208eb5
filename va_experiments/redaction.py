"""Keep secrets out of what is written and printed: one function, `redacted`, by value and by pattern.

What is *known* to be secret (passwords in URLs of the configuration, the addresses that alerts go to, variables of the
environment with the name of a secret) is replaced wherever it stands, also quoted for a URL, in JSON or in Python. What
only *looks* like a secret is replaced by pattern.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

__all__ = [
    "HIDDEN",
    "OWN_VARIABLES",
    "find_secrets",
    "forbidden_env_references",
    "looks_secret",
    "redacted",
    "redacted_tree",
    "remember_address",
    "remember_environment",
    "remember_secret",
    "remember_secrets_of",
    "without_password",
]

HIDDEN = "***"

_known: dict[str, None] = {}
"""Texts that are replaced in this process."""

_addresses: set[str] = set()
"""Addresses of alerts among them."""

SHORTEST = 4
"""Characters of a value that is replaced by itself; a shorter one would be found in ordinary words."""

_NAME = (
    r"(?:pass(?:word|wd|phrase)|[_-]pass|\bpwd|token|secret|api[_-]?key|access[_-]?key(?:[_-]?id)?|account[_-]?key|"
    r"private[_-]?key|auth_string|credentials?|\bsig|signature|[?&]code)"
)
_IS = r"\\?[\"']?\s*(?:->|:=|=>|={1,3}|[:\uff1a])\s*"
"""Between a name and its value: in a header, JSON, Python, YAML, a query, a shell."""

_SCHEME = r"(?:(?:basic|bearer|token|negotiate|apikey|key)\s+)?"
_AUTHORIZATION = r"((?:proxy-)?authorization(?:\\?[\"']?\s*[:=]\s*|[\"']\s*,\s*)(?:b?\\?[\"'])?)"

_WORD = (
    r"(?:pass(?:word|wd|[ _-]?phrase|code)?|pwd|(?:secret[ _-]?|api[ _-]?|access[ _-]?|private[ _-]?)key|secret|token)"
)
"""What a sentence calls a secret."""

_WHOSE = r"(?:\s+(?:for|of)(?:\s+[^\s:=]{1,64}){1,3}?|\s*\([^()\n]{1,64}\))"
_VERB = r"(?:is|was|equals|will be|(?:is |was |has been )?(?:set|changed|reset) to)(?:\s+(?:now|set to))?\s*:?"
_ORDINARY = frozenset(
    """
    a about absent again all already also always an and any as at available bad because been being below both but by
    checked correct different either empty equal expected false fine for from given gone good here how identical if in
    incorrect invalid it its kept known left long longer lost made mandatory missing more my never new no none not null
    of off ok old on one only optional or our out over present private public read right safe same secret sent set short
    shorter shown so still stored strong taken than that the their there this to too true under unknown unset used valid
    very weak what when where which with without written wrong yes you your
    """.split()  # noqa: SIM905
)
"""What often follows "the password is" and is no password; so do words that end as "expired" and "missing" do."""


def _hide_stated(match: re.Match[str]) -> str:
    """Hide what a sentence says that a secret is, unless it is an ordinary word, the name of a variable or a path."""
    before, value = match.group(1), match.group(2)
    word = value.strip("\"'`.,;:!?()").lower()
    if (
        not word
        or word in _ORDINARY
        or re.fullmatch(r"[a-z]+(?:ed|ing)", word)
        or re.fullmatch(r"~?(?:/[\w.-]{1,64}){2,}", value.strip("\"'`.,;"))
    ):
        return match[0]
    if match.re is _OPTION and (
        word in _AFTER_OPTIONS or re.fullmatch(r"[A-Z_]*(?:PASS[A-Z]*|TOKEN|SECRET|KEY)[.,;:)]*", value)
    ):
        return match[0]
    return f"{before}{HIDDEN}{value[len(value.rstrip('.,;:!?)')) :]}"


_STATED = re.compile(rf"(?i)(\b{_WORD}(?:{_WHOSE})?\s+{_VERB}\s*[\"'`]?)((?<=[\"'`])[^\"'`\n]+|[^\s\"'`]+)")
_NAMED = re.compile(rf"(?i)(\b{_WORD}{_WHOSE}\s*[:=]\s*[\"'`]?)((?<=[\"'`])[^\"'`\n]+|[^\s\"'`]+)")
_LOGIN = re.compile(r"(?i)(\blogin\s+\S{1,64}\s+password\s+)(\S+)")
_MIXED = re.compile(
    rf"(?i)(\b(?:pass(?:word|wd|phrase)|pwd|{_WORD}(?=\s+[^\s\"'`]{{16}}))\s+[\"'`]?)"
    r"((?=[^\s\"'`]{0,100}[a-z])(?=[^\s\"'`]{0,100}\d)[^\s\"'`]{6,})"
)
"""A word with letters and digits behind the name of a secret."""

_OPTION = re.compile(
    r"(?i)((?<![\w-])--?(?:[\w-]*[_-])?(?:\w*pass(?:word|wd|phrase|in|out)?|pwd|token|secret|credentials?|auth|"
    r"(?:api|access|secret|private|account)[_-]?key)[\"']?(?:\s+|,\s*)[\"']?)([^\s,\"'-][^\s,\"']*)"
)
"""An option of a command and the next word."""

_AFTER_OPTIONS = ("option", "options", "flag", "argument", "needs", "expects", "takes", "does", "can", "must", "may")

_PATTERNS = (
    (_STATED, _hide_stated),
    (_NAMED, _hide_stated),
    (_LOGIN, _hide_stated),
    (_MIXED, _hide_stated),
    # an alert's address is a secret as a whole: most services put their token into its path
    (re.compile(r"(alert\.url\s*[=:]\s*)(\[[^\]]*\]|'[^']*'|\"[^\"]*\"|\S+)"), rf"\1{HIDDEN}"),
    (re.compile(r"(alert\s*[=:]\s*\{[^{}]*?url[\"']?\s*:\s*)(\[[^\]]*\]|'[^']*'|\"[^\"]*\"|[^,}]+)"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(hooks\.slack\.com/\w+/|/api/webhooks/|api\.telegram\.org/bot)[^\s\"'?]+"), rf"\1{HIDDEN}"),
    # up to the last @: a password may hold one, and even a slash or a quote; a port is none
    (re.compile(r"(://)[^/\s'\"]*@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(://)[^\s/@:]{0,200}:(?!\d{1,5}(?:[/?#]|$))[^\s@]{1,200}@"), rf"\1{HIDDEN}@"),
    # with blanks or line ends in it, if a host follows; after a host with its port comes other text
    (
        re.compile(
            r"(://)(?!localhost:|[\d.]+:)(?:[^\s/@:\[]{0,64}:(?!\d{1,5}(?:[\W_]|$))(?=[^@]{0,200}\s)(?=\S)(?:(?!://)[^@/]){1,200}"
            r"@(?=[\w.-]*(?:[\w-]\.[\w-]|localhost|\w:\d|\w/|\w[\"']|\w$))|[\w+-]{1,64}:\s+[^\s@/]{1,200}"
            r"@(?=[\w.-]*(?:[\w-]\.[\w-]|localhost|\w:\d|\w/)))"
        ),
        rf"\1{HIDDEN}@",
    ),
    (re.compile(r"(\b[\w.-]{1,64}:)[^\s@/'\":]{1,200}(?=@[\w.-]{1,200}(?::\d|/))"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i){_AUTHORIZATION}(?:digest|aws4[\w-]*)\s[^\n]*"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i){_AUTHORIZATION}{_SCHEME}[^\s\"',\\]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)[^\n\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer\s+)[^\s\"',]+"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)({_NAME}{_IS})(\\?[\"'])(?:(?!\2)(?:\\.|[^\n]))*\2"), rf"\1\2{HIDDEN}\2"),
    (re.compile(rf"(?i)({_NAME}{_IS})\{{[^}}\n]*\}}"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)({_NAME}{_IS}(?:[>|][+-]?\s+)?[\"']?)[^\s,;&\"'}}\\]+"), rf"\1{HIDDEN}"),
    (_OPTION, _hide_stated),
    (re.compile(r"((?<![\w-])(?:-u|--user)[\"']?(?:\s+|,\s*|=)[\"']?[\w.@+-]{1,64}:)[^\s\"',]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?im)((?:^|[,;&?{(\[\"'])\s*pass[\"']?\s*[:=]\s*[\"']?)(?!\d+\b)[^\s,;&\"'}]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)([\"'](?:password|x-api-key|cookie)[\"']\s*,\s*b?[\"'])[^\"'\n]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(<(?:password|token|secret)>)[^<\n]+"), rf"\1{HIDDEN}"),
)

_KEYS = re.compile(
    r"-----BEGIN[A-Z ]* PRIVATE KEY-----.*?(?:-----END[A-Z ]*-----|\Z)|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|"
    r"\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bAIza[\w-]{30,}|"
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    re.DOTALL,
)
"""Keys that are known by their form: private keys, JSON web tokens, keys of GitHub, GitLab, Slack, Amazon, Google."""

_KEY_MARKS = ("PRIVATE KEY", "gh", "glpat-", "xox", "AKIA", "ASIA", "AIza", "eyJ")

_MARKS = (
    *("@", "-u", "--user", "alert", "webhooks", "hooks.slack", "telegram", "auth", "cookie", "bearer"),
    *("pass", "pwd", "token", "secret", "api", "access", "account", "private", "credential", "sig", "code"),
)
"""Each text that one of `_PATTERNS` matches holds one of these, in upper or lower case; to look for them is faster."""

_ENVIRONMENT = re.compile(
    r"(?i)(passw(or)?d|passwd|pwd|token|secret|secret_?key|api_?key|access_?key(_?id)?|account_?key|private_?key|auth_string)$"
)
"""Ends of the names of environment variables that hold secrets, of whatever program."""


def redacted(text: str) -> str:
    """Return `text` with known secrets, passwords in URLs and values of secret-looking keys replaced by ``***``."""
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    if len(text) > 16 and any(mark in text for mark in _KEY_MARKS):
        text = _KEYS.sub(HIDDEN, text)
    lower = text.lower()
    if text.isascii() and not any(mark in lower for mark in _MARKS):
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def remember_secret(value: str) -> None:
    """Replace this value from now on, in each form in which a library may quote it."""
    value = value.strip()
    if len(value) < SHORTEST or value == HIDDEN or value.lower() in ("true", "false", "null", "none"):
        return
    quoted = (quote(value, safe=""), quote(value), quote_plus(value))
    lower = (re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), q) for q in quoted)
    forms = (value, *quoted, *lower, json.dumps(value)[1:-1], repr(value)[1:-1], html.escape(value), *_in_base64(value))
    _known.update(dict.fromkeys(forms))
    if (plain := unquote(value)) != value:
        _known[plain] = None


def _in_base64(value: str) -> Iterator[str]:
    """Yield what a text looks like within base64, as of ``user:password``: by how many bytes stand before it."""
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) < 2 * SHORTEST:  # what is left of a shorter one would be found in ordinary words
        return
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        inside = text[(0, 2, 3)[before] : len(text) - (0 if (before + len(raw)) % 3 == 0 else 1)]
        yield inside
        yield inside.replace("+", "-").replace("/", "_")


def remember_address(url: str) -> None:
    """Replace an alert's address, and each part of it by which a service knows its sender."""
    remember_secret(url)
    if "://" in url:
        _addresses.add(url)
    rest = url.partition("://")[2] or url
    for part in re.split(r"[/?&#@:]", rest):
        value = part.rpartition("=")[2]
        if len(value) >= 8 and not re.fullmatch(r"[a-z.-]+|[\d.]+|[\w-]+(\.[\w-]+)+", value):  # names of hosts stay
            remember_secret(value)
    _remember_userinfo(url)


def remember_environment(environment: Mapping[str, str] | None = None) -> None:
    """Replace the values of all environment variables whose names are those of secrets; paths of files stay."""
    for name, value in (os.environ if environment is None else environment).items():
        if _ENVIRONMENT.search(name) and len(value) >= 8 and not value.startswith(("/", "~")):
            remember_secret(value)
            remember_secret(value.rpartition(":")[2])  # user:password
        elif name.startswith(OWN_VARIABLES) and "ALERT" in name:
            remember_address(value)


def remember_secrets_of(tree: Any, path: str = "") -> None:
    """Replace what a configuration has as secrets: alerts' addresses, and passwords in any URL."""
    for key, value in _texts(tree, path):
        if "${" in value:
            continue
        if key == "alert.url" or key.startswith("alert.url."):
            remember_address(value)
        elif "://" in value and "@" in value:
            _remember_userinfo(value)


def _remember_userinfo(url: str) -> None:
    """Replace the password of a URL, and a token that stands in its place."""
    rest = url.partition("://")[2]
    whole = rest.rpartition("@")[0] if rest.count("://") == 0 else ""  # one address: a slash may be in its password
    for part in dict.fromkeys([*re.findall(r"://([^\s'\"]*)@", url), whole]):
        user, colon, password = part.partition(":")
        if part and not (part == whole and re.match(r"\d{1,5}[/?#]", password)):  # a port, and an @ in the path
            remember_secret(password if colon or "/" in user else user)


def find_secrets(tree: Any) -> Iterator[str]:
    """Yield the keys, outside ``alert.url``, whose values hold a secret of the environment or of an alert.

    A value that is a URL may hold a password of its own, which is replaced where it is written.
    """
    for key, value in _texts(tree):
        if key.startswith("alert.url"):
            continue
        own_url = "://" in value
        if any(s in value for s in _addresses) or (not own_url and any(s in value for s in _known if len(s) >= 8)):
            yield key


def _texts(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the key and the text of every value that is text; values in a list have the key of the list."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _texts(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from _texts(value, path)
    elif isinstance(tree, str):
        yield path, tree


def redacted_tree(tree: Any) -> Any:
    """Return plain data with every text redacted, and everything under ``alert.url`` blotted out."""
    if isinstance(tree, Mapping):
        hidden = {}
        for key, value in tree.items():
            if key == "alert" and isinstance(value, Mapping):
                value = {k: HIDDEN if k == "url" and v else v for k, v in value.items()}
            hidden[key] = redacted_tree(value)
        return hidden
    if isinstance(tree, (list, tuple)):
        return [redacted_tree(v) for v in tree]
    return redacted(tree) if isinstance(tree, str) else tree


_VARIABLE = re.compile(r"\$\{\s*oc\.(?:env|decode)\s*:\s*([^,}\s]*)")
_SECRET = re.compile(r"(?i)passw|token|secret|credential|auth|_key|apikey|private|pwd")
OWN_VARIABLES = "VA_"
"""What the name of a variable of the environment begins with that a configuration may take."""


def looks_secret(name: str) -> bool:
    """Return whether an environment variable of this name is taken to hold a secret."""
    return _SECRET.search(name) is not None


def forbidden_env_references(tree: Any, path: str = "") -> list[str]:
    """Return a problem for each key of an unresolved config that takes what it may not from the environment.

    A configuration is kept with the run and sent to MLflow: only variables made for this program may stand in it, and
    of these what looks like a secret only in ``alert.url``, which is blotted out there.
    """
    if isinstance(tree, Mapping):
        return [p for k, v in tree.items() for p in forbidden_env_references(v, f"{path}.{k}" if path else str(k))]
    if isinstance(tree, (list, tuple)):
        return [p for i, v in enumerate(tree) for p in forbidden_env_references(v, f"{path}[{i}]")]
    if not isinstance(tree, str):
        return []
    references = []
    for name in _VARIABLE.findall(tree):
        if not name.startswith(OWN_VARIABLES):
            references.append(
                f"'{path}' takes '{name}' from the environment: not allowed in a run's config; only variables "
                f"whose name begins with {OWN_VARIABLES} are"
            )
        elif _SECRET.search(name) and not path.startswith("alert.url"):
            references.append(
                f"'{path}' takes the environment variable {name}, which looks like a secret and would be written into "
                f"the run's files: not allowed outside alert.url"
            )
    return references


def without_password(url: str) -> tuple[str, str | None, str | None]:
    """Return an ``http(s)`` URL without user and password, and the two; other URLs as they are."""
    parts = urlsplit(url)
    if parts.password:
        remember_secret(parts.password)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return url, None, None
    host = parts.netloc.rsplit("@", 1)[1]
    return parts._replace(netloc=host).geturl(), parts.username, parts.password
