"""A result with a part of every kind, and what a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganlab.results import Figure, Metric, Result, Table


def picture(colour: tuple[int, int, int] = (200, 40, 90)) -> Image.Image:
    return Image.new("RGB", (6, 4), colour)


def a_result(**changes: Any) -> Result:
    parts: dict[str, Any] = {
        "summary": "Dropping 3 filters took windows from 62% to 4%.",
        "metrics": {
            "after": Metric(0.04, 0.02, 0.08, 200, control="random", about="share of pictures with a window"),
            "random": Metric(np.float32(0.5), n=np.int64(20), no_control="it is the control"),
        },
        "tables": {"layers": Table(["layer", "auc", "kept"], [["up8", np.float64(0.5), None], ["up16", 0.9, True]])},
        "figures": {"rows": Figure(picture(), "Rows of pictures.")},
        "arrays": {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "one": np.array(3)},
        "files": {"more/filters.json": b"[1, 2]"},
        "notes": ["Judged by nobody."],
        "record": {"analysis": "probe", "options": {"n": 200}, "gan": {"name": "tiny", "hash": "3fa9c1d2e4b0"}},
    }
    return Result(**(parts | changes))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
