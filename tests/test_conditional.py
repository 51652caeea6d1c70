"""Networks that are told classes: what goes in where, what a step makes of it, and what a run leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ganlab import cli
from ganlab.architectures import Architecture, build, settings_of
from ganlab.architectures.classes import EMBEDDED
from ganlab.architectures.dcgan import DcganSettings, build_dcgan
from ganlab.architectures.mlp import MlpSettings, build_mlp
from ganlab.architectures.settings import NetworkSettings
from ganlab.checkpoints import load_gan, save_gan
from ganlab.data import classes_of, heldout_part, labels_of, open_images
from ganlab.data.packing import pack
from ganlab.errors import GanlabError
from ganlab.testing import tiny_gan
from ganlab.training import loop, runs
from ganlab.training.settings import TrainSettings
from ganlab.training.state import load_state
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, no_plots, one_thread, smooth_pictures, tiny_settings  # noqa: F401 (two are fixtures)

CLASSES = 3
TOLD = {"classes": ("a", "b", "c"), "class_counts": (10, 20, 30)}
SHAPES: list[NetworkSettings] = [
    DcganSettings(16, 3, 4, 10, classes=CLASSES, affine=False),
    DcganSettings(32, 1, 2, 7, 5, classes=CLASSES, classes_as="embedding"),
    MlpSettings(12, 1, 4, 10, classes=CLASSES),
    MlpSettings(9, 3, 3, 5, classes=CLASSES, classes_as="embedding"),
]


def labelled(folder: Path, count: int = 60, name: str = "set.npz", **others: np.ndarray) -> str:
    """Pictures that their class makes bright or dark; the file's spec."""
    labels = np.arange(count) % CLASSES
    pictures = (smooth_pictures(count).astype(int) // 4 + 60 * labels[:, None, None, None]).astype(np.uint8)
    np.savez(folder / name, x_train=pictures, y_train=labels, **others)
    return str(folder / name)


# what goes in where


def by_hand(
    state: dict[str, torch.Tensor], features: torch.Tensor, code: torch.Tensor, blocks: list[str]
) -> torch.Tensor:
    """A conditional DCGAN of one-hot classes, written out: constant maps behind the input of every convolution."""
    for block in blocks:
        maps = code[:, :, None, None].expand(-1, -1, *features.shape[2:])
        features = torch.cat([features, maps], 1)
        weight = state[f"{block}.conv.weight"]
        if block in ("up4", "logit"):
            features = (F.conv_transpose2d if block == "up4" else F.conv2d)(features, weight)
        else:
            features = (F.conv2d if block.startswith("down") else F.conv_transpose2d)(features, weight, None, 2, 1)
        if f"{block}.norm.running_mean" in state:
            features = F.batch_norm(features, None, None, training=True)
        if block == "output":
            features = features.tanh()
        elif block != "logit":
            features = F.leaky_relu(features, 0.2) if block.startswith("down") else features.relu()
    return features


def test_classes_are_joined_as_the_appendix_says() -> None:
    generator, discriminator = build_dcgan(SHAPES[0], 1)  # type: ignore[arg-type]
    z, labels = torch.rand(6, 10), torch.tensor([0, 1, 2, 2, 1, 0])
    code = torch.eye(CLASSES)[labels]
    with torch.no_grad():
        images = generator(z, labels)
        state = generator.state_dict()
        torch.testing.assert_close(images, by_hand(state, z[:, :, None, None], code, ["up4", "up8", "output"]))
        logits = discriminator(images, labels)
        expected = by_hand(discriminator.state_dict(), images, code, ["down8", "down4", "logit"])
        torch.testing.assert_close(logits, expected.flatten())
    assert not [key for key in state if key.endswith(("norm.weight", "norm.bias"))]  # neither scale nor bias


def test_the_baseline_is_that_of_goodfellow_et_al() -> None:
    generator, discriminator = build_mlp(MlpSettings(28, 1, classes=CLASSES))
    assert generator.hidden1.linear.weight.shape == (1200, 100 + CLASSES)
    assert generator.hidden2.linear.weight.shape == (1200, 1200 + CLASSES)
    assert discriminator.hidden1.linear.weight.shape == (240 * 5, 784 + CLASSES)
    generator, discriminator = build_mlp(MlpSettings(12, 1, 4, 10, classes=CLASSES), 5)
    z, labels = torch.rand(6, 10), torch.tensor([0, 1, 2, 2, 1, 0])
    code = torch.eye(CLASSES)[labels]
    with torch.no_grad():
        images = generator(z, labels)
        features = z
        for name in ("hidden1", "hidden2", "output"):
            features = generator.get_submodule(f"{name}.linear")(torch.cat([features, code], 1))
            features = features.tanh() if name == "output" else features.relu()
        torch.testing.assert_close(images, features.reshape(6, 1, 12, 12))
        features = images.flatten(1)
        for name in ("hidden1", "hidden2", "logit"):
            features = discriminator.get_submodule(f"{name}.linear")(torch.cat([features, code], 1))
            if name != "logit":
                features = torch.stack([features[:, piece::5] for piece in range(5)]).amax(0)
        torch.testing.assert_close(discriminator.eval()(images, labels), features.flatten())


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_the_class_changes_pictures_and_verdicts(settings: NetworkSettings) -> None:
    generator, discriminator = settings.build(3)
    z = torch.rand(4, settings.z_dim)
    first, second = torch.zeros(4, dtype=torch.int64), torch.ones(4, dtype=torch.int64)
    with torch.no_grad():
        images = generator(z, first)
        assert images.shape == (4, settings.channels, settings.size, settings.size)
        assert not torch.allclose(generator(z, second), images)
        discriminator.eval()
        assert not torch.equal(discriminator(images, first), discriminator(images, second))
    with pytest.raises(GanlabError, match="has to be told the class"):
        generator(z)
    again, _ = build(settings.to_card(), 3)
    assert torch.equal(again(z, first), images)
    if settings.classes_as == "embedding":
        assert generator.get_submodule("classes").embedding.weight.shape == (CLASSES, EMBEDDED)  # type: ignore[union-attr]


def test_networks_without_classes_refuse_them() -> None:
    generator, _ = build_dcgan(DcganSettings(16, 3, 4, 10))
    with pytest.raises(GanlabError, match="knows no classes"):
        generator(torch.rand(2, 10), torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize(
    ("card", "word"),
    [
        ({"name": "dcgan", "classes": 1}, "from 2 to"),
        ({"name": "dcgan", "classes": 10**9}, "from 2 to"),
        ({"name": "dcgan", "classes": "10"}, "a whole number"),
        ({"name": "dcgan", "affine": 1}, "true or false"),
        ({"name": "dcgan", "classes_as": "vector"}, "one-hot or embedding"),
        ({"name": "mlp", "kernel": 4}, "no setting 'kernel'"),
        ({"name": "mlp", "size": 0}, "side goes from 1"),
        ({"name": "mlp", "width": 10**9}, "width"),
    ],
)
def test_cards_that_make_no_network_are_told(card: dict[str, object], word: str) -> None:
    with pytest.raises(GanlabError, match=word) as caught:
        build(card)
    assert caught.value.hint


# a GAN of classes


def test_a_conditional_gan_is_opened_up_as_any_other(tmp_path: Path) -> None:
    gan = tiny_gan(classes=CLASSES)
    assert [layer.name for layer in gan.hidden_layers()] == ["up4", "up8"]
    assert ("up8.joined", (8 + CLASSES, 4, 4)) in [(layer.name, layer.shape) for layer in gan.layers()]
    assert gan.layers("discriminator")
    latents = gan.latents_in_turn(7, seed=4, first=2)
    assert latents.labels.tolist() == [2, 0, 1, 2, 0, 1, 2]  # type: ignore[union-attr]
    images = gan.generate(latents)
    with pytest.raises(GanlabError, match="has to be told the class"):
        gan.score(images)
    second = gan.of_class(1)
    assert torch.equal(second.score(images), gan.score(images, torch.ones(7, dtype=torch.int64)))
    with pytest.raises(GanlabError, match="has to be told the class"):
        gan.score(images)  # the choice is the other's alone
    less = gan.without("up4", [0, 3])  # proved to draw what an edit draws
    assert not torch.equal(less.generate(latents), images)
    save_gan(less, tmp_path / "less")
    again = load_gan(str(tmp_path / "less"))
    assert torch.equal(again.generate(latents), less.generate(latents))
    assert gan.untrained(1).of_class(2).score(images).shape == (7,)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("classes = 3\n\n[arch", "classes = 4\n\n[arch", "cannot draw"),
        ("classes = 3\n\n[arch", 'classes = "3"\n\n[arch', "classes = '3'"),
        ("classes = 3\n\n[arch", "[arch", "draw|class"),
    ],
)
def test_cards_that_disagree_on_classes_are_told(tmp_path: Path, old: str, new: str, word: str) -> None:
    save_gan(tiny_gan(classes=CLASSES), tmp_path / "gan")
    card = tmp_path / "gan" / "card.toml"
    text = card.read_text()
    assert old in text
    card.write_text(text.replace(old, new))
    with pytest.raises(GanlabError, match=word):
        load_gan(str(tmp_path / "gan"))


