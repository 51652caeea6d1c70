"""The steps are the paper's, and a run that is lost stops with a word and its last good state."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ganlab.architectures.dcgan import DcganSettings, build_dcgan
from ganlab.checkpoints import load_gan
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.latents import STREAM_TRAINING_LATENTS, Prior
from ganlab.networks import weights_digest
from ganlab.training import loop, runs
from ganlab.training.loop import Moment
from ganlab.training.settings import TrainSettings
from ganlab.training.state import STATE, load_state
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, no_plots, one_thread, tiny_settings, tree  # noqa: F401 (two are fixtures)
from tests.test_architectures import plain_discriminator, plain_generator, with_weights_of

# the step


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
        loss_real = self.criterion(self.d(real), ones)
        loss_real.backward()
        fake = self.g(z.double()[:, :, None, None])
        loss_fake = self.criterion(self.d(fake.detach()), zeros)
        loss_fake.backward()
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
    assert torch.equal(trainer.latents(7), again.latents(7))
    assert not torch.equal(trainer.latents(7), trainer.latents(8))
    assert not torch.equal(trainer.latents(7), other.latents(7))
    assert not torch.equal(trainer.latents(0), trainer.settings.prior.sample(8, 4).z)  # those are for samples
    orders = [tuple(net.order(epoch, 50)) for net in (trainer, other) for epoch in (0, 1)]
    assert len(set(orders)) == 4
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert tuple(again.order(1, 50)) == orders[1]


def test_orders_and_training_latents_are_pinned() -> None:
    """A run that was interrupted goes on with the next version, too."""
    trainer = Trainer(tiny_settings(), "cpu")
    assert trainer.order(0, 12).tolist() == [11, 0, 8, 2, 4, 3, 7, 6, 1, 9, 10, 5]
    assert trainer.order(3, 12).tolist() == [5, 0, 7, 8, 6, 10, 1, 4, 9, 2, 11, 3]
    assert trainer.latents(5)[0, :2].numpy().astype(">f4").tobytes().hex() == "bf4c5360bead44dc"


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


# beyond the paper, off by default


def judged(trainer: Trainer, batch: np.ndarray) -> list[torch.Tensor]:
    """What the discriminator is shown in one step: real, generated, and generated again."""
    shown: list[torch.Tensor] = []
    handle = trainer.discriminator.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0].detach()))
    trainer.advance(batch)
    handle.remove()
    return shown


def test_without_noise_the_discriminator_sees_the_pictures_themselves() -> None:
    trainer, batch = Trainer(tiny_settings(), "cpu"), Pictures(8).batch(np.arange(8))
    real, fake, again = judged(trainer, batch)
    assert torch.equal(real, trainer._spec.from_uint8(batch))
    assert torch.equal(fake, again)


@pytest.mark.parametrize("seed", [0, 7])
def test_flip_mirrors_about_half_of_the_pictures_and_nothing_else(seed: int) -> None:
    settings = tiny_settings(batch=64, seed=seed, flip=True)
    trainer, same, batch = Trainer(settings, "cpu"), Trainer(settings, "cpu"), Pictures(64).batch(np.arange(64))
    plain = trainer._spec.from_uint8(batch)
    shown = [judged(trainer, batch)[0] for _ in range(2)]
    mirrored = []
    for real in shown:
        kept, flipped = ((real == other).flatten(1).all(1) for other in (plain, plain.flip(-1)))
        assert torch.equal(kept, ~flipped)  # these pictures are not symmetric
        assert 16 < int(flipped.sum()) < 48
        mirrored.append(flipped)
    assert not torch.equal(*mirrored)  # each step tosses anew
    assert torch.equal(judged(same, batch)[0], shown[0])  # and follows from the seed


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 5, 2**63 - 1])
def test_noise_is_new_at_every_call_and_follows_from_seed_and_step(seed: int) -> None:
    batch = Pictures(8).batch(np.arange(8))
    plain, noisy, same = (Trainer(tiny_settings(seed=seed, noise=noise), "cpu") for noise in (0.0, 0.1, 0.1))
    clean = judged(plain, batch)
    seen = judged(noisy, batch)
    assert all(torch.equal(mine, other) for mine, other in zip(seen, judged(same, batch), strict=True))
    noises = [dirty - clear for dirty, clear in zip(seen[:2], clean[:2], strict=True)] + [seen[2] - clean[1]]
    for noise in noises:
        assert abs(noise.mean()) < 0.01
        assert 0.09 < noise.std() < 0.11
    assert abs(np.corrcoef(noises[1].flatten(), noises[2].flatten())[0, 1]) < 0.1
    assert not torch.allclose(judged(noisy, batch)[0], seen[0], atol=0.01)  # the next step's is another


def test_the_average_follows_the_weights_and_is_what_is_kept(tmp_path: Path) -> None:
    settings = tiny_settings(average=0.9, epochs=1)
    trainer, plain = Trainer(settings, "cpu"), Trainer(tiny_settings(epochs=1), "cpu")
    assert trainer.average is not None
    expected = [parameter.detach().clone() for parameter in trainer.generator.parameters()]
    batch = Pictures(8).batch(np.arange(8))
    for _ in range(3):
        trainer.advance(batch)
        plain.advance(batch)
        now = [parameter.detach() for parameter in trainer.generator.parameters()]
        expected = [0.9 * old + 0.1 * new for old, new in zip(expected, now, strict=True)]
    for kept, wanted in zip(trainer.average.parameters(), expected, strict=True):
        torch.testing.assert_close(kept, wanted)
    for mine, other in zip(trainer.generator.parameters(), plain.generator.parameters(), strict=True):
        assert torch.equal(mine, other)  # the game itself goes on as without it
    generator = trainer.kept()["generator"].eval()
    norm = generator.get_submodule("up4.norm")
    features = []
    norm.register_forward_hook(lambda module, inputs, output: features.append(output))
    with torch.no_grad():
        generator(torch.cat([trainer.latents(step) for step in range(50)]))
    assert features[0].mean().abs() < 0.05  # its own statistics: the normalised features are normal
    assert abs(features[0].std() - 1) < 0.1
    loop.train(Pictures(64), tmp_path, trainer)
    saved = load_gan(str(tmp_path)).generator.state_dict()
    assert all(torch.equal(saved[key], value) for key, value in trainer.kept()["generator"].state_dict().items())


# the settings


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "fp8"},
        {"epochs": 0},
        {"batch": 1},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"beta1": 1.0},
        {"beta1": -0.1},
        {"law": "cauchy"},
        {"noise": -0.1},
        {"noise": float("inf")},
        {"average": 1.0},
        {"average": -0.1},
        {"seed": -1},
        {"seed": 2**63},
    ],
)
def test_settings_that_cannot_train_are_told(changes: dict[str, float]) -> None:
    with pytest.raises(GanlabError) as caught:
        Trainer(tiny_settings(**changes), "cpu")
    assert caught.value.hint


def test_defaults_are_the_papers() -> None:
    settings = TrainSettings("x")
    assert (settings.batch, settings.lr, settings.beta1, settings.law) == (128, 2e-4, 0.5, "uniform")
    assert (settings.network.size, settings.network.z_dim) == (64, 100)
    trainer = Trainer(tiny_settings(), "cpu")
    for optimizer in trainer.optimizers.values():
        (group,) = optimizer.param_groups
        assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 0)


def test_settings_survive_as_json_and_old_files_stay_readable() -> None:
    settings = tiny_settings(limit=5, fingerprint="ab", seed=2**63 - 1, threads=3, law="normal")
    assert TrainSettings.from_json(settings.to_json()) == settings
    assert json.loads(settings.to_json()).keys() == {field.name for field in dataclasses.fields(TrainSettings)}
    fields = json.loads(settings.to_json())
    kept = "data limit fingerprint network law epochs batch lr beta1 seed precision threads"
    assert set(fields) >= set(kept.split())
    assert set(fields["network"]) >= {"size", "channels", "width", "z_dim", "kernel"}


# the loop and what it leaves behind


def test_a_run_leaves_weights_samples_history_plot_and_state(tmp_path: Path) -> None:
    moments: list[Moment] = []
    trainer = Trainer(tiny_settings(epochs=2), "cpu")
    assert loop.train(Pictures(20, 16), tmp_path, trainer, show=moments.append)
    assert tree(tmp_path) == {
        "epochs/0001/card.toml",
        "epochs/0001/weights.safetensors",
        "epochs/0002/card.toml",
        "epochs/0002/weights.safetensors",
        "history.csv",
        "history.png",
        "samples/epoch-0001.png",
        "samples/epoch-0002.png",
        STATE,
    }
    rows = list(csv.DictReader((tmp_path / "history.csv").open()))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4]  # 20 pictures are two whole batches of 8
    assert list(rows[0]) == ["step", "loss_d", "loss_g", "d_real", "d_fake", "spread"]
    assert (moments[-1].step, moments[-1].steps, moments[-1].epoch, moments[-1].epochs) == (4, 4, 2, 2)
    assert moments[-1].losses.keys() == set(rows[0]) - {"step"}
    gan = load_gan(str(tmp_path))  # a run's folder is a checkpoint: its newest epoch
    assert gan.card.facts["training"]["epoch"] == 2
    assert gan.card.facts["training"]["steps"] == 4
    state = trainer.generator.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in gan.generator.state_dict().items())
    assert load_gan(str(tmp_path / "epochs/0001")).hash != gan.hash


def test_a_run_is_the_same_again(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert loop.train(Pictures(24, 16), tmp_path / name, Trainer(tiny_settings(epochs=1), "cpu"))
    # the plot and the card say the run's name; safetensors puts what it says of a file in any order
    for file in tree(tmp_path / "a") - {"history.png", "epochs/0001/card.toml", STATE}:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
    first, second = (load_file(tmp_path / name / STATE) for name in ("a", "b"))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_samples_of_every_epoch_are_of_the_same_z(tmp_path: Path) -> None:
    trainer = Trainer(tiny_settings(epochs=1, lr=1e-12), "cpu")
    loop.train(Pictures(8, 16), tmp_path, trainer)
    loop.train(Pictures(8, 16), tmp_path, load_state(tmp_path, "cpu", epochs=2))
    from PIL import Image

    first, second = (np.asarray(Image.open(tmp_path / f"samples/epoch-000{epoch}.png")).astype(int) for epoch in (1, 2))
    assert first.shape == second.shape
    # nothing has been learnt; only BatchNorm's running statistics have moved
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.9


def after(step: int, trainer: Trainer, action: Callable[[], None]) -> Callable[[], bool]:
    """A `stop` for the loop that does something after that step, and stops nothing."""

    def stop() -> bool:
        if trainer.step >= step:
            action()
        return False

    return stop


def test_nan_stops_with_the_last_good_state_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY", -1)  # after every step
    trainer = Trainer(tiny_settings(epochs=3), "cpu")

    def poison() -> None:
        next(trainer.generator.parameters()).data[0] = float("nan")

    with pytest.raises(GanlabError, match="diverged") as caught:
        loop.train(Pictures(32, 16), tmp_path, trainer, stop=after(6, trainer, poison))
    assert "--lr" in caught.value.hint
    assert load_state(tmp_path, "cpu").step == 5
    assert load_gan(str(tmp_path)).card.facts["training"]["epoch"] == 1


def test_weights_that_are_not_finite_are_never_written(tmp_path: Path) -> None:
    """The losses are still fine in the step that makes the weights infinite, and the epoch ends with it."""
    trainer = Trainer(tiny_settings(epochs=1), "cpu")

    def poison() -> None:
        trainer.discriminator.logit.conv.weight.data[0] = float("inf")

    with pytest.raises(GanlabError, match="NaN or infinity"):
        loop.train(Pictures(8, 16), tmp_path, trainer, stop=after(1, trainer, poison))
    assert load_state(tmp_path, "cpu").step == 0
    assert tree(tmp_path) == {"history.csv", STATE}


def test_an_absurd_learning_rate_stops(tmp_path: Path) -> None:
    trainer = Trainer(tiny_settings(epochs=50, lr=1e38), "cpu")
    with pytest.raises(GanlabError, match="diverged") as caught:
        loop.train(Pictures(16, 16), tmp_path, trainer)
    assert "--lr" in caught.value.hint
    load_state(tmp_path, "cpu")


def test_samples_that_do_not_depend_on_z_stop_the_run(tmp_path: Path) -> None:
    trainer = Trainer(tiny_settings(epochs=1), "cpu")

    def collapse() -> None:
        trainer.generator.output.conv.weight.data.zero_()

    with pytest.raises(GanlabError, match="not depended on z for 60 steps") as caught:
        loop.train(Pictures(640, 16), tmp_path, trainer, stop=after(3, trainer, collapse))
    assert "--seed" in caught.value.hint
    assert trainer.step >= 63
    load_state(tmp_path, "cpu")


def test_samples_that_still_vary_do_not_stop_the_run() -> None:
    good = {"loss_d": 1.0, "loss_g": 1.0, "d_real": 0.5, "d_fake": 0.5, "spread": 0.2}
    bad = good | {"spread": 0.0001}
    still = loop._check([bad] * 59, 0)
    assert still == 59
    assert loop._check([good], still) == 0
    with pytest.raises(GanlabError, match="collapsed"):
        loop._check([bad], still)


def test_out_of_memory_names_a_smaller_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(tiny_settings(), "cpu")

    def advance(pictures: np.ndarray, labels: np.ndarray | None) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(trainer, "advance", advance)
    with pytest.raises(GanlabError, match="8 pictures of 16 pixels does not fit into memory") as caught:
        loop.train(Pictures(8, 16), tmp_path, trainer)
    assert "--batch 4" in caught.value.hint
    assert load_state(tmp_path, "cpu").step == 0


@pytest.mark.slow
def test_it_learns_something(tmp_path: Path) -> None:
    """Bright pictures on the left, dark on the right: the samples end up so, which an untrained network's are not."""
    pictures = np.full((64, 16, 16, 3), 30, np.uint8)
    pictures[:, :, :8] = 225
    noise = np.random.default_rng(0).integers(-20, 20, pictures.shape)
    trainer = Trainer(tiny_settings(epochs=25, network=DcganSettings(16, 3, 8, 10), lr=1e-3), "cpu")
    loop.train(Pictures((pictures + noise).astype(np.uint8)), tmp_path, trainer)
    gan = load_gan(str(tmp_path))
    images = gan.generate(gan.latents(50))
    contrast = (images[..., :8].mean() - images[..., 8:].mean()).item()
    untrained = gan.untrained(0)
    control = untrained.generate(gan.latents(50))
    assert contrast > 0.25  # of 1.5
    assert abs(control[..., :8].mean() - control[..., 8:].mean()) < 0.05


