"""Pictures as bytes, and batches that become smaller where memory does not suffice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganlab.errors import GanlabError
from ganlab.imagespec import ImageSpec
from ganlab.networks.devices import is_out_of_memory
from tests import children
from tests.children import Child
from tests.gan_kit import Block, small

pytestmark = pytest.mark.usefixtures("one_thread")

# pictures as bytes


@given(low=st.sampled_from([-1.0, 0.0]), channels=st.sampled_from([1, 3, 4]), seed=st.integers(0, 100))
@settings(max_examples=20)
def test_bytes_come_back(low: float, channels: int, seed: int) -> None:
    spec = ImageSpec(5, channels, low, 1.0)
    pictures = np.random.default_rng(seed).integers(0, 256, (2, 5, 5, channels), dtype=np.uint8)
    images = spec.from_uint8(pictures)
    assert images.shape == (2, channels, 5, 5)
    assert low <= images.min()
    assert images.max() <= 1
    assert np.array_equal(spec.to_uint8(images), pictures)


def test_values_outside_the_range_are_clipped() -> None:
    assert ImageSpec(1, 1).to_uint8(torch.tensor([-7.0, -1, 0, 1, 9]).view(5, 1, 1, 1)).ravel().tolist() == [
        0,
        0,
        128,
        255,
        255,
    ]


@pytest.mark.parametrize("changes", [{"size": 0}, {"channels": 0}, {"low": 1.0}, {"low": float("nan")}])
def test_no_picture_has_no_size_or_range(changes: dict[str, float]) -> None:
    with pytest.raises(GanlabError, match="fits no picture"):
        ImageSpec(**changes)  # type: ignore[arg-type]


# memory


class Greedy(nn.Module):
    """Needs more memory than there is for more than so many pictures."""

    def __init__(self, most: int, error: BaseException) -> None:
        super().__init__()
        self.block, self.last = Block(), nn.Conv2d(6, 3, 1)
        self.most, self.error, self.sizes = most, error, []  # type: ignore[var-annotated]

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(z))
        if len(z) > self.most:
            raise self.error
        return self.last(self.block(z))


MEMORY_ERRORS = [
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    RuntimeError("could not create a memory object"),
    RuntimeError("std::bad_alloc"),
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
]


@pytest.mark.parametrize("error", MEMORY_ERRORS, ids=lambda error: type(error).__name__)
def test_smaller_batches_when_memory_does_not_suffice(error: BaseException) -> None:
    assert is_out_of_memory(error)
    gan = small(Greedy(8, error))
    latents = gan.latents(100)
    rows: list[int] = []

    def note(features: torch.Tensor, these: torch.Tensor) -> torch.Tensor:
        rows.extend(these.tolist())
        return features

    with gan.edit({"block": note}):
        images = gan.generate(latents)
    assert gan.generator.sizes[:4] == [64, 32, 16, 8]
    assert max(gan.generator.sizes[4:]) == 8
    assert rows == list(range(100))
    gan.generator.most = 1000
    torch.testing.assert_close(images, gan.generate(latents))


def test_fewer_rows_than_a_batch_are_not_sent_again_as_they_are() -> None:
    gan = small(Greedy(4, MEMORY_ERRORS[0]))
    gan.generate(gan.latents(10))
    assert gan.generator.sizes == [10, 5, 2, 2, 2, 2, 2]


def test_no_memory_for_one_picture_ends_in_a_sentence() -> None:
    gan = small(Greedy(0, MEMORY_ERRORS[0]))
    with pytest.raises(GanlabError, match="does not fit into the memory of cpu"):
        gan.generate(gan.latents(3))


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("memory"), KeyboardInterrupt()])
def test_other_errors_are_not_mistaken_for_memory(error: BaseException) -> None:
    gan = small(Greedy(0, error))
    with pytest.raises(type(error)):
        gan.generate(gan.latents(1))
    assert gan.generator.sizes == [1]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no way to see how much memory is taken")
def test_memory_that_truly_ends_ends_in_a_sentence(tmp_path: Path) -> None:
    """A real limit on the process's memory: first smaller batches, then a word instead of a crash."""
    child = Child(tmp_path, children.run_out_of_memory)
    assert child.wait() == 0, child.output
    *drawn, built = child.output.splitlines()
    assert built == "A DCGAN of width 64 does not fit into memory."
    assert len(drawn) == 5
    for ending in drawn:
        assert ending.partition(" smallest batch ")[0] in (
            "drawn",
            "64 results do not fit into memory at once.",
            "One picture of 'unnamed' does not fit into the memory of cpu.",
        )
    assert any(not ending.endswith(" 64") for ending in drawn)


@pytest.mark.parametrize(
    ("size", "count", "each"), [(64, 200, 1), (64, 200, 15), (64, 3, 5000), (512, 100, 9), (64, 0, 1)]
)
def test_chunks_cover_everything_once_and_fit_a_fixed_space(size: int, count: int, each: int) -> None:
    chunks = ImageSpec(size).chunks(count, each)
    assert [row for chunk in chunks for row in range(count)[chunk]] == list(range(count))
    rows = max((chunk.stop - chunk.start for chunk in chunks), default=0)
    assert rows <= 1 or (rows <= 64 and rows * each * 4 * 3 * size**2 <= 2**26)


def test_small_things_are_worked_on_by_the_dozen() -> None:
    assert ImageSpec(64).chunks(200, 15)[0] == slice(0, 64)
