"""A GAN opened up: what it draws depends on z alone, with trained weights and with fresh ones."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.latents import Latents
from ganlab.networks import batches
from ganlab.networks.devices import choose_device
from ganlab.testing import tiny_gan
from tests.gan_kit import Block, small

pytestmark = pytest.mark.usefixtures("one_thread")

LEVEL = 2 / 255  # one level of a picture from -1 to 1


# pictures


def test_pictures_do_not_depend_on_their_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = tiny_gan(size=32)
    latents = gan.latents(70, seed=3)
    whole = gan.generate(latents)
    assert whole.shape == (70, 3, 32, 32)
    assert whole.dtype == torch.float32
    assert whole.std() > 0.1
    single = torch.cat([gan.generate(latents[[row]]) for row in range(0, 70, 7)])
    assert (single - whole[::7]).abs().max() < LEVEL
    for size in (1, 5, 33):
        monkeypatch.setattr(batches, "LARGEST_BATCH", size)
        assert (gan.generate(latents) - whole).abs().max() < LEVEL
    reverse = gan.generate(latents[::-1])
    assert (reverse.flip(0) - whole).abs().max() < LEVEL


def test_scores_do_not_depend_on_their_batch() -> None:
    gan = tiny_gan()
    images = gan.generate(gan.latents(70))
    scores = gan.score(images)
    assert scores.shape == (70,)
    torch.testing.assert_close(torch.cat([gan.score(image[None]) for image in images]), scores, atol=1e-4, rtol=1e-4)


def test_networks_are_frozen_in_eval_mode_and_do_nothing_in_place() -> None:
    generator = nn.Sequential(Block(), nn.BatchNorm2d(6), nn.LeakyReLU(inplace=True), nn.Conv2d(6, 3, 1)).train()
    gan = small(generator)
    assert not any(module.training for module in gan.generator.modules())
    assert not any(parameter.requires_grad for parameter in gan.generator.parameters())
    assert not any(getattr(module, "inplace", False) for module in gan.generator.modules())
    before = gan.hash
    gan.generate(gan.latents(100))
    assert gan.hash == before  # BatchNorm's statistics stand still


def test_no_pictures_of_no_latents() -> None:
    gan = tiny_gan()
    assert gan.generate(gan.latents(0)).shape == (0, 3, 16, 16)
    assert gan.score(torch.empty(0, 3, 16, 16)).shape == (0,)


def test_z_may_be_of_any_floating_type() -> None:
    gan = tiny_gan()
    z = gan.latents(3).z
    assert torch.equal(gan.generate(z.double()), gan.generate(z))


@pytest.mark.parametrize("shape", [(3,), (3, 9), (3, 10, 1, 1), (0,)])
def test_z_of_another_shape_is_told(shape: tuple[int, ...]) -> None:
    with pytest.raises(GanlabError, match=r"\(n, 10\)"):
        tiny_gan().generate(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 1, 16, 16), (2, 3, 32, 32)])
def test_pictures_of_another_shape_are_told(shape: tuple[int, ...]) -> None:
    with pytest.raises(GanlabError, match="takes"):
        tiny_gan().score(torch.zeros(shape))


def test_a_missing_discriminator_is_told() -> None:
    gan = small(Block())
    for ask in (lambda: gan.score(torch.zeros(1, 3, 4, 4)), lambda: gan.layers("discriminator")):
        with pytest.raises(GanlabError, match="no discriminator"):
            ask()


# untrained, other device, classes


def test_untrained_is_the_same_network_with_fresh_weights() -> None:
    gan = tiny_gan()
    fresh = gan.untrained(5)
    assert fresh.hash not in (gan.hash, gan.untrained(6).hash)
    assert fresh.hash == gan.untrained(5).hash
    assert fresh.layers() == gan.layers()
    assert fresh.generate(gan.latents(2)).shape == (2, 3, 16, 16)
    assert gan.alone("generator").untrained(5).discriminator is None
    with pytest.raises(GanlabError, match="seed"):
        gan.untrained(2**63)


@pytest.mark.parametrize("classes", [0, 3])
def test_an_untrained_generator_normalises_as_training_began(classes: int) -> None:
    """By the mean and variance of its own samples: with 0 and 1 its pictures are one flat grey, which is no control."""
    gan = tiny_gan(classes=classes)
    fresh = gan.untrained(5)
    latents = gan.latents_in_turn(200)
    with fresh.record("up8.conv") as recording:
        drawn = fresh.generate(latents)
    maps, norm = recording["up8.conv"], fresh.generator.up8.norm
    assert ((norm.running_mean - maps.mean((0, 2, 3))).abs() < 0.2 * maps.std((0, 2, 3))).all()
    torch.testing.assert_close(norm.running_var, maps.var((0, 2, 3)), rtol=0.2, atol=0)
    began = copy.deepcopy(fresh.generator).train()(latents.z, *([latents.labels] if classes else []))
    assert drawn.std(0).mean() == pytest.approx(float(began.std(0).mean()), rel=0.1)
    if classes:
        assert gan.of_class(1).untrained(5).hash == fresh.hash
        assert gan.of_class(1).untrained(5).label == 1


def test_an_untrained_generator_without_batchnorm_is_as_its_layers_begin() -> None:
    gan = small(nn.Sequential(nn.Linear(10, 48), nn.Tanh(), nn.Unflatten(1, (3, 4, 4))))
    torch.manual_seed(4)
    assert torch.equal(gan.untrained(4).generator[0].weight, nn.Linear(10, 48).weight)


def test_untrained_without_an_architecture_has_the_weights_its_layers_draw() -> None:
    judge = nn.Sequential(nn.Conv2d(3, 4, 4, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1), nn.Flatten(0))
    judge[1].running_mean.fill_(3)
    gan, state = small(Block(), discriminator=judge), torch.get_rng_state()
    one, again, other = (gan.untrained(seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert one.hash == again.hash
    assert len({one.hash, other.hash, gan.hash}) == 3
    torch.manual_seed(0)
    assert torch.equal(one.discriminator[0].weight, nn.Conv2d(3, 4, 4, bias=False).weight)
    assert one.discriminator[1].running_mean.count_nonzero() == 0
    assert judge[1].running_mean.eq(3).all()
    assert one.name == "unnamed-untrained"


def test_a_network_that_nobody_can_draw_anew_has_no_untrained_one() -> None:
    normed = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 1, 4)), nn.Flatten(0))
    gan = small(Block(), discriminator=normed)
    with pytest.raises(GanlabError, match=r"discriminator of .* untrained: nobody knows how to draw its 0"):
        gan.untrained(0)
    assert gan.alone("generator").untrained(0).discriminator is None
    with pytest.raises(GanlabError, match="seed"):
        gan.untrained(2**64)
    with pytest.raises(GanlabError, match="no generator"):
        gan.alone("discriminator").alone("generator")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "mps", "meta", "xla", "", "cpu:x", "hpu", "cuda"])
def test_a_device_that_is_not_there_is_told(device: str) -> None:
    if device in ("cuda", "mps") and getattr(torch, device).is_available():
        pytest.skip("this machine has it")
    for ask in (lambda: choose_device(device), lambda: tiny_gan().to(device)):
        with pytest.raises(GanlabError, match="no device"):
            ask()


def test_a_copy_on_a_device_draws_the_same() -> None:
    gan = tiny_gan()
    moved = gan.to("cpu")
    assert moved.generator is not gan.generator
    assert torch.equal(moved.generate(gan.latents(2)), gan.generate(gan.latents(2)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_draws_what_the_cpu_draws() -> None:
    gan = tiny_gan(size=64, width=16)
    there = gan.to("cuda")
    assert there.hash == gan.hash
    assert (there.generate(gan.latents(70)) - gan.generate(gan.latents(70))).abs().max() < LEVEL


def test_classes_go_with_the_latents() -> None:
    class Conditional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.last, self.of_class = Block(), nn.Conv2d(6, 3, 1), nn.Embedding(10, 3)

        def forward(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            return self.last(self.block(z)) + self.of_class(label)[:, :, None, None]

    gan = small(Conditional(), classes=10)
    sevens, twos = gan.latents(70, label=7), gan.latents(70, label=2)
    assert torch.equal(sevens.z, twos.z)
    difference = gan.generate(sevens) - gan.generate(twos)
    assert difference.abs().min() > 0
    assert torch.allclose(difference, difference[:1, :, :1, :1].expand_as(difference), atol=1e-5)
    mixed = Latents(sevens.z, 0, sevens.index, torch.arange(70) % 10)
    assert torch.allclose(gan.generate(mixed)[::10], gan.generate(gan.latents(70, label=0))[::10], atol=1e-6)
    assert gan.hidden_layers()[0].name == "block"
    for ask in (
        lambda: gan.latents(1),
        lambda: gan.latents(1, label=10),
        lambda: gan.latents(1, label=-1),
        lambda: gan.generate(sevens.z),
        lambda: tiny_gan().latents(1, label=0),
        lambda: tiny_gan().generate(Latents(torch.zeros(1, 10), None, np.zeros(1, int), torch.zeros(1))),
    ):
        with pytest.raises(GanlabError, match="class"):
            ask()
