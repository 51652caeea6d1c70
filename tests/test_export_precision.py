"""A copy holds what it should, to the last bit of the precision that its file has."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from ganlab import GanlabError
from ganlab.checkpoints import pytorch
from ganlab.checkpoints.exporting import _prove
from ganlab.checkpoints.origins import Origin
from ganlab.checkpoints.tracing import Tensors

NAME = ("generator", "a.weight")


def prove(wanted: torch.Tensor, back: torch.Tensor) -> None:
    def weights_of(files: Mapping[str, bytes], name: str) -> Tensors:
        return {cast(Any, NAME): back}

    origin = SimpleNamespace(weights_of=weights_of, path=Path("a.pth"), key=lambda side, name: name)
    _prove(cast(Origin, origin), {cast(Any, NAME): wanted}, {}, "new.pth")


def test_numbers_come_back_as_the_files_precision_rounds_them() -> None:
    wanted = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    for precision in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        prove(wanted, wanted.to(precision).float())


@pytest.mark.parametrize(
    "off",
    [lambda w: w * (1 + 2.0**-8), lambda w: w + 1e-9, lambda w: w.roll(1), lambda w: torch.full_like(w, torch.inf)],
)
def test_anything_else_is_refused(off: Any) -> None:
    """Numbers as small as 1e-9 too: a layer may be made of them."""
    wanted = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 1e-9
    with pytest.raises(GanlabError, match=r"cannot hold what 'a\.weight' has become"):
        prove(wanted, off(wanted))


def test_what_half_precision_makes_infinite_is_refused() -> None:
    with pytest.raises(GanlabError, match="cannot hold"):
        prove(torch.tensor([1e6, 1.0]), torch.tensor([1e6, 1.0]).half().float())


@pytest.mark.parametrize("zip_file", [False, True], ids=["legacy", "zip"])
def test_files_of_torch_stay_of_their_kind(zip_file: bool, tmp_path: Path) -> None:
    document = {"0.weight": torch.randn(4, 4), "0.bias": torch.zeros(4)}
    torch.save(copy.copy(document), tmp_path / "a.pth", _use_new_zipfile_serialization=zip_file)
    content = pytorch.rewrite(tmp_path / "a.pth", "new.pth", lambda key, values: values * 2)["new.pth"]
    assert zipfile.is_zipfile(io.BytesIO(content)) == zip_file
    back = torch.load(io.BytesIO(content), weights_only=True)
    assert torch.equal(back["0.weight"], document["0.weight"] * 2)
