"""Read the script that draws the page's figures: Vega, Vega-Lite and Vega-Embed as one text, shipped with the package.

Bundling takes more than a second and a JavaScript engine, so it is done once for each version of vl-convert:
``python -m va_experiments.report.script_bundle`` writes the file again. Licenses of what it holds are in
``vega-licenses.txt`` beside it.
"""

from __future__ import annotations

import functools
import gzip
from importlib import metadata, resources
from pathlib import Path

from va_experiments.terminal import say

__all__ = ["EXPORTS", "bundled", "bundler", "script_bundle"]

EXPORTS = "window.vegaEmbed = vegaEmbed;"
"""What the inlined bundle offers to the page's script."""

FILE = "vega.js.gz"


@functools.cache
def script_bundle() -> str:
    """Return the script as the package ships it; its first line names what bundled it."""
    content = resources.files("va_experiments.report").joinpath("templates", FILE).read_bytes()
    return gzip.decompress(content).decode("utf-8")


def bundler() -> str:
    """Return the name and version of the library that bundles the script."""
    return f"vl-convert-python {metadata.version('vl-convert-python')}"


def bundled() -> str:
    """Bundle the script again."""
    import vl_convert

    # Trusted text, but a closing tag inside one of its strings would still end the script element.
    script = vl_convert.javascript_bundle(EXPORTS).replace("</script", r"<\/script")
    return f"/* {bundler()} */\n(function(){{{script}}})();"


if __name__ == "__main__":
    path = Path(__file__).parent / "templates" / FILE
    path.write_bytes(gzip.compress(bundled().encode("utf-8"), mtime=0))
    say(f"{path}  {path.stat().st_size / 1000:.0f} kB")
