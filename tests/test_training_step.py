"""Each step of training is the paper's, and its randomness follows from seed and step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganlab.architectures.dcgan import DcganSettings
from ganlab.latents import STREAM_TRAINING_LATENTS, Prior
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings
from tests.test_architectures import plain_discriminator, plain_generator, with_weights_of

pytestmark = pytest.mark.usefixtures("one_thread")


class PlainGame:
    """PyTorch's DCGAN example, written out in float64: plain Adam, BCE on logits, labels of one and zero."""

    def __init__(self, trainer: Trainer) -> None:
        network = trainer.settings.network
        self.g = with_weights_of(plain_generator(network.z_dim, network.width, network.channels), trainer.generator)
        self.d = with_weights_of(plain_discriminator(network.width, network.channels), trainer.discriminator)
        self.g.double().train()
        self.d.double().train()
        settings = trainer.settings
        self.adam_g, self.adam_d = (
            torch.optim.Adam(
                net.parameters(), lr=settings.lr, betas=(settings.beta1, 0.999), fused=False, foreach=False
            )
            for net in (self.g, self.d)
        )
        self.criterion = nn.BCEWithLogitsLoss()

    def step(self, pictures: np.ndarray, z: torch.Tensor) -> tuple[float, float]:
        real = torch.from_numpy(pictures).permute(0, 3, 1, 2).double() / 127.5 - 1
        ones, zeros = torch.ones(len(real)).double(), torch.zeros(len(real)).double()
        self.d.zero_grad()
        on_real = self.d(real)
        loss_real = self.criterion(on_real, ones)
        loss_real.backward()
        fake = self.g(z.double()[:, :, None, None])
        on_fake = self.d(fake.detach())
        loss_fake = self.criterion(on_fake, zeros)
        loss_fake.backward()
        self.seen = {
            "d_real": on_real.sigmoid().mean().item(),
            "d_fake": on_fake.sigmoid().mean().item(),
            "spread": fake.std(0).mean().item(),
        }
        self.adam_d.step()
        self.gradients_d = [parameter.grad.clone() for parameter in self.d.parameters()]
        self.g.zero_grad()
        loss_g = self.criterion(self.d(fake), ones)  # labels of real ones: the non-saturating loss
        loss_g.backward()
        self.adam_g.step()
        return (loss_real + loss_fake).item(), loss_g.item()


def test_three_steps_are_those_of_an_independent_plain_implementation() -> None:
    settings = tiny_settings(network=DcganSettings(64, 3, 4, 10))
    trainer = Trainer(settings, "cpu")
    plain = PlainGame(trainer)
    pictures = Pictures(24, 64)
    for step in range(3):
        before = [parameter.detach().clone() for parameter in trainer.generator.parameters()]
        batch = pictures.batch(np.arange(8 * step, 8 * step + 8))
        log = trainer.advance(batch).numbers()
        loss_d, loss_g = plain.step(batch, Prior(10).sample(8, 0, 8 * step, stream=STREAM_TRAINING_LATENTS).z)
        assert log["loss_d"] == pytest.approx(loss_d, rel=1e-4)
        assert log["loss_g"] == pytest.approx(loss_g, rel=1e-4)
        assert {name: log[name] for name in plain.seen} == pytest.approx(plain.seen, rel=1e-3)
        for ours, theirs in zip(trainer.discriminator.parameters(), plain.gradients_d, strict=True):
            # the generator's step has left the discriminator's gradients alone
            torch.testing.assert_close(ours.grad.double(), theirs, rtol=1e-3, atol=2e-4 * theirs.abs().max().item())
        for ours, theirs in zip(trainer.generator.parameters(), plain.g.parameters(), strict=True):
            scale = theirs.grad.abs().max().item()  # type: ignore[union-attr]
            torch.testing.assert_close(ours.grad.double(), theirs.grad, rtol=1e-3, atol=2e-4 * scale)  # type: ignore[union-attr]
        moved = max(
            (new - old).abs().max().item() for new, old in zip(trainer.generator.parameters(), before, strict=True)
        )
        assert moved > 0.5 * settings.lr
    for ours, theirs in ((trainer.generator, plain.g), (trainer.discriminator, plain.d)):
        for (name, mine), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            error = (mine.double() - other).abs()
            # Adam's first steps are nearly the gradient's sign: where that is all but zero, rounding decides
            assert error.mean() <= 0.01 * settings.lr, name
            assert error.max() <= 4 * settings.lr if "running" not in name else error.max() < 1e-4, name
            assert (error > 0.05 * settings.lr).double().mean() < 0.01 or "running" in name, name


