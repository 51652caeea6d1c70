"""What a notebook shows of a result: what it says, not what it holds."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ganlab.results import Figure, Metric, Result, Table


def test_a_result_is_shown_by_its_summary_numbers_and_names() -> None:
    result = Result(
        "It differs.",
        {"spread": Metric(0.41237, 0.3, 0.5, control="control"), "control": Metric(1, no_control="it is one")},
        tables={"layers": Table(["name"], [["up8"]] * 10_000)},
        figures={"samples": Figure(Image.new("RGB", (4, 4)), "Four.")},
        arrays={"z": np.zeros((1000, 100))},
        files={"boxes.json": b"x" * 100_000},
        notes=["Mind the gap.", "And the step."],
    )
    assert repr(result).splitlines() == [
        "Result: It differs.",
        "  metrics:",
        "    spread 0.412 [0.300, 0.500] (control: 1)",
        "    control 1",
        "  tables: layers",
        "  figures: samples",
        "  arrays: z",
        "  files: boxes.json",
        "  notes: 2",
    ]
    assert repr(Result("Nothing else.")) == "Result: Nothing else."


def test_of_many_names_few_are_shown() -> None:
    files = {f"pictures/{number}.png": b"" for number in range(1000)}
    metrics = {f"m{number}": Metric(number, no_control="a count") for number in range(300)}
    shown = repr(Result("Many.", metrics, files=files))
    assert len(shown) < 1500
    assert "m19 19 and 280 more" in shown
    assert "pictures/19.png and 980 more" in shown
