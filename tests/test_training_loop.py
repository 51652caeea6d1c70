"""What a run leaves behind, and a run that is lost stops with a word and its last good state."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ganlab.architectures.dcgan import DcganSettings
from ganlab.checkpoints import load_gan
from ganlab.errors import GanlabError
from ganlab.training import loop
from ganlab.training.loop import Moment
from ganlab.training.state import STATE, load_state
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings, tree

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")


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

    def advance(pictures: np.ndarray, labels: np.ndarray | None, lr: float) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(trainer, "advance", advance)
    with pytest.raises(GanlabError, match="8 pictures of 16 pixels does not fit into memory") as caught:
        loop.train(Pictures(8, 16), tmp_path, trainer)
    assert "--batch 4" in caught.value.hint
    assert load_state(tmp_path, "cpu").step == 0


@pytest.mark.parametrize("file", ["epochs/0002", "samples/epoch-0002.png", "history.csv"])
def test_what_cannot_be_written_leaves_a_run_that_goes_on(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of what is written: where a disk is full everything would fail, this one first."""

    def full(source: str | Path, target: str | Path) -> None:
        if str(target).endswith(file) and trainer.step > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    trainer, real = Trainer(tiny_settings(epochs=2), "cpu"), os.replace
    loop.train(Pictures(16), tmp_path, trainer, stop=lambda: trainer.step == 3)
    with monkeypatch.context() as patched:
        for name in ("replace", "rename"):
            patched.setattr(os, name, full)
        with pytest.raises(GanlabError, match="could not be written: No space left") as caught:
            loop.train(Pictures(16), tmp_path, load_state(tmp_path, "cpu"))
    assert caught.value.hint == "Make room, then --resume."
    assert loop.train(Pictures(16), tmp_path, load_state(tmp_path, "cpu"))


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
