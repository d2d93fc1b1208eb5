"""Keep secrets out of what is written: passwords in URLs, tokens, the addresses that alerts go to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["HIDDEN", "OWN_VARIABLES", "forbidden_env_references", "redacted", "redacted_tree", "without_password"]

HIDDEN = "***"

_PATTERNS = (
    # an alert's address is a secret as a whole: most services put their token into its path
    (re.compile(r"(alert\.url\s*[=:]\s*)(\[[^\]]*\]|'[^']*'|\"[^\"]*\"|\S+)"), rf"\1{HIDDEN}"),
    (re.compile(r"(://)[^/\s@'\"]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)(authorization\s*:\s*\w+\s+)\S+"), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"(?i)((?:password|passwd|token|secret|api[_-]?key|auth_string)[\"']?\s*[=:]\s*[\"']?)[^\s,;&\"'}]+"
        ),
        rf"\1{HIDDEN}",
    ),
)


def redacted(text: str) -> str:
    """Return `text` with passwords in URLs, values of secret-looking keys and alert addresses blotted out."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


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
_SECRET = re.compile(r"(?i)passw|token|secret|credential|auth|_key|apikey|private")
OWN_VARIABLES = "VA_"
"""What the name of a variable of the environment begins with that a configuration may take."""


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
    found = []
    for name in _VARIABLE.findall(tree):
        if not name.startswith(OWN_VARIABLES):
            found.append(
                f"'{path}' takes '{name}' from the environment: not allowed in a run's config; only variables "
                f"whose name begins with {OWN_VARIABLES} are"
            )
        elif _SECRET.search(name) and not path.startswith("alert.url"):
            found.append(
                f"'{path}' takes the environment variable {name}, which looks like a secret and would be written into "
                f"the run's files: not allowed outside alert.url"
            )
    return found


def without_password(url: str) -> tuple[str, str | None, str | None]:
    """Return an ``http(s)`` URL without user and password, and the two; other URLs as they are."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return url, None, None
    host = parts.netloc.rsplit("@", 1)[1]
    return parts._replace(netloc=host).geturl(), parts.username, parts.password