def test_real_and_generated_pictures_have_batch_statistics_of_their_own() -> None:
    """A joint batch would tell the discriminator's BatchNorm which is which only together."""
    trainer = Trainer(tiny_settings(), "cpu")
    norm = trainer.discriminator.get_submodule("down4.norm")
    seen: list[int] = []
    norm.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    trainer.advance(Pictures(8, 16).batch(np.arange(8)))
    assert seen == [8, 8, 8]  # real, generated, and generated again in the generator's step
    assert norm.num_batches_tracked == 3


def test_the_generator_moves_the_logits_up_and_the_discriminator_sees_no_gradient_of_it() -> None:
    trainer = Trainer(tiny_settings(lr=1e-3), "cpu")
    batch = Pictures(8, 16).batch(np.arange(8))
    losses = [trainer.advance(batch).numbers() for _ in range(60)]
    assert losses[-1]["loss_d"] < losses[0]["loss_d"]  # it learns to tell eight pictures apart
    assert losses[0]["d_real"] == pytest.approx(0.5, abs=0.1)
    assert all(0 <= log[key] <= 1 for log in losses for key in ("d_real", "d_fake"))
    assert losses[0]["spread"] > 0.01
    assert all(parameter.requires_grad for parameter in trainer.discriminator.parameters())


def test_every_z_and_every_order_follow_from_seed_and_step() -> None:
    trainer, again, other = (Trainer(tiny_settings(seed=seed), "cpu") for seed in (4, 4, 5))
    assert torch.equal(trainer.draws.latents(7), again.draws.latents(7))
    assert not torch.equal(trainer.draws.latents(7), trainer.draws.latents(8))
    assert not torch.equal(trainer.draws.latents(7), other.draws.latents(7))
    assert not torch.equal(trainer.draws.latents(0), trainer.settings.prior.sample(8, 4).z)  # those are for samples
    orders = [tuple(net.draws.order(epoch, 50)) for net in (trainer, other) for epoch in (0, 1)]
    assert len(set(orders)) == 4
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert tuple(again.draws.order(1, 50)) == orders[1]


def test_orders_and_training_latents_are_pinned() -> None:
    """A run that was interrupted goes on with the next version, too."""
    trainer = Trainer(tiny_settings(), "cpu")
    assert trainer.draws.order(0, 12).tolist() == [11, 0, 8, 2, 4, 3, 7, 6, 1, 9, 10, 5]
    assert trainer.draws.order(3, 12).tolist() == [5, 0, 7, 8, 6, 10, 1, 4, 9, 2, 11, 3]
    assert trainer.draws.latents(5)[0, :2].numpy().astype(">f4").tobytes().hex() == "bf4c5360bead44dc"


@pytest.mark.parametrize("law", ["uniform", "normal", "uniform01"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("channels", "kernel"), [(1, 4), (3, 5), (4, 4)])
def test_every_kind_of_network_takes_a_step(law: str, precision: str, channels: int, kernel: int) -> None:
    settings = tiny_settings(law=law, precision=precision, network=DcganSettings(16, channels, 4, 10, kernel))
    trainer = Trainer(settings, "cpu")
    log = trainer.advance(Pictures(8, 16, channels).batch(np.arange(8))).numbers()
    assert all(np.isfinite(value) for value in log.values())
    assert all(parameter.dtype == torch.float32 for parameter in trainer.generator.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_takes_the_same_steps() -> None:
    settings = tiny_settings()
    here, there = Trainer(settings, "cpu"), Trainer(settings, "cuda")
    batch = Pictures(8, 16).batch(np.arange(8))
    for _ in range(3):
        ours, theirs = here.advance(batch).numbers(), there.advance(batch).numbers()
        assert ours == pytest.approx(theirs, rel=0.05)
