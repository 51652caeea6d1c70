"""What a run starts from: fresh weights or those of a GAN, and enough pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab.architectures.dcgan import build_dcgan
from ganlab.checkpoints import load_gan
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.networks.weights import weights_digest
from ganlab.training import loop, starting
from ganlab.training.state import load_state
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")


def test_build_and_training_agree_on_the_initial_weights() -> None:
    settings = tiny_settings(seed=3)
    expected, _ = build_dcgan(settings.network, 3)
    ours = Trainer(settings, "cpu").generator.state_dict()
    assert all(torch.equal(ours[key], value) for key, value in expected.state_dict().items())


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


@pytest.mark.parametrize(("count", "said"), [(16, False), (17, False), (18, True), (15, True)])
def test_who_loses_many_pictures_of_each_epoch_is_told(
    tmp_path: Path, count: int, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    starting.start(tiny_settings(f"rooms:{count}", epochs=1), starting.Reading(0, False), "cpu", tmp_path / "run")
    told = f"Each epoch leaves out {count % 8} of {count} pictures, others each time: they fill no batch of 8."
    assert (told in capsys.readouterr().err) is said


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
        starting.start(tiny_settings(data, batch=8, limit=limit), starting.Reading(1, False), "cpu", tmp_path / "run")
    assert (told.value.message, told.value.hint) == (why, hint)