def test_build_and_training_agree_on_the_initial_weights() -> None:
    settings = tiny_settings(seed=3)
    expected, _ = build_dcgan(settings.network, 3)
    ours = Trainer(settings, "cpu").generator.state_dict()
    assert all(torch.equal(ours[key], value) for key, value in expected.state_dict().items())


# a trained GAN to start from


def trained(run: Path, **changes: Any) -> Gan:
    """A GAN that was trained for a moment, with an averaged generator."""
    trainer = Trainer(tiny_settings(average=0.9, **changes), "cpu")
    loop.train(Pictures(24), run, trainer)
    return load_gan(str(run))


def test_a_run_starts_from_the_weights_of_a_gan_and_a_resumed_one_does_not_need_it_again(tmp_path: Path) -> None:
    gan = trained(tmp_path / "first")
    settings = tiny_settings(average=0.9, seed=1, start=gan.hash)
    trainer = Trainer(settings, "cpu")
    trainer.begin_with(gan)
    assert gan.discriminator is not None
    for name, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        for key, value in trainer.networks()[name].state_dict().items():
            assert torch.equal(value, network.state_dict()[key]), (name, key)
    state = trainer.kept()["generator"].state_dict()
    weights = [key for key, _ in gan.generator.named_parameters()]
    assert weights
    assert all(torch.equal(state[key], gan.generator.state_dict()[key]) for key in weights)
    before = weights_digest(gan.generator.state_dict())
    loop.train(Pictures(24), tmp_path / "second", trainer)
    assert weights_digest(gan.generator.state_dict()) == before, "the GAN itself was trained on"
    assert load_gan(str(tmp_path / "second")).card.facts["training"]["start"] == gan.hash
    assert "start" not in gan.card.facts["training"]
    again = load_state(tmp_path / "second", "cpu")
    assert again.settings == settings
    assert torch.equal(again.generator.state_dict()[weights[0]], trainer.generator.state_dict()[weights[0]])


@pytest.mark.parametrize(
    ("data", "limit", "why", "hint"),
    [
        ("rooms:9", 1, "--limit 1 leaves one picture, and a batch has at least two.", "Raise --limit."),
        ("rooms:1", None, "rooms:1 holds one picture, and a batch has at least two.", "Give more pictures."),
        ("rooms:9", 3, "rooms:9 holds 3 pictures, fewer than a batch of 8.", "Try --batch 3."),
    ],
)
def test_too_few_pictures_are_told_with_what_mends_it(
    tmp_path: Path, data: str, limit: int | None, why: str, hint: str
) -> None:
    with pytest.raises(GanlabError) as told:
        runs.start(tiny_settings(data, batch=8, limit=limit), runs.Reading(1, False), "cpu", tmp_path / "run")
    assert (told.value.message, told.value.hint) == (why, hint)
