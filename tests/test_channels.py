"""Pictures of other than 1, 3 or 4 channels, as level tiles are: seen in colours, computed with in all channels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import Card, Gan, GanlabError, ImageSpec, Prior, figures, open_images, save_gan
from ganlab.architectures.chain import build_chain
from ganlab.figures.palette import PALETTE, coloured, visible

from .kit import command
from .sights_kit import SIGHTS, linear

pytestmark = pytest.mark.usefixtures("one_thread")

TILES, SIDE = 10, 16


def tile_gan() -> Gan:
    """Ten channels and a discriminator of them."""
    tables = {
        "name": "chain",
        "generator": [
            {"name": "up4.linear", "kind": "linear", "inputs": 6, "outputs": 8 * 16},
            {"name": "up4.reshape", "kind": "reshape", "shape": [8, 4, 4]},
            {"name": "up4.act", "kind": "relu"},
            {"name": "output.upsample", "kind": "upsample", "factor": 4, "mode": "bilinear"},
            {"name": "output.conv", "kind": "conv", "inputs": 8, "outputs": TILES, "kernel": [3, 3], "padding": 1},
            {"name": "output.act", "kind": "tanh"},
        ],
        "discriminator": [
            {
                "name": "down8.conv",
                "kind": "conv",
                "inputs": TILES,
                "outputs": 6,
                "kernel": [4, 4],
                "stride": 2,
                "padding": 1,
            },
            {"name": "down8.act", "kind": "leaky_relu", "slope": 0.2},
            {"name": "logit.flatten", "kind": "flatten"},
            {"name": "logit.linear", "kind": "linear", "inputs": 6 * 64, "outputs": 1},
        ],
    }
    torch.manual_seed(0)
    generator, judge = build_chain({side: tables[side] for side in ("generator", "discriminator")})
    card = Card("tiles", "ten channels", tables)
    return Gan(generator, judge, prior=Prior(6), image=ImageSpec(SIDE, TILES), card=card)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_gan(tile_gan(), tmp_path / "tiles")
    return tmp_path / "tiles"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """120 pictures of one-hot tiles, in blocks."""
    index = np.random.default_rng(0).integers(0, TILES, (120, 4, 4)).repeat(4, 1).repeat(4, 2)
    np.save(tmp_path / "tiles.npy", (np.eye(TILES)[index] * 255).astype(np.uint8))
    return tmp_path / "tiles.npy"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Run `ganlab` with these words to a good end."""

    def run(*words: object) -> None:
        ended = command(capsys, *words)
        assert ended.code == 0, ended.err

    return run


def test_the_colours_differ_for_every_eye() -> None:
    for sight in SIGHTS:
        seen = np.clip(linear(PALETTE) @ sight.T, 0, 1) ** (1 / 2.4)
        apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        assert apart[np.triu_indices(len(PALETTE), 1)].min() > 0.08


def test_a_pixel_has_the_colour_of_its_largest_channel() -> None:
    images = torch.full((1, TILES, 2, 2), -3.0)
    images[0, 7, 0, 0], images[0, 2, 1, 1] = 5.0, 2.0  # beyond the range, where clipped values would be equal
    images[0, 1, 0, 0] = 1.0
    shown = ImageSpec(2, TILES).shown(images)
    assert (shown.shape, shown.dtype) == ((1, 2, 2, 3), np.uint8)
    assert np.array_equal(shown[0, [0, 1], [0, 1]], PALETTE[[7, 2]])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_rgb_and_rgba_stay_as_they_are(channels: int) -> None:
    images = torch.rand(2, channels, 4, 4) * 2 - 1
    spec = ImageSpec(4, channels)
    assert np.array_equal(spec.shown(images), spec.to_uint8(images))


def test_figures_show_arrays_of_any_channels() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 2), dtype=np.uint8)
    sheet = np.asarray(figures.grid(pictures, 2, pad=0))
    assert np.array_equal(sheet[:, :5], coloured(pictures[0].argmax(-1)))


def test_more_channels_than_colours_begin_again() -> None:
    assert np.array_equal(coloured(np.array([len(PALETTE) + 2])), PALETTE[2:3])


def test_sample_draws_tiles_in_colours(run: Callable[..., None], folder: Path, tmp_path: Path) -> None:
    run("sample", "--gan", folder, "--n", 4, "--out", tmp_path / "out")
    gan = tile_gan()
    largest = gan.generate(gan.latents(4)).argmax(1).numpy()
    assert len(np.unique(largest)) > 3
    files = sorted((tmp_path / "out" / "pictures").iterdir())
    for file, index in zip(files, largest, strict=True):
        assert np.array_equal(np.asarray(Image.open(file)), PALETTE[index])


def test_walk_draws_tiles(run: Callable[..., None], folder: Path, tmp_path: Path) -> None:
    run("walk", "--steps", "4", "--points", "3", "--gan", folder, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "figures" / "walk.png").is_file()


@pytest.mark.parametrize(
    "words", [("neighbors", "--n", "20", "--shown", "2"), ("features", "--filters", "2", "--top", "2")]
)
def test_analyses_of_data_take_arrays_of_tiles(
    run: Callable[..., None], folder: Path, data: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    run(words[0], data, *words[1:], "--gan", folder, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "result.json").is_file()


def test_data_of_tiles_keeps_its_channels(data: Path) -> None:
    images, stored = open_images(str(data)), np.load(data)
    assert np.array_equal(images.array(3, SIDE, TILES), stored[3])
    assert images.array(3, 8, TILES).shape == (8, 8, TILES)
    assert np.array_equal(np.asarray(images.picture(3)), visible(stored[3]))
    with pytest.raises(GanlabError, match="holds pictures of 10 channels, and 3 are asked for"):
        images.array(3, SIDE, 3)
