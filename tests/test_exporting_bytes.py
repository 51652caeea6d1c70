"""Edited GANs written back are, byte for byte, what the format's own writer makes of the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganlab.checkpoints.exporting import export_gan
from ganlab_formats import tf_bundle, tf_checkpoint
from tests import tensorflow_writer as tensorflow
from tests import torch7_writer as lua
from tests.export_files_kit import modules_of, t7
from tests.export_kit import changed_everywhere

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("element", ["Float", "Double"])
def test_torch7_as_it_would_have_written(tmp_path: Path, element: str) -> None:
    like = lua.save(tmp_path / "net.t7", lua.lua_generator(), element=element)
    edited = changed_everywhere(t7(like), "bias")
    export_gan(edited, like, tmp_path / "new.t7")
    modules = lua.lua_generator()
    expected = iter([value for name, value in edited.generator.state_dict().items() if name.endswith("bias")])
    for module in modules_of(modules):
        if module.fields.get("bias") is not None:
            module.fields["bias"] = next(expected).numpy()
    lua.save(tmp_path / "expected.t7", modules, element=element)
    assert (tmp_path / "new.t7").read_bytes() == (tmp_path / "expected.t7").read_bytes()


@pytest.mark.parametrize(("dtype", "number"), [("<f4", 1), ("<f8", 2), ("<f2", 19)])
def test_tensorflow_as_it_would_have_written(tmp_path: Path, dtype: str, number: int, monkeypatch: Any) -> None:
    entry = tensorflow.entry
    monkeypatch.setattr(tensorflow, "entry", lambda values, *place: entry(values, *place, dtype=number))
    before = {f"layer{place}/kernel": values.astype(dtype) for place, values in enumerate(tensors())}
    after = {name: values * 2 if name != "layer1/kernel" else values for name, values in before.items()}
    prefix = tensorflow.write(tmp_path / "model", before, shards=2)
    tensorflow.write(tmp_path / "new", after, shards=2)
    files = tf_checkpoint.rewrite(prefix, "new", lambda name, values: after[name])
    assert files == {name: (tmp_path / name).read_bytes() for name in files}
    assert list(files)[-1] == "new.index"


def tensors() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(size=size) for size in ((4, 4, 3, 9), (7,), (0,), (300, 5), (300,), (300,), (300,))]


def test_bfloat16_is_rounded_as_torch_rounds() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    ours = np.frombuffer(tf_bundle._packed(values.numpy(), tf_bundle.BFLOAT16), "<i2")
    assert np.array_equal(ours, values.bfloat16().view(torch.int16).numpy())
