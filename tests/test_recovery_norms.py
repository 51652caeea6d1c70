"""Norms whose statistics a file does not hold: of which kind they are taken to be, and who may say otherwise."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganlab import Gan, GanlabError, Hints
from ganlab.recovery.recover import recover
from tests.recovery_kit import Reshape
from tests.stripped_kit import NEAR, Z, decided, far, seen, stored, transposed

pytestmark = pytest.mark.usefixtures("one_thread")


def scattered(network: nn.Module) -> nn.Module:
    """Scales and shifts of its norms that tell them from others."""
    torch.manual_seed(3)
    for norm in network.modules():
        if isinstance(norm, (nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm, nn.BatchNorm2d)):
            nn.init.normal_(norm.weight, 1, 0.3)
            nn.init.normal_(norm.bias, 0, 0.3)
    return network.eval()


def critic(norm: nn.Module) -> nn.Module:
    """Of 16x16, three channels, in a widely copied layout for gradient penalties."""
    return scattered(
        nn.Sequential(
            *(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1, bias=False), norm),
            *(nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 4)),
        )
    )


def opened(generator: nn.Module, judge: nn.Module | None = None, **hints: Any) -> Gan:
    """As from a file of PyTorch's."""
    held = replace(stored(generator, judge, scramble=False), keeps_statistics=True)
    return recover(held, "made", Hints(**hints))


def drawing() -> nn.Module:
    return seen(nn.Sequential(*transposed()))


def off(gan: Gan, judge: nn.Module) -> float:
    """The largest difference of scores, as a part of their spread."""
    pictures = gan.generate(gan.latents(32))
    with torch.no_grad():
        scores = judge(pictures).flatten()
    return float((gan.score(pictures) - scores).abs().max() / scores.std())


def test_a_critics_norms_are_taken_over_each_picture() -> None:
    judge = critic(nn.InstanceNorm2d(16, affine=True))
    gan = opened(drawing(), judge)
    assert off(gan, judge) < 0.01
    decision = decided(gan)["kind of the discriminator's norms"]
    assert (decision["chosen"], decision["certain"]) == ("instance_norm", False)
    assert "group_norm, batch_norm" in decision["runner_up"]
    assert not any("kind of the generator" in what for what in decided(gan))
    alone = recover(replace(stored(judge, scramble=False), keeps_statistics=True), "made", Hints(image_size=16))
    assert decided(alone)["kind of the discriminator's norms"]["chosen"] == "instance_norm"
    pictures = gan.generate(gan.latents(8))
    torch.testing.assert_close(alone.score(pictures), gan.score(pictures))


@pytest.mark.parametrize(("said", "norm"), [("group_norm 4", nn.GroupNorm(4, 16)), ("batch_norm", None)])
def test_a_card_says_the_kind(said: str, norm: nn.Module | None, tmp_path: Path) -> None:
    judge = critic(norm or nn.BatchNorm2d(16, track_running_stats=False))
    card = tmp_path / "card.toml"
    card.write_text(f'[architecture]\ndiscriminator_norm = "{said}"\n')
    gan = opened(drawing(), judge, card=card)
    assert decided(gan)["kind of the discriminator's norms"]["evidence"] == "as you said"
    if norm is not None:
        assert off(gan, judge) < 0.01
    else:
        assert off(gan, judge.train()) < 0.5  # statistics of a batch against those of many
        assert any("discriminator's norms were estimated" in note for note in gan.card.notes)
    card.write_text('[architecture]\ndiscriminator_norm = "norm"\n')
    with pytest.raises(GanlabError, match="discriminator_norm cannot be 'norm'"):
        opened(drawing(), judge, card=card)


def test_a_generators_norms_are_taken_over_each_picture() -> None:
    flat = scattered(
        nn.Sequential(
            *(nn.Linear(Z, 32), nn.LayerNorm(32), nn.LeakyReLU(0.2), nn.Linear(32, 48), nn.LayerNorm(48)),
            *(nn.LeakyReLU(0.2), nn.Linear(48, 784), nn.Tanh(), Reshape(1, 28, 28)),
        )
    )
    maps = scattered(
        nn.Sequential(
            *(Reshape(Z, 1, 1), nn.ConvTranspose2d(Z, 16, 4, bias=False), nn.InstanceNorm2d(16, affine=True)),
            *(nn.ReLU(), nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.InstanceNorm2d(8, affine=True)),
            *(nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh()),
        )
    )
    gan = opened(flat, activation="leaky_relu 0.2")
    assert far(gan, flat) <= NEAR
    assert decided(gan)["kind of the generator's norms"]["chosen"] == "layer_norm"
    gan = opened(maps, activation="relu")
    assert far(gan, maps) <= NEAR
    assert decided(gan)["kind of the generator's norms"]["chosen"] == "instance_norm"
    assert not any("estimated" in note for note in gan.card.notes)


def test_formats_that_keep_no_statistics_and_fresh_ones_mean_batch_norm() -> None:
    judge = critic(nn.BatchNorm2d(16, track_running_stats=False))
    held = stored(drawing(), judge, scramble=False)
    fresh = recover(replace(held, keeps_statistics=True), "made", Hints(statistics="fresh"))
    for gan in (recover(held, "made"), fresh):
        assert not any("kind of" in what for what in decided(gan))
        assert gan.discriminator is not None
        assert any(isinstance(layer, nn.BatchNorm2d) for layer in gan.discriminator.modules())


@pytest.mark.parametrize(("name", "file"), [("bn1", "made"), ("batch_norm_2", "made"), ("n1", "runs/g_ema.pt")])
def test_norms_that_are_called_batch_norm_are_and_those_of_averages_too(name: str, file: str) -> None:
    layers = transposed()
    names = [str(place) for place in range(len(layers))]
    names[2], names[5] = name, f"{name}0"
    network = seen(nn.Sequential(OrderedDict(zip(names, layers, strict=True))))
    held = stored(network, scramble=False)
    without = tuple(
        replace(part, tensors={role: value for role, value in part.tensors.items() if role in ("weight", "bias")})
        for part in held.networks[0].parts
    )
    held = replace(held, networks=(replace(held.networks[0], parts=without),), keeps_statistics=True)
    gan = recover(held, file)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in gan.generator.modules())
    assert not any("kind of" in what for what in decided(gan))
    called = tuple(replace(part, name=part.name.replace(name, "n1")) for part in without)
    guessed = recover(replace(held, networks=(replace(held.networks[0], parts=called),)), "made")
    assert any(
        "taken for instance_norm. If they are BatchNorms, say --statistics fresh" in n for n in guessed.card.notes
    )
