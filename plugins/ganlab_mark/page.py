"""The page put together: one file that needs no other, no server and no network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LARGEST = 200 * 10**6  # characters of pictures; more make browsers slow or fail

_FOLDER = Path(__file__).with_name("page")
# in this order
_SCRIPTS = ("files", "marks", "work", "names", "editor", "overview", "app", "telling", "exchange", "keys")


def assemble(content: Mapping[str, Any]) -> bytes:
    """The page; ``content`` is what marks.js and app.js read.

    Its content security policy lets only the page's own script and style run and nothing be fetched.
    """
    import jinja2

    script = "\n".join((_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    style = (_FOLDER / "style.css").read_text(encoding="utf-8")
    data = json.dumps(content, allow_nan=False, separators=(",", ":"))
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        (_FOLDER / "page.html").read_text(encoding="utf-8")
    )
    page = template.render(
        gan=content["gan"],
        checkpoint=content["checkpoint"],
        script=script,
        style=style,
        script_hash=_digest(script),
        style_hash=_digest(style),
        data=data.replace("<", "\\u003c"),  # no name can end the block that holds it
    )
    return page.encode("utf-8", "xmlcharrefreplace")


def png(image: np.ndarray) -> str:
    """A picture (h, w, 1, 3 or 4) as PNG, in base64."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
