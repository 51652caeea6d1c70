"""What goes beyond the paper is off by default, and settings that cannot train are told."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab.checkpoints import load_gan
from ganlab.errors import GanlabError
from ganlab.training import loop
from ganlab.training.settings import TrainSettings
from ganlab.training.state import load_state
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")

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


def rates(trainer: Trainer) -> list[float]:
    return [group["lr"] for optimizer in trainer.optimizers.values() for group in optimizer.param_groups]


def test_the_learning_rate_falls_evenly_over_the_last_epochs_and_after_an_interruption_too(tmp_path: Path) -> None:
    used: dict[int, list[float]] = {}

    def watched(trainer: Trainer, until: int = 99) -> bool:
        def stop() -> bool:
            used[trainer.step] = rates(trainer)
            return trainer.step == until

        return loop.train(Pictures(16), tmp_path, trainer, stop=stop)

    settings = tiny_settings(lr=1e-3, epochs=4, decay_epochs=2)  # of two steps each
    assert not watched(Trainer(settings, "cpu"), until=6)
    assert watched(load_state(tmp_path, "cpu"))
    for step, rate in enumerate([1, 1, 1, 1, 1, 0.75, 0.5, 0.25], 1):
        assert used[step] == pytest.approx([1e-3 * rate] * 2), step


def test_a_run_that_is_done_goes_on_with_a_falling_rate_and_says_so_on_its_card(tmp_path: Path) -> None:
    loop.train(Pictures(16), tmp_path, Trainer(tiny_settings(epochs=1), "cpu"))
    longer = load_state(tmp_path, "cpu", epochs=3, decay_epochs=1)
    assert loop.train(Pictures(16), tmp_path, longer)
    assert rates(longer) == [longer.settings.lr / 2] * 2
    cards = [load_gan(str(tmp_path / "epochs" / name)).card.facts["training"] for name in ("0001", "0003")]
    assert [(card.get("decay_epochs"), card.get("epochs")) for card in cards] == [(None, None), (1, 3)]
    assert load_state(tmp_path, "cpu").settings.decay_epochs == 1


def test_weight_decay_is_an_l2_penalty_inside_adam_and_stands_on_the_card(tmp_path: Path) -> None:
    """A first step of Adam's goes against the gradient's sign, which a large penalty makes the weight's own."""
    trainer = Trainer(tiny_settings(epochs=1, weight_decay=1e9), "cpu")
    before = [weight.detach().clone() for network in trainer.networks().values() for weight in network.parameters()]
    trainer.advance(Pictures(8).batch(np.arange(8)))
    after = [weight.detach() for network in trainer.networks().values() for weight in network.parameters()]
    for old, new in zip(before, after, strict=True):
        heavy = old != 0  # others, as BatchNorm's shifts, have no penalty yet
        step = trainer.settings.lr * old.sign()
        torch.testing.assert_close((old - new)[heavy], step[heavy], rtol=1e-3, atol=1e-6)
    loop.train(Pictures(16), tmp_path, trainer)
    assert load_gan(str(tmp_path)).card.facts["training"]["weight_decay"] == 1e9


def test_the_average_of_a_short_run_has_learnt_what_its_generator_has() -> None:
    trainer = Trainer(tiny_settings(average=0.999), "cpu")
    assert trainer.average is not None
    before, batch = copy.deepcopy(trainer.generator), Pictures(8).batch(np.arange(8))
    for _ in range(30):
        trainer.advance(batch)
    first, last, kept = (
        torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
        for network in (before, trainer.generator, trainer.average)
    )
    assert (kept - first).norm() > 0.5 * (last - first).norm()  # it would be a seventieth with a decay of 0.999


def test_the_average_follows_the_weights_and_is_what_is_kept(tmp_path: Path) -> None:
    settings = tiny_settings(average=0.15, epochs=1)
    trainer, plain = Trainer(settings, "cpu"), Trainer(tiny_settings(epochs=1), "cpu")
    assert trainer.average is not None
    expected = [parameter.detach().clone() for parameter in trainer.generator.parameters()]
    batch = Pictures(8).batch(np.arange(8))
    for decay in (1 / 10, 0.15, 0.15):  # of the beginning, then its own
        trainer.advance(batch)
        plain.advance(batch)
        now = [parameter.detach() for parameter in trainer.generator.parameters()]
        expected = [decay * old + (1 - decay) * new for old, new in zip(expected, now, strict=True)]
    for kept, wanted in zip(trainer.average.parameters(), expected, strict=True):
        torch.testing.assert_close(kept, wanted)
    for mine, other in zip(trainer.generator.parameters(), plain.generator.parameters(), strict=True):
        assert torch.equal(mine, other)  # the game itself goes on as without it
    generator = trainer.kept()["generator"].eval()
    norm = generator.get_submodule("up4.norm")
    features = []
    norm.register_forward_hook(lambda module, inputs, output: features.append(output))
    with torch.no_grad():
        generator(torch.cat([trainer.draws.latents(step) for step in range(50)]))
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
        {"decay_epochs": -1},
        {"decay_epochs": 1000},
        {"weight_decay": -0.1},
        {"weight_decay": float("nan")},
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
    assert (settings.network.size, settings.network.z_dim, settings.decay_epochs) == (64, 100, 0)
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
