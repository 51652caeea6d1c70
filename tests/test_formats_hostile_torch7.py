"""Torch7's files in which a few numbers stand for very many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganlab import GanlabError
from ganlab_formats import torch7, torch7_file
from tests.torch7_writer import Lua, View, Writer


def chain(count: int, side: int) -> Lua:
    """Linear layers without bias whose matrices all are the same numbers."""
    numbers = np.ones(side * side, np.float32)
    layers = [Lua("nn.Linear", weight=View(numbers, (side, side), (side, 1), 0)) for _ in range(count)]
    return Lua("nn.Sequential", modules=dict(enumerate(layers, 1)))


def test_many_layers_over_one_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch7_file, "SPARE", 0)
    for count in (torch7_file.MOST_TIMES, torch7_file.MOST_TIMES + 1):
        (tmp_path / f"{count}.t7").write_bytes(Writer().bytes_of(chain(count, 30)))
    assert len(torch7.load(tmp_path / f"{torch7_file.MOST_TIMES}.t7").networks[0].parts) == torch7_file.MOST_TIMES
    with pytest.raises(GanlabError, match="shares its numbers with too many others") as caught:
        torch7.load(tmp_path / f"{torch7_file.MOST_TIMES + 1}.t7")
    assert caught.value.hint


def test_a_few_numbers_may_be_shared_by_all(tmp_path: Path) -> None:
    (tmp_path / "a.t7").write_bytes(Writer().bytes_of(chain(100, 3)))
    assert len(torch7.load(tmp_path / "a.t7").networks[0].parts) == 100
