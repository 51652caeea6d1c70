"""Training of networks that are told classes: what a step makes of them, and what a run leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab.architectures import Architecture, settings_of
from ganlab.architectures.dcgan import DcganSettings
from ganlab.architectures.mlp import MlpSettings
from ganlab.architectures.settings import NetworkSettings
from ganlab.checkpoints import load_gan
from ganlab.errors import GanlabError
from ganlab.training import loop, starting
from ganlab.training.settings import TrainSettings
from ganlab.training.state import load_state
from ganlab.training.trainer import Trainer
from tests.conditional_kit import CLASSES, DCGAN, SHAPES, labelled
from tests.kit import Pictures, command, smooth_pictures, tiny_settings

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")

TOLD = {"classes": ("a", "b", "c"), "class_counts": (10, 20, 30)}


# the step


def told_settings(**changes: object) -> TrainSettings:
    return tiny_settings(**{"network": DCGAN, **TOLD, **changes})  # type: ignore[arg-type]


def test_classes_are_drawn_as_often_as_the_pictures_have_them() -> None:
    trainer, again, other = (Trainer(told_settings(seed=seed), "cpu") for seed in (4, 4, 5))
    drawn = torch.cat([trainer.draws.labels(step) for step in range(400)])  # type: ignore[misc]
    counts = np.bincount(drawn.numpy())
    expected = len(drawn) * np.array([1, 2, 3]) / 6
    assert (np.abs(counts - expected) < 4 * expected**0.5).all()
    assert torch.equal(trainer.draws.labels(7), again.draws.labels(7))  # type: ignore[arg-type]
    assert not torch.equal(torch.cat([other.draws.labels(step) for step in range(9)]), drawn[:72])  # type: ignore[misc]
    assert Trainer(told_settings(), "cpu").draws.labels(5).tolist() == PINNED  # type: ignore[union-attr]


PINNED = [0, 2, 2, 1, 1, 1, 1, 2]  # a run that was interrupted goes on with the next version, too


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_other_classes_are_another_step(settings: NetworkSettings) -> None:
    batch = smooth_pictures(8, 16, settings.channels)
    batch = batch[:, : settings.size, : settings.size] if settings.size < 16 else batch
    if settings.size > 16:
        batch = batch.repeat(2, axis=1).repeat(2, axis=2)
    losses = []
    for labels in (np.arange(8) % CLASSES, np.arange(8) % CLASSES, (np.arange(8) + 1) % CLASSES):
        trainer = Trainer(told_settings(network=settings), "cpu")
        losses.append([trainer.advance(batch, labels).numbers()["loss_d"] for _ in range(2)])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def seen_in_a_step(trainer: Trainer, labels: list[int]) -> tuple[float, np.ndarray]:
    """The spread of a step that draws these classes, and its samples."""
    drawn: list[np.ndarray] = []
    trainer.draws.labels = lambda step: torch.tensor(labels)  # type: ignore[method-assign]
    handle = trainer.generator.register_forward_hook(
        lambda module, inputs, output: drawn.append(output.numpy(force=True))
    )
    spread = trainer.advance(Pictures(8).batch(np.arange(8)), np.arange(8) % CLASSES).numbers()["spread"]
    handle.remove()
    return spread, drawn[0]


@pytest.mark.parametrize("labels", [[0, 0, 0, 2, 2, 1, 1, 1], [0, 1, 2, 2, 2, 2, 2, 2], [1] * 8])
def test_the_spread_is_that_within_classes(labels: list[int]) -> None:
    spread, samples = seen_in_a_step(Trainer(told_settings(), "cpu"), labels)
    groups = [samples[np.array(labels) == label] for label in set(labels)]
    squares = sum(((group - group.mean(0)) ** 2).sum(0) for group in groups)
    assert spread == pytest.approx(np.sqrt(squares / (8 - len(groups))).mean(), rel=1e-4)


def test_of_a_batch_with_every_class_once_the_spread_is_that_of_all() -> None:
    network = replace(DCGAN, classes=8)
    settings = told_settings(network=network, classes=tuple("abcdefgh"), class_counts=(1,) * 8)
    spread, samples = seen_in_a_step(Trainer(settings, "cpu"), list(range(8)))
    assert spread == pytest.approx(samples.std(0, ddof=1).mean(), rel=1e-4)


def test_one_picture_for_each_class_is_a_collapse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "READ_EVERY", 0.0)
    trainer = Trainer(told_settings(epochs=1), "cpu")
    trainer.draws.latents = lambda step: torch.zeros(8, 10)  # type: ignore[method-assign]
    with pytest.raises(GanlabError, match="not depended on z for 60 steps"):
        loop.train(Pictures(800, labels=np.arange(800) % CLASSES), tmp_path, trainer)
    assert trainer.step < 100


def test_dropout_follows_from_seed_and_step_and_leaves_the_global_random_state_alone() -> None:
    settings = tiny_settings(network=MlpSettings(16, 3, 6, 10))
    batch = Pictures(8).batch(np.arange(8))
    seen = []
    for start in (1, 2):
        torch.manual_seed(start)
        before = torch.get_rng_state()
        trainer = Trainer(settings, "cpu")
        kept: list[torch.Tensor] = []
        dropout = trainer.discriminator.get_submodule("hidden2.dropout")
        dropout.register_forward_hook(lambda module, inputs, output, kept=kept: kept.append(output != 0))
        for _ in range(2):
            trainer.advance(batch)
        assert torch.equal(torch.get_rng_state(), before)
        seen.append(kept)
    assert all(torch.equal(one, other) for one, other in zip(*seen, strict=True))
    assert len({bytes(mask.numpy()) for mask in seen[0]}) == 6  # real, fake, fake again; another in the next step


def test_old_runs_stay_readable() -> None:
    settings = tiny_settings()
    known = json.loads(settings.to_json())
    del known["classes"], known["class_counts"], known["network"]["name"]
    assert TrainSettings.from_json(json.dumps(known)) == settings
    told = told_settings()
    assert TrainSettings.from_json(told.to_json()) == told
    with pytest.raises(GanlabError, match="are told 3 classes"):
        tiny_settings(network=DCGAN)


# a run


def test_a_conditional_run_leaves_checkpoints_that_draw_classes(tmp_path: Path) -> None:
    spec = labelled(tmp_path)
    network = DcganSettings(16, 3, 4, 10, affine=False)
    starting.start(
        tiny_settings(spec, network=network, epochs=2), starting.Reading(0, False), "cpu", tmp_path / "run", None, True
    )
    gan = load_gan(str(tmp_path / "run"))
    assert (gan.classes, gan.class_names) == (CLASSES, ["0", "1", "2"])
    assert gan.card.summary.startswith("A class-conditional DCGAN trained on")
    assert not torch.equal(gan.generate(gan.latents(4, label=0)), gan.generate(gan.latents(4, label=2)))
    assert settings_of(gan) == DcganSettings(16, 3, 4, 10, classes=CLASSES, affine=False)
    again = tiny_settings(spec, network=network, epochs=1, seed=1, start=gan.hash)
    starting.start(again, starting.Reading(0, False), "cpu", tmp_path / "again", gan, True)
    np.savez(tmp_path / "other.npz", images=smooth_pictures(12), labels=np.arange(12) % CLASSES + 5)
    with pytest.raises(GanlabError, match=r"draws the classes 0, 1, 2, and .* has 5, 6, 7"):
        starting.start(
            tiny_settings(str(tmp_path / "other.npz"), network=network),
            starting.Reading(0, False), "cpu", tmp_path / "third", gan, True,
        )  # fmt: skip
    assert not (tmp_path / "third").exists()


def test_of_many_classes_some_are_shown_and_one_hot_numbers_are_told_to_be_slow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "many.npz", images=smooth_pictures(80), labels=np.arange(80))
    for kind, slow in (("one-hot", True), ("embedding", False)):
        network = replace(DCGAN, classes=0, classes_as=kind)
        settings = tiny_settings(str(tmp_path / "many.npz"), network=network, epochs=1)
        starting.start(settings, starting.Reading(0, False), "cpu", tmp_path / kind, None, True)
        assert ("80 classes as one-hot numbers" in capsys.readouterr().err) == slow
        with Image.open(tmp_path / kind / "samples" / "epoch-0001.png") as grid:
            assert 32 * 16 <= grid.height < 40 * 20


def test_a_conditional_generator_learns_what_classes_look_like(tmp_path: Path) -> None:
    """Classes as bright as their number: after a few hundred steps, so are the samples, in that order."""
    labels = np.arange(240) % CLASSES
    pictures = np.clip(smooth_pictures(240).astype(int) // 5 + 95 * labels[:, None, None, None], 0, 255).astype(
        np.uint8
    )
    network = replace(DCGAN, width=8)
    settings = tiny_settings(network=network, classes=("0", "1", "2"), class_counts=(80, 80, 80), batch=24, epochs=12)
    trainer = Trainer(settings, "cpu")
    loop.train(Pictures(pictures, labels=labels), tmp_path, trainer)
    gan = load_gan(str(tmp_path))
    dark, grey, light = (float(gan.generate(gan.latents(64, label=label)).mean()) for label in range(CLASSES))
    assert dark < grey - 0.2 < light - 0.4


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str]:
        ended = command(capsys, *words)
        return ended.code, " ".join(ended.err.split())

    spec = labelled(tmp_path)
    small = ("--size", "16", "--width", "4", "--z-dim", "8", "--epochs", "1", "--batch", "20")
    assert run("train", spec, "--conditional", *small, "--out", str(tmp_path / "run"))[0] == 0
    drawn = ("sample", "--gan", str(tmp_path / "run"), "--n", "4", "--out", str(tmp_path / "two"))
    assert run(*drawn, "--label", "2")[0] == 0
    assert len(list((tmp_path / "two" / "pictures").iterdir())) == 4
    code, said = run(*drawn[:-2])
    assert code == 2
    assert "--label" in said
    convert = ("checkpoints", "convert", str(tmp_path / "run"), "--out", str(tmp_path / "all classes"))
    code, said = run(*convert, "--label", "1")
    assert code == 2
    assert "No such option: --label" in said
    assert run(*convert)[0] == 0
    assert load_gan(str(tmp_path / "all classes")).name == "all classes"
    assert run("train", spec, "--arch", "mlp", "--conditional", *small, "--out", str(tmp_path / "mlp"))[0] == 0
    assert load_gan(str(tmp_path / "mlp")).card.architecture["name"] == "mlp"
    np.save(tmp_path / "plain.npy", smooth_pictures(30))
    np.savez(tmp_path / "one.npz", images=smooth_pictures(30), labels=np.zeros(30, int))
    for words, told in (
        ((str(tmp_path / "plain.npy"), "--conditional"), "have no classes"),
        ((str(tmp_path / "one.npz"), "--conditional"), "are of one class"),
        ((spec, "--arch", "mlp", "--kernel", "5"), "has no --kernel"),
        ((spec, "--arch", "mlp", "--no-affine"), "has no --affine"),
        ((spec, "--arch", "chain"), "'chain' can be trained"),
        ((spec, "--classes-as", "embedding"), "--classes-as"),
        ((spec, "--conditional", "--classes-as", "words"), "one-hot or embedding"),
        ((spec, "--start", str(tmp_path / "run"), "--conditional"), "--conditional is decided by the GAN of --start"),
        ((spec, "--start", str(tmp_path / "run"), "--arch", "mlp"), "--arch is decided by the GAN of --start"),
    ):
        code, said = run("train", *words, *(() if "--start" in words else ("--size", "16", "--batch", "20")))
        assert code == 2, words
        assert told in said, words
        assert "Traceback" not in said


def test_what_a_plugin_brings_can_be_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @dataclass(frozen=True)
    class Mirrored(MlpSettings):
        name: ClassVar[str] = "mirrored"

    brought = {"mirrored": Architecture.of(Mirrored, "the baseline under another name")}
    monkeypatch.setattr("ganlab.architectures._known", lambda: brought)
    spec = labelled(tmp_path)
    words = ["train", spec, "--arch", "mirrored", "--size", "8", "--width", "4", "--batch", "20", "--epochs", "1"]
    assert command(capsys, *words, "--conditional", "--out", tmp_path / "run").code == 0
    gan = load_gan(str(tmp_path / "run"))
    assert gan.card.architecture == {
        "name": "mirrored",
        "size": 8,
        "channels": 3,
        "width": 4,
        "z_dim": 100,
        "classes": 3,
    }
    assert load_state(tmp_path / "run", "cpu").step == 3
