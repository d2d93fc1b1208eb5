"""Load the drawing libraries before the report needs them, beside the fits."""

from __future__ import annotations

import contextlib

__all__ = ["warm_up"]


def warm_up() -> None:
    """Import Altair and start the renderer of static charts; nothing is said where they fail, the report says it."""
    with contextlib.suppress(Exception):
        import altair  # noqa: F401
        import vl_convert

        vl_convert.vegalite_to_svg({"mark": "point", "data": {"values": [{}]}}, allowed_base_urls=[])