def test_class_names_that_do_not_fit_are_told(tmp_path: Path) -> None:
    save_gan(tiny_gan(classes=CLASSES), tmp_path / "gan")
    assert load_gan(str(tmp_path / "gan")).class_names == ["0", "1", "2"]
    card = tmp_path / "gan" / "card.toml"
    card.write_text('class_names = ["a", "b"]\n' + card.read_text())
    with pytest.raises(GanlabError, match="does not name 3 classes"):
        _ = load_gan(str(tmp_path / "gan")).class_names


# the step


def told_settings(**changes: object) -> TrainSettings:
    return tiny_settings(**{"network": SHAPES[0], **TOLD, **changes})  # type: ignore[arg-type]


def test_classes_are_drawn_as_often_as_the_pictures_have_them() -> None:
    trainer, again, other = (Trainer(told_settings(seed=seed), "cpu") for seed in (4, 4, 5))
    drawn = torch.cat([trainer.labels(step) for step in range(400)])  # type: ignore[misc]
    counts = np.bincount(drawn.numpy())
    expected = len(drawn) * np.array([1, 2, 3]) / 6
    assert (np.abs(counts - expected) < 4 * expected**0.5).all()
    assert torch.equal(trainer.labels(7), again.labels(7))  # type: ignore[arg-type]
    assert not torch.equal(torch.cat([other.labels(step) for step in range(9)]), drawn[:72])  # type: ignore[misc]
    assert Trainer(told_settings(), "cpu").labels(5).tolist() == PINNED  # type: ignore[union-attr]


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
        tiny_settings(network=SHAPES[0])


