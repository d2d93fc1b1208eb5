"""Turn SVG files into PNG and PDF: ``python render_script.py FOLDER FORMAT...``, a process of its own.

The renderer is native code that ends its process where memory is short. As a script it imports nothing of the package.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["main"]


def main(folder: Path, formats: list[str]) -> None:
    """Write each SVG of a folder in these formats beside it; PNG with twice the pixels of the screen."""
    import vl_convert

    for svg in sorted(folder.glob("*.svg")):
        text = svg.read_text(encoding="utf-8")
        for form in formats:
            payload = vl_convert.svg_to_png(text, scale=2) if form == "png" else vl_convert.svg_to_pdf(text)
            svg.with_suffix(f".{form}").write_bytes(payload)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
