"""Bundle the scripts that draw the page's figures (Vega, Vega-Lite, Vega-Embed), cached on disk between runs.

Bundling takes more than a second. The file becomes script in a page, so it is read only from a folder that nobody else
can write to, and only with the SHA-256 that stands in its first line.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
from importlib import metadata
from pathlib import Path

from va_experiments.results.table_files import write_whole

__all__ = ["EXPORTS", "script_bundle"]

EXPORTS = "window.vegaEmbed = vegaEmbed;"
"""What the inlined bundle offers to the page's script."""
_FORMAT = "1"


@functools.cache
def script_bundle(cache: Path | None = None) -> str:
    """Return the script.

    Parameters
    ----------
    cache : Path, optional
        Folder in which it is kept.
    """
    if cache is None:
        return _bundled()
    identity = "|".join((_FORMAT, metadata.version("vl-convert-python"), EXPORTS))
    path = cache / f"vega-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.js"
    if (kept := _read(path)) is not None:
        return kept
    text = _bundled()
    with contextlib.suppress(OSError):  # it is made again next time
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode()
        write_whole(path, lambda p: p.write_bytes(content))
    return text


def _bundled() -> str:
    import vl_convert

    # Trusted text, but a closing tag inside one of its strings would still end the script element.
    return "(function(){" + vl_convert.javascript_bundle(EXPORTS).replace("</script", r"<\/script") + "})();"


def _read(path: Path) -> str | None:
    """Return the kept script, or None where it is not there, damaged, or others could have written it."""
    try:
        for place in (path.parent, path):
            about = os.lstat(place)
            if (
                about.st_uid != os.geteuid()
                or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
                or stat.S_ISLNK(about.st_mode)
            ):
                return None
        digest, _, text = path.read_bytes().decode("utf-8").partition("\n")
    except (OSError, UnicodeError):
        return None
    return text if hashlib.sha256(text.encode()).hexdigest() == digest else None
