"""Networks that are told classes: what goes in where, and a GAN of them opened up."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from ganlab.architectures import build
from ganlab.architectures.classes import EMBEDDED
from ganlab.architectures.dcgan import DcganSettings, build_dcgan
from ganlab.architectures.digits import DigitsSettings, build_digits
from ganlab.architectures.mlp import MlpSettings, build_mlp
from ganlab.architectures.settings import NetworkSettings
from ganlab.checkpoints import load_gan, save_gan
from ganlab.classes import class_number
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.testing import tiny_gan
from tests.conditional_kit import CLASSES, DCGAN, SHAPES

pytestmark = pytest.mark.usefixtures("one_thread")

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
    generator, discriminator = build_dcgan(DCGAN, 1)
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


def test_the_network_for_digits_is_its_authors() -> None:
    shapes = {
        "generator": [(1024, 110), (128 * 7 * 7, 1034), (138, 64, 5, 5), (74, 1, 5, 5)],
        "discriminator": [(64, 11, 5, 5), (128, 74, 5, 5), (1024, 128 * 7 * 7 + 10), (1, 1034)],
    }
    for network in build_digits(DigitsSettings(channels=1, classes=10, affine=False)):
        weights = dict(network.named_parameters())
        assert [tuple(weight.shape) for weight in weights.values()] == shapes[type(network).__name__.lower()]
        assert all(abs(weight.std() - 0.02) < 0.002 for weight in weights.values())
        assert all(module.affine is False for module in network.modules() if hasattr(module, "affine"))


def test_the_network_for_digits_by_hand() -> None:
    settings = DigitsSettings(12, 1, 3, 10, classes=CLASSES, affine=False)
    generator, discriminator = build_digits(settings, 1)
    z, labels = torch.rand(6, 10), torch.tensor([0, 1, 2, 2, 1, 0])
    code = torch.eye(CLASSES)[labels]

    def told(features: torch.Tensor) -> torch.Tensor:
        maps = code if features.ndim == 2 else code[:, :, None, None].expand(-1, -1, *features.shape[2:])
        return torch.cat([features, maps], 1)

    def normalised(features: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(features, None, None, training=True)

    with torch.no_grad():
        images, state = generator(z, labels), generator.state_dict()
        features = normalised(told(z) @ state["hidden.linear.weight"].T).relu()
        features = normalised(told(features) @ state["up3.linear.weight"].T).relu().reshape(6, 6, 3, 3)
        twice = {"stride": 2, "padding": 2, "output_padding": 1}
        features = normalised(F.conv_transpose2d(told(features), state["up6.conv.weight"], **twice)).relu()
        expected = F.conv_transpose2d(told(features), state["output.conv.weight"], **twice).tanh()
        torch.testing.assert_close(images, expected)
        logits, state = discriminator(images, labels), discriminator.state_dict()
        features = F.leaky_relu(F.conv2d(told(images), state["down6.conv.weight"], None, 2, 2), 0.2)
        features = F.leaky_relu(normalised(F.conv2d(told(features), state["down3.conv.weight"], None, 2, 2)), 0.2)
        features = F.leaky_relu(normalised(told(features.flatten(1)) @ state["hidden.linear.weight"].T), 0.2)
        torch.testing.assert_close(logits, (told(features) @ state["logit.linear.weight"].T).flatten())


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
        ({"name": "digits", "size": 30}, "multiple of 4"),
        ({"name": "digits", "size": 256}, "multiple of 4"),
        ({"name": "digits", "kernel": 5}, "no setting 'kernel'"),
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


@pytest.mark.parametrize(
    ("names", "label", "told"),
    [
        ([], 1, ("draws no classes", "Leave out --label")),
        (["0", "1", "2"], None, ("needs one", "--label: 0 to 2.")),
        (["cat", "dog"], None, ("needs one", "--label: 0 cat, 1 dog.")),
        (["9", "10"], 2, ("no class 2", "0 9, 1 10.")),
        ([f"number {place}" for place in range(40)], -1, ("no class -1", "11 number 11, ... up to 39.")),
    ],
)
def test_the_class_that_is_meant_is_asked_for(names: list[str], label: int | None, told: tuple[str, str]) -> None:
    with pytest.raises(GanlabError, match=told[0]) as caught:
        class_number(label, names, "some")
    assert caught.value.hint is not None
    assert told[1] in caught.value.hint
    if names:
        class_number(len(names) - 1, names, "some")
    else:
        class_number(None, names, "some")


def test_class_names_that_do_not_fit_are_told(tmp_path: Path) -> None:
    save_gan(tiny_gan(classes=CLASSES), tmp_path / "gan")
    assert load_gan(str(tmp_path / "gan")).class_names == ["0", "1", "2"]
    card = tmp_path / "gan" / "card.toml"
    card.write_text('class_names = ["a", "b"]\n' + card.read_text())
    with pytest.raises(GanlabError, match="does not name 3 classes"):
        _ = load_gan(str(tmp_path / "gan")).class_names


# who says the class


@pytest.mark.parametrize("label", range(CLASSES))
def test_every_class_can_be_asked_for_at_the_door(tmp_path: Path, label: int) -> None:
    save_gan(tiny_gan(classes=CLASSES), tmp_path / "gan")
    assert load_gan(str(tmp_path / "gan"), label=label).label == label


def test_two_gans_that_share_a_discriminator_say_their_own_classes() -> None:
    gan = tiny_gan(classes=3)
    one, other = (
        Gan(gan.generator, gan.discriminator, prior=gan.prior, image=gan.image, classes=3, label=label)
        for label in (1, 2)
    )
    images = torch.linspace(-1, 1, 4 * 3 * 16 * 16).reshape(4, 3, 16, 16)
    for opened, label in ((one, 1), (other, 2), (gan.of_class(0), 0)):
        said = torch.full((4,), label)
        assert torch.equal(opened.score(images), gan.score(images, said))
    assert not torch.equal(one.score(images), other.score(images))
    assert one.hash == other.hash


def test_a_discriminator_that_cannot_be_copied_is_told_all_the_same() -> None:
    class Judge(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(3, 4))
            torch.nn.utils.parametrizations.spectral_norm(self, "weight")

        def forward(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return images.flatten(1).mean(1) + self.weight.sum(1)[labels]

    plain = tiny_gan()
    gan = Gan(plain.generator, Judge().eval(), prior=plain.prior, image=plain.image, classes=3, label=2)
    assert gan.score(torch.zeros(2, 3, 16, 16)).shape == (2,)


def test_a_class_that_is_given_by_its_name_is_heard() -> None:
    gan = tiny_gan(classes=3)
    images, said = torch.zeros(2, 3, 16, 16), torch.tensor([0, 2])
    with torch.no_grad():
        expected = gan.score(images, said)
        for opened in (gan, gan.of_class(1)):
            assert torch.equal(opened.discriminator(images, labels=said).flatten(), expected)