# labelled packs


def test_a_labelled_pack_is_pictures_and_classes_in_their_order(tmp_path: Path) -> None:
    images = open_images(labelled(tmp_path))
    plain = pack(images, 16, 3, cache=tmp_path / "cache")
    before = {path.name for path in (tmp_path / "cache").iterdir()}
    packed = pack(images, 16, 3, cache=tmp_path / "cache", labelled=True)
    assert plain.labels is None
    assert packed.classes == ("0", "1", "2")
    assert packed.labels is not None
    assert packed.labels.tolist() == [int(images.label(row)) for row in range(60)]  # type: ignore[arg-type]
    assert (packed.array == plain.array).all()
    assert before < {path.name for path in (tmp_path / "cache").iterdir()}  # the pack without them stays
    found = pack(images, 16, 3, cache=tmp_path / "cache", labelled=True)
    assert found.fingerprint == packed.fingerprint != plain.fingerprint
    assert found.labels.tolist() == packed.labels.tolist()  # type: ignore[union-attr]


def test_other_classes_are_another_pack(tmp_path: Path) -> None:
    pictures, prints = smooth_pictures(6), set()
    for labels in ([0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0], [0, 2, 0, 2, 0, 2]):
        np.savez(tmp_path / "set.npz", images=pictures, labels=np.array(labels))
        packed = pack(open_images(str(tmp_path / "set.npz")), 16, 3, cache=tmp_path / "cache", labelled=True)
        prints.add(packed.fingerprint)
    assert len(prints) == 3


def test_a_damaged_label_file_is_packed_anew(tmp_path: Path) -> None:
    images = open_images(labelled(tmp_path))
    expected = pack(images, 16, 3, cache=tmp_path / "cache", labelled=True)
    (file,) = (tmp_path / "cache").glob("*.labels")
    whole = file.read_bytes()
    for damaged in (b"", whole[:-4], whole[:-4] + b"\xff\xff\xff\x7f"):
        file.write_bytes(damaged)
        found = pack(images, 16, 3, cache=tmp_path / "cache", labelled=True)
        assert found.fingerprint == expected.fingerprint


