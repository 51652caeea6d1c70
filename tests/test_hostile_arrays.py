"""numpy's arrays and numbers in the files of torch: pickles that lie about them are found out."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganlab import GanlabError, plain_pickle
from ganlab.checkpoints import pytorch
from ganlab.checkpoints.plain_arrays import PlainArray, PlainType


class Call:
    """Pickled as a call with a state."""

    def __init__(self, called: Any, values: tuple[Any, ...], *state: Any) -> None:
        self.parts = (called, values, *state)

    def __reduce__(self) -> Any:
        return self.parts


def kind(code: str, flags: int = 0, fields: Any = None) -> Call:
    names = None if fields is None else tuple(fields)
    return Call(np.dtype, (code, False, True), (3, "<", None, names, fields, 8, 1, flags))


def array(stated: Any, shape: tuple[int, ...] = (8,), content: bytes = b"A" * 64) -> Call:
    reconstruct, values, _ = np.zeros(0).__reduce__()
    return Call(reconstruct, values, (1, shape, stated, False, content))


def saved(path: Path, thing: Any, legacy: bool = False) -> Path:
    weights = {"0.weight": torch.ones(4, 4)}
    torch.save({"x": thing, "net": weights}, path, _use_new_zipfile_serialization=not legacy)
    return path


def test_forged_flags_of_a_type_are_not_heeded(tmp_path: Path) -> None:
    """They would say that eight bytes are the address of an object."""
    held = pytorch.read(saved(tmp_path / "a.pth", array(kind("f8", flags=63))))["x"]
    assert held.dtype == np.dtype("<f8")
    assert not held.dtype.hasobject
    assert held.tolist() == np.frombuffer(b"A" * 64).tolist()


LIES: dict[str, Any] = {
    "objects": array(kind("O8")),
    "fields": array(kind("V8", fields={"a": (np.dtype("O"), 0)})),
    "records of objects": Call(np.float64(0).__reduce__()[0], (Call(np.dtype, ("O8,O8",)), np.zeros(4).tobytes())),
    "a number too short": Call(np.float64(0).__reduce__()[0], (kind("f8"), b"A")),
    "a type of many": array(Call(np.dtype, ("f8", False, True), (3, "9" * 9, None, None, None, -1, -1, 0))),
    "a number of elements below zero": array(kind("f8"), (-2, -4)),
    "more numbers than bytes": array(kind("f8"), (2**40,)),
    "an order of bytes for a type": array(np.float64),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_lies_about_arrays_are_refused(tmp_path: Path, lie: Any, legacy: bool) -> None:
    with pytest.raises(GanlabError) as caught:
        pytorch.read(saved(tmp_path / "a.pth", lie, legacy))
    assert caught.value.hint


def test_an_array_is_built_once() -> None:
    """A second state would take the memory away from a tensor that was made of the first."""
    made = PlainArray(np.ndarray, (0,), b"b")
    state = (1, (8,), PlainType("f8"), False, b"A" * 64)
    made.__setstate__(state)
    with pytest.raises(pickle.UnpicklingError):
        made.__setstate__(state)
    assert made.tolist() == np.frombuffer(b"A" * 64).tolist()


def test_honest_ones_come_back_and_are_written_again_as_they_were(tmp_path: Path) -> None:
    honest = {
        "numbers": [np.float64(0.5), np.float32(1.5), np.int64(-3), np.bool_(True), np.uint8(7)],
        "arrays": [np.arange(6.0).reshape(2, 3), np.arange(4, dtype=">i4"), np.array(2.0)],
        "by columns": np.asfortranarray(np.arange(6.0, dtype=np.float32).reshape(2, 3)),
        "bytes": b"\xff\x00",
    }
    path = saved(tmp_path / "a.pth", copy.deepcopy(honest))
    (tmp_path / "b.pth").write_bytes(pytorch.rewrite(path, "b.pth", lambda key, values: values)["b.pth"])
    for file in (path, tmp_path / "b.pth"):
        held = pytorch.read(file)["x"]
        for place in ("numbers", "arrays"):
            for one, before in zip(held[place], honest[place], strict=True):
                assert (one.dtype, one.shape) == (before.dtype.newbyteorder("="), before.shape)
                assert np.array_equal(one, before)
        assert np.array_equal(held["by columns"], honest["by columns"])
        assert held["by columns"].flags.f_contiguous
        assert held["bytes"] == b"\xff\x00"
    plain = torch.load(tmp_path / "b.pth", weights_only=False)["x"]  # by numpy itself
    assert type(plain["arrays"][0]) is np.ndarray


def test_numbers_of_numpy_in_plain_pickles() -> None:
    held = plain_pickle(pickle.dumps({"x": np.float64(0.5), "y": np.arange(3)}, 2))
    assert held["x"] == 0.5
    assert type(held["y"]) is np.ndarray
