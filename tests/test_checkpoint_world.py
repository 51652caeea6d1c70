"""Checkpoints that other people trained and published behave as their README says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from ganlab import Gan, GanlabError, load_gan
from tests.door_kit import refused

pytestmark = pytest.mark.usefixtures("one_thread")


def opened(folder: Path, spec: str, **hints: Any) -> Gan:
    """One of the real files, opened; skipped where no plugin reads such files."""
    try:
        return load_gan(spec.format(folder), **hints)
    except GanlabError as error:
        if "of no format known here" in error.message or "holds no checkpoint." in error.message:
            pytest.skip(f"no reader here for {spec}")
        raise


@pytest.fixture
def world(shared_data: Path) -> Path:
    folder = shared_data / "checkpoints"
    if not folder.is_dir():
        pytest.skip("no real checkpoints here")
    return folder


class Real(NamedTuple):
    spec: str
    size: int
    channels: int
    z_dim: int
    note: str = ""
    classes: int | None = None
    judged: bool = True
    law: str | None = None


REAL = {
    "svhn32-theano": Real("{}/svhn32-theano/200_gen_params.jl", 32, 3, 100, "estimated", law="normal"),
    "celeba32-keys 11": Real("{0}/celeba32-keys/generator11.pt+{0}/celeba32-keys/discriminator11.pt", 32, 3, 100),
    "celeba32-keys 2": Real("{}/celeba32-keys#generator2.pt", 32, 3, 100),
    "anime32-example-layout": Real("{}/anime32-example-layout", 32, 3, 100),
    "fashion28-sequential": Real("{}/fashion28-sequential", 28, 1, 100),
    "cifar32-2018": Real("{}/cifar32-2018", 32, 3, 128),
    "cifar32-collapsed": Real("{}/cifar32-collapsed", 32, 3, 128, "all but constant"),
    "mario32-dashed-keys": Real("{}/mario32-dashed-keys/netG_epoch_24.pth", 32, 1, 32, judged=False),
    "mnist28-layer-stack": Real("{}/mnist28-layer-stack", 28, 1, 100, "generator.pkl was left out"),
    "mnist28-training-state": Real("{}/mnist28-training-state/generator.pth", 28, 1, 5, judged=False),
    "mnist28-conditional": Real("{}/mnist28-conditional", 28, 1, 100, "discriminator was left out", 10, False),
    "mnist32-torch-in-hdf5": Real("{}/mnist32-torch-in-hdf5/generator.h5", 32, 1, 100, judged=False),
    "anime64-keras-and-tf": Real("{}/anime64-keras-and-tf/generator.h5", 64, 3, 128, judged=False),
    "mnist28-keras-zip": Real("{}/mnist28-keras-zip/generator.keras", 28, 1, 50, judged=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_what_the_world_saved(world: Path, name: str) -> None:
    real = REAL[name]
    gan = opened(world, real.spec)
    assert (gan.image.size, gan.image.channels, gan.prior.dim) == (real.size, real.channels, real.z_dim)
    assert gan.classes == real.classes
    assert real.law in (None, gan.prior.law)
    assert (gan.discriminator is not None) == real.judged
    assert real.note in " ".join(gan.card.facts.get("notes", []))
    pictures = gan.generate(gan.latents(16, label=None if real.classes is None else 0))
    spread = float(pictures.std(0).mean()) / (gan.image.high - gan.image.low)
    assert (spread < 0.01) == (name == "cifar32-collapsed"), spread


def test_a_discriminator_alone_of_the_world(world: Path) -> None:
    gan = load_gan(str(world / "mnist32-discriminator"))
    assert (gan.image.size, gan.image.channels) == (32, 1)
    assert any("no generator" in note for note in gan.card.facts["notes"])
    assert torch.isfinite(gan.score(torch.zeros(2, 1, 32, 32))).all()


@pytest.mark.slow
def test_collapsed_pictures_come_back_with_fresh_statistics(world: Path) -> None:
    gan = opened(world, "{}/cifar32-collapsed/DCgenerator.pkl", statistics="fresh")
    assert gan.generate(gan.latents(16)).std(0).mean() > 0.05


WORLD_REFUSED = {
    "mario32-dashed-keys/mario_gan.pth": r"whole objects \(.*DCGAN_G",
    "mnist28-layer-stack/generator.pkl": "a list of 200 numbers, no weights",
    "mnist28-pickled-module/generator.pth": r"whole objects \(__main__\.Generator",
    "mnist28-pickled-module/discriminator.pth": r"whole objects \(__main__\.Discriminator",
    "mnist28-pickled-module": "whole objects",
    "plain-pickle-2018/generator.pkl": "whole objects",
    "celeba32-keys": "2 generators",
}


@pytest.mark.parametrize("name", WORLD_REFUSED)
def test_what_the_world_saved_amiss(world: Path, name: str) -> None:
    before = set(sys.modules)
    refused(world / name, WORLD_REFUSED[name])
    assert not {module for module in set(sys.modules) - before if module.startswith(("models", "Models"))}