def test_classes_have_a_fixed_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=smooth_pictures(4), labels=np.array([10, 9, 100, 9]))
    images = open_images(str(tmp_path / "x.npz"))
    assert classes_of(images) == ("9", "10", "100")
    assert labels_of(images, ("9", "10", "100")).tolist() == [1, 0, 2, 0]
    assert classes_of(images, [1, 3]) == ("9",)
    with pytest.raises(GanlabError, match="'10', a class that nothing is learnt of"):
        labels_of(images, ["9", "100"])
    both = labelled(tmp_path, x_test=smooth_pictures(5), y_test=np.zeros(5, int))
    beside = heldout_part(open_images(both))
    assert beside is not None
    assert len(beside) == 5
    assert heldout_part(images) is None


# a run


def test_a_conditional_run_leaves_checkpoints_that_draw_classes(tmp_path: Path) -> None:
    spec = labelled(tmp_path)
    network = DcganSettings(16, 3, 4, 10, affine=False)
    runs.start(
        tiny_settings(spec, network=network, epochs=2), runs.Reading(0, False), "cpu", tmp_path / "run", None, True
    )
    gan = load_gan(str(tmp_path / "run"))
    assert (gan.classes, gan.class_names) == (CLASSES, ["0", "1", "2"])
    assert gan.card.summary.startswith("A class-conditional DCGAN trained on")
    assert not torch.equal(gan.generate(gan.latents(4, label=0)), gan.generate(gan.latents(4, label=2)))
    assert settings_of(gan) == DcganSettings(16, 3, 4, 10, classes=CLASSES, affine=False)
    again = tiny_settings(spec, network=network, epochs=1, seed=1, start=gan.hash)
    runs.start(again, runs.Reading(0, False), "cpu", tmp_path / "again", gan, True)
    np.savez(tmp_path / "other.npz", images=smooth_pictures(12), labels=np.arange(12) % CLASSES + 5)
    with pytest.raises(GanlabError, match=r"draws the classes 0, 1, 2, and .* has 5, 6, 7"):
        runs.start(
            tiny_settings(str(tmp_path / "other.npz"), network=network),
            runs.Reading(0, False), "cpu", tmp_path / "third", gan, True,
        )  # fmt: skip
    assert not (tmp_path / "third").exists()


def test_a_conditional_generator_learns_what_classes_look_like(tmp_path: Path) -> None:
    """Classes as bright as their number: after a few hundred steps, so are the samples, in that order."""
    labels = np.arange(240) % CLASSES
    pictures = np.clip(smooth_pictures(240).astype(int) // 5 + 95 * labels[:, None, None, None], 0, 255).astype(
        np.uint8
    )
    network = DcganSettings(16, 3, 8, 10, classes=CLASSES, affine=False)
    settings = tiny_settings(network=network, classes=("0", "1", "2"), class_counts=(80, 80, 80), batch=24, epochs=12)
    trainer = Trainer(settings, "cpu")
    loop.train(Pictures(pictures, labels=labels), tmp_path, trainer)
    gan = load_gan(str(tmp_path))
    dark, grey, light = (float(gan.generate(gan.latents(64, label=label)).mean()) for label in range(CLASSES))
    assert dark < grey - 0.2 < light - 0.4


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        return int(ended.value.code or 0), " ".join(capsys.readouterr().err.split())

    spec = labelled(tmp_path)
    small = ("--size", "16", "--width", "4", "--z-dim", "8", "--epochs", "1", "--batch", "20")
    assert run("train", spec, "--conditional", *small, "--out", str(tmp_path / "run"))[0] == 0
    drawn = ("sample", "--gan", str(tmp_path / "run"), "--n", "4", "--out", str(tmp_path / "two"))
    assert run(*drawn, "--label", "2")[0] == 0
    assert len(list((tmp_path / "two" / "pictures").iterdir())) == 4
    code, said = run(*drawn[:-2])
    assert code == 2
    assert "--label" in said
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


def test_what_a_plugin_brings_can_be_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Mirrored(MlpSettings):
        name: ClassVar[str] = "mirrored"

    brought = {"mirrored": Architecture.of(Mirrored, "the baseline under another name")}
    monkeypatch.setattr("ganlab.architectures._known", lambda: brought)
    spec = labelled(tmp_path)
    words = ["train", spec, "--arch", "mirrored", "--size", "8", "--width", "4", "--batch", "20", "--epochs", "1"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--conditional", "--out", str(tmp_path / "run")])
    assert not ended.value.code
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
