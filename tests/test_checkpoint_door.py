"""Whatever a person types after --gan: files of weights, several of them, folders, hints, cards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ganlab import GanlabError, load_gan, save_gan
from ganlab.testing import tiny_gan
from tests.door_kit import KNOWN, NEAR, Generator, Pair, Z, draws_as, refused, scores_as
from tests.recovery_kit import Conditional, Reshape

pytestmark = pytest.mark.usefixtures("one_thread")

# files


@pytest.mark.parametrize("spec", ["{0}/netG.pth+{0}/netD.pth", "{0}/netD.pth+{0}/netG.pth", "{0}"])
def test_generator_and_discriminator_of_two_files(saved: Path, made: Pair, spec: str) -> None:
    gan = load_gan(spec.format(saved), **KNOWN)
    assert (gan.prior.dim, gan.image.size, gan.image.channels) == (Z, 16, 3)
    assert draws_as(gan, made.generator)
    assert scores_as(gan, made.discriminator)


def test_a_file_alone_needs_no_hint(saved: Path, made: Pair) -> None:
    gan = load_gan(str(saved / "netG.pth"))
    assert gan.discriminator is None
    assert gan.prior.law == "normal"
    assert draws_as(gan, made.generator)


CONTAINERS: dict[str, Callable[[Pair], Any]] = {
    "a training state": lambda made: {
        "epoch": np.int64(7),
        "loss": np.float32(0.5),
        "history": [np.arange(3.0), {"lr": 2e-4}],
        "rng": torch.get_rng_state(),
        "model_state_dict": made.generator.state_dict(),
        "optimizer_state_dict": torch.optim.Adam(made.generator.parameters()).state_dict(),
    },
    "both in one": lambda made: {"netG": made.generator.state_dict(), "netD": made.discriminator.state_dict()},
    "prefixes": lambda made: {
        **made.generator.state_dict(prefix="generator."),
        **made.discriminator.state_dict(prefix="discriminator."),
    },
    "an average beside it": lambda made: {
        "g": Generator().state_dict(),
        "g_ema": made.generator.state_dict(),
        "d": made.discriminator.state_dict(),
    },
    "on several devices": lambda made: made.generator.state_dict(prefix="module."),
    "compiled": lambda made: made.generator.state_dict(prefix="_orig_mod."),
    "half precision": lambda made: {key: _halved(value) for key, value in made.generator.state_dict().items()},
}


def _halved(value: torch.Tensor) -> torch.Tensor:
    return value.bfloat16() if value.ndim > 1 else value


@pytest.mark.parametrize(
    ("what", "legacy"), [*((what, False) for what in CONTAINERS), ("a training state", True), ("prefixes", True)]
)
def test_networks_however_nested(tmp_path: Path, made: Pair, what: str, legacy: bool) -> None:
    document = CONTAINERS[what](made)
    torch.save(document, tmp_path / "state.pth", _use_new_zipfile_serialization=not legacy)
    gan = load_gan(str(tmp_path / "state.pth"), **KNOWN)
    if what == "half precision":
        assert gan.generate(gan.latents(2)).shape == (2, 3, 16, 16)
        return
    assert draws_as(gan, made.generator)
    assert (gan.discriminator is not None) == (what in ("both in one", "prefixes", "an average beside it"))
    if what == "an average beside it":
        assert any("g_ema" in note for note in gan.card.facts["notes"])
    if gan.discriminator is not None:
        assert scores_as(gan, made.discriminator)


def test_safetensors(tmp_path: Path, made: Pair) -> None:
    """Which sorts keys as texts: main.10 before main.3."""
    networks = {"generator": made.generator, "discriminator": made.discriminator}
    tensors = {f"{side}.{key}": value for side, one in networks.items() for key, value in one.state_dict().items()}
    save_file(made.generator.state_dict(), tmp_path / "G.safetensors")
    save_file(tensors, tmp_path / "both.safetensors")
    assert draws_as(load_gan(str(tmp_path / "G.safetensors"), **KNOWN), made.generator)
    gan = load_gan(str(tmp_path / "both.safetensors"), **KNOWN)
    assert draws_as(gan, made.generator)
    assert scores_as(gan, made.discriminator)
    content = (tmp_path / "G.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[:-1])
    refused(tmp_path / "cut.safetensors", "is damaged or is no safetensors file")
    save_file({"a": torch.zeros(3)}, tmp_path / "none.safetensors")
    refused(tmp_path / "none.safetensors", "holds no network's weights")


def test_one_of_several_generators_is_chosen_by_name(tmp_path: Path, made: Pair) -> None:
    both = {"first": Generator().state_dict(), "second": made.generator.state_dict()}
    torch.save(both, tmp_path / "two.pth")
    error = refused(tmp_path / "two.pth", "2 generators: 'first', 'second'")
    assert error.hint.endswith(f"'{tmp_path}/two.pth#first'")  # the word as any command takes it
    assert draws_as(load_gan(f"{tmp_path}/two.pth#second", **KNOWN), made.generator)
    refused(f"{tmp_path}/two.pth#third", "third|no network")


def test_a_folder_of_two_generators(saved: Path, made: Pair) -> None:
    torch.save(Generator().state_dict(), saved / "netG_old.pth")
    refused(saved, r"2 generators: 'netG.pth', 'netG_old.pth'")
    gan = load_gan(f"{saved}#netG.pth", **KNOWN)
    assert draws_as(gan, made.generator)
    assert scores_as(gan, made.discriminator)
    error = refused(f"{saved}#netG_odl.pth", "no network called 'netG_odl.pth'")  # not the discriminator instead
    assert "'netG_old.pth'" in error.hint
    assert load_gan(f"{saved}#netD.pth", image_size=16).generator is None


def test_a_folder_with_other_files_too(saved: Path, made: Pair) -> None:
    (saved / "README.md").write_text("# my GAN")
    torch.save([0.5, 0.25], saved / "losses.pth")
    gan = load_gan(str(saved), **KNOWN)
    assert draws_as(gan, made.generator)
    assert any("losses.pth was left out" in note for note in gan.card.facts["notes"])


def test_a_discriminator_alone_judges(saved: Path, made: Pair) -> None:
    gan = load_gan(str(saved / "netD.pth"), image_size=16)
    assert any("a discriminator and no generator" in note for note in gan.card.facts["notes"])
    pictures = torch.rand(6, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(gan.score(pictures), torch.logit(made.discriminator(pictures).flatten(), 1e-6), atol=1e-3)
    with pytest.raises(GanlabError):
        gan.latents(2)


def test_a_name_inside_a_whole_gan_is_told(tmp_path: Path) -> None:
    save_gan(tiny_gan(), tmp_path / "whole")
    refused(f"{tmp_path / 'whole'}#netG", "is one GAN")


def test_the_weights_of_a_whole_gan_are_not_opened_without_its_card(tmp_path: Path) -> None:
    save_gan(tiny_gan(), tmp_path / "whole")
    error = refused(tmp_path / "whole" / "weights.safetensors", "is a part of the checkpoint")
    assert str(tmp_path / "whole") in error.hint


def test_a_whole_gan_in_a_join_is_told(saved: Path) -> None:
    save_gan(tiny_gan(), saved / "whole")
    refused(f"{saved}/whole+{saved}/netD.pth", "is a whole GAN already")
    refused(f"{saved}/netG.pth+{saved}/nothing.pth", "no checkpoint")


def test_a_discriminator_that_pools_at_the_end(saved: Path) -> None:
    pooling = nn.Sequential(nn.Conv2d(3, 6, 4, 2, 1), nn.Conv2d(6, 9, 4, 2, 1), nn.BatchNorm2d(9), nn.Linear(9, 1))
    torch.save(pooling.state_dict(), saved / "netD.pth")
    gan = load_gan(str(saved), **KNOWN)
    assert gan.discriminator is not None
    pictures = gan.generate(gan.latents(4))
    with torch.no_grad():
        maps = pooling.eval()[2](pooling[1](nn.functional.leaky_relu(pooling[0](pictures), 0.2)))
        expected = pooling[3](nn.functional.leaky_relu(maps, 0.2).mean((2, 3)))
    assert torch.allclose(gan.score(pictures), expected.flatten(), atol=1e-4)


def test_a_discriminator_of_other_pictures_is_left_out_and_said(saved: Path) -> None:
    torch.save(nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.Conv2d(4, 1, 8)).state_dict(), saved / "netD.pth")
    gan = load_gan(str(saved), **KNOWN)
    assert gan.discriminator is None
    assert any("discriminator was left out" in note for note in gan.card.facts["notes"])


# hints


def test_every_hint_is_heeded(saved: Path) -> None:
    gan = load_gan(str(saved / "netG.pth"), z="uniform", activation="leaky_relu 0.2", output="sigmoid", image_size=16)
    assert gan.prior.law == "uniform"
    assert (gan.image.low, gan.image.high) == (0, 1)
    tables = gan.card.architecture["generator"]
    assert [table["slope"] for table in tables if table["kind"] == "leaky_relu"] == [0.2, 0.2]
    assert tables[-1]["kind"] == "sigmoid"
    refused(saved / "netG.pth", "23 pixels", image_size=23, **KNOWN)


def test_fresh_statistics(saved: Path, made: Pair) -> None:
    state = made.generator.state_dict()
    for key, value in state.items():
        if "running_mean" in key:
            state[key] = value + 100
    torch.save(state, saved / "netG.pth")
    gan = load_gan(str(saved / "netG.pth"), statistics="fresh", **KNOWN)
    with torch.no_grad():
        expected = made.generator(gan.latents(6).z.reshape(6, Z, 1, 1))
    assert (gan.generate(gan.latents(6)) - expected).abs().max() < 0.1


@pytest.mark.parametrize(
    ("hint", "value"),
    (dict.fromkeys(("z", "activation", "output", "statistics", "upsampling"), "x") | {"image_size": 0}).items(),
)
def test_hints_that_cannot_be_are_told(saved: Path, hint: str, value: Any) -> None:
    refused(saved / "netG.pth", f"--{hint.replace('_', '-')}", **{hint: value})


def test_hints_for_what_says_all_of_itself_are_told(tmp_path: Path) -> None:
    save_gan(tiny_gan(), tmp_path / "whole")
    refused(tmp_path / "whole", "no place for --z", z="normal")
    refused(tmp_path / "whole", "draws no classes", label=1)


@pytest.fixture(scope="module")
def conditional() -> nn.Module:
    torch.manual_seed(0)
    body = nn.Sequential(
        *(nn.Linear(Z + 4, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 784), nn.Tanh(), Reshape(1, 28, 28))
    )
    network = Conditional(5, 4, body)
    with torch.no_grad():
        for _ in range(60):
            network.train()(torch.randn(64, Z), torch.randint(5, (64,)))
    return network.eval()


def test_classes_and_a_label(tmp_path: Path, conditional: nn.Module) -> None:
    torch.save(conditional.state_dict(), tmp_path / "g.pth")
    gan = load_gan(str(tmp_path / "g.pth"), activation="relu")
    assert gan.classes == 5
    z = gan.latents(5, label=0).z
    with torch.no_grad():
        assert torch.allclose(gan.generator(z, torch.arange(5)), conditional(z, torch.arange(5)), atol=2 * NEAR)
    third = load_gan(str(tmp_path / "g.pth"), activation="relu", label=3)
    assert third.label == 3
    assert torch.equal(third.generate(third.latents(4)), gan.generate(gan.latents(4, label=3)))
    assert torch.equal(gan.of_class(3).generate(third.latents(4)), third.generate(third.latents(4)))
    refused(tmp_path / "g.pth", "no class 5", label=5, activation="relu")


# cards


def card(folder: Path, text: str) -> Path:
    (folder / "mine.toml").write_text(text)
    return folder / "mine.toml"


def test_a_card_says_what_the_file_does_not(saved: Path) -> None:
    text = """
        name = "squares"
        licence = "MIT"
        [prior]
        law = "uniform"
        [image]
        size = 16
        low = 0.0
        high = 1.0
        [architecture]
        activation = "elu"
    """
    gan = load_gan(str(saved / "netG.pth"), card=card(saved, text))
    assert (gan.name, gan.card.facts["licence"], gan.prior.law) == ("squares", "MIT", "uniform")
    assert (gan.image.low, gan.image.high) == (0, 1)
    assert [table["kind"] for table in gan.card.architecture["generator"]].count("elu") == 2
    assert load_gan(str(saved / "netG.pth"), card=card(saved, text), z="normal").prior.law == "normal"  # nearer wins


LAYERS = """
[architecture]
generator = [
    {{name = "start", kind = "reshape", shape = [16, 1, 1]}},
    {{name = "{0}", kind = "conv_transpose", inputs = 16, outputs = 12, kernel = [4, 4], bias = false}},
    {{name = "{1}", kind = "batch_norm", maps = 12}},
    {{name = "act1", kind = "relu"}},
    {{name = "{2}", kind = "conv_transpose", inputs = 12, outputs = 6, kernel = [4, 4], {5}}},
    {{name = "{3}", kind = "batch_norm", maps = 6}},
    {{name = "act2", kind = "relu"}},
    {{name = "{4}", kind = "conv_transpose", inputs = 6, outputs = 3, kernel = [4, 4], {5}}},
    {{name = "act3", kind = "tanh"}},
]
"""


@pytest.mark.parametrize(
    "names",
    [("main.0", "main.1", "main.3", "main.4", "main.6"), ("conv1", "norm1", "conv2", "norm2", "conv3")],
    ids=["by name", "in turn"],
)
def test_a_card_spells_out_the_layers(saved: Path, made: Pair, names: tuple[str, ...]) -> None:
    gan = load_gan(
        str(saved / "netG.pth"),
        card=card(saved, LAYERS.format(*names, "stride = 2, padding = 1, bias = false")),
        z="normal",
    )
    assert draws_as(gan, made.generator)


@pytest.mark.parametrize(
    ("text", "words"),
    {
        "prior = [": "not valid TOML",
        "prior = 1": "prior is no table",
        '[prior]\nlaw = "cauchy"': "--z cannot be 'cauchy'",
        "[image]\nlow = 0\nhigh = 255": "from 0 to 255 are not known",
        '[image]\nsize = "64"': "number of pixels",
        '[architecture]\ngenerator = "dcgan"': "generator is no list of layers",
        '[architecture]\ngenerator = [{name = "a", kind = "linear", inputs = 2, outputs = 3}]': "spells out 1 layers",
    }.items(),
)
def test_cards_that_say_nothing_sensible_are_told(saved: Path, text: str, words: str) -> None:
    refused(saved / "netG.pth", words, card=card(saved, text))


def test_a_card_that_is_not_there_is_told(saved: Path) -> None:
    refused(saved / "netG.pth", "cannot be read", card=saved / "none.toml")
