"""Where a reader puts each number of a file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ganlab.checkpoints import tracing


def test_every_number_is_found_wherever_a_reader_puts_it() -> None:
    """70,000 numbers in half precision, turned and cut; what is computed is none of them."""
    random = np.random.default_rng(0)
    arrays = {"a": random.normal(size=(200, 300)).astype(np.float16), "b": random.normal(size=10_000)}

    def rewrite(change: tracing.Change) -> dict[str, bytes]:
        return {key: change(key, values).astype(values.dtype).tobytes() for key, values in arrays.items()}

    def read(files: Mapping[str, bytes]) -> tracing.Tensors:
        a = np.frombuffer(files["a"], np.float16).reshape(200, 300).astype(np.float32)
        b = np.frombuffer(files["b"], np.float64).astype(np.float32)
        found = {"turned": a.T[::-1].copy(), "cut": b[100:200].copy(), "joined": np.concatenate([b[:2], a[0, :2]])}
        found |= {"ones": np.ones(5, np.float32), "zeros": np.zeros(5, np.float32), "fives": np.full(5, 5, np.float32)}
        found |= {"sum": b[:50] + b[50:100], "inverse": b[:50] ** -2, "none": b[:5] * np.float32(np.nan)}
        return {("generator", name): torch.from_numpy(values) for name, values in found.items()}

    places = {name: values.numpy() for (_, name), values in tracing.trace(rewrite, read).items()}
    count = np.arange(60_000).reshape(200, 300)
    assert np.array_equal(places["turned"], count.T[::-1])
    assert np.array_equal(places["cut"], 60_000 + np.arange(100, 200))
    assert places["joined"].tolist() == [60_000, 60_001, 0, 1]
    for computed in ("ones", "zeros", "fives", "sum", "inverse", "none"):
        assert (places[computed] == tracing.NOWHERE).all(), computed
