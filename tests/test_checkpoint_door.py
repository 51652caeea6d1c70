"""Whatever a person types after --gan: files of weights, several of them, folders, hints, cards, code of their own."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from ganlab import Gan, GanlabError, cli, load_gan, save_gan
from ganlab.testing import tiny_gan
from tests.kit import one_thread  # noqa: F401 (a fixture)
from tests.recovery_kit import Conditional, Reshape

Z = 16
NEAR = 1 / 255
KNOWN = {"z": "normal", "activation": "relu", "output": "tanh"}  # of what follows; what is stated need not be searched


class Generator(nn.Module):
    """16x16, three channels, in the words of a thousand repositories."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *(nn.ConvTranspose2d(Z, 2 * width, 4, 1, 0, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(True)),
            *(nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)),
            *(nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh()),
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.main(z)


class Discriminator(nn.Module):
    """Of such pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *(nn.Conv2d(3, 6, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(6, 12, 4, 2, 1, bias=False), nn.BatchNorm2d(12), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(12, 1, 4, 1, 0, bias=False), nn.Sigmoid()),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.main(pictures)


class Pair(NamedTuple):
    generator: nn.Module
    judge: nn.Module


def pair() -> Pair:
    """Networks whose norms have seen normal z and their pictures."""
    torch.manual_seed(0)
    made = Pair(Generator(), Discriminator())
    with torch.no_grad():
        for network in made:
            for value in network.parameters():
                if value.ndim > 1:
                    nn.init.normal_(value, 0, 0.1)
        for _ in range(60):
            made.judge.train()(made.generator.train()(torch.randn(32, Z, 1, 1)))
    return Pair(made.generator.eval(), made.judge.eval())


@pytest.fixture(scope="module")
def made() -> Pair:
    return pair()


@pytest.fixture
def saved(made: Pair, tmp_path: Path) -> Path:
    torch.save(made.generator.state_dict(), tmp_path / "netG.pth")
    torch.save(made.judge.state_dict(), tmp_path / "netD.pth")
    return tmp_path


def draws_as(gan: Gan, generator: nn.Module) -> bool:
    """Whether pictures are equal within one step of 8 bits."""
    latents = gan.latents(6)
    with torch.no_grad():
        expected = generator(latents.z.reshape(6, Z, 1, 1))
    return bool((gan.generate(latents) - expected).abs().max() <= 2 * NEAR)


def judges_as(gan: Gan, judge: nn.Module) -> bool:
    """Whether the verdicts are the logits of those."""
    pictures = gan.generate(gan.latents(6))
    with torch.no_grad():
        expected = torch.logit(judge(pictures).flatten(), 1e-6)
    return torch.allclose(gan.score(pictures), expected, atol=1e-3)


def refused(spec: str | Path, words: str, **hints: Any) -> GanlabError:
    with pytest.raises(GanlabError, match=words) as caught:
        load_gan(str(spec), **hints)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


# files


@pytest.mark.parametrize("spec", ["{0}/netG.pth+{0}/netD.pth", "{0}/netD.pth+{0}/netG.pth", "{0}"])
def test_generator_and_discriminator_of_two_files(saved: Path, made: Pair, spec: str) -> None:
    gan = load_gan(spec.format(saved), **KNOWN)
    assert (gan.prior.dim, gan.image.size, gan.image.channels) == (Z, 16, 3)
    assert draws_as(gan, made.generator)
    assert judges_as(gan, made.judge)


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
    "both in one": lambda made: {"netG": made.generator.state_dict(), "netD": made.judge.state_dict()},
    "prefixes": lambda made: {
        **made.generator.state_dict(prefix="generator."),
        **made.judge.state_dict(prefix="discriminator."),
    },
    "an average beside it": lambda made: {
        "g": Generator().state_dict(),
        "g_ema": made.generator.state_dict(),
        "d": made.judge.state_dict(),
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
        assert judges_as(gan, made.judge)


def test_one_of_several_generators_is_chosen_by_name(tmp_path: Path, made: Pair) -> None:
    both = {"first": Generator().state_dict(), "second": made.generator.state_dict()}
    torch.save(both, tmp_path / "two.pth")
    error = refused(tmp_path / "two.pth", "2 generators: 'first', 'second'")
    assert "FILE#NAME" in error.hint
    assert draws_as(load_gan(f"{tmp_path}/two.pth#second", **KNOWN), made.generator)
    refused(f"{tmp_path}/two.pth#third", "third|no network")


def test_a_folder_of_two_generators(saved: Path, made: Pair) -> None:
    torch.save(Generator().state_dict(), saved / "netG_old.pth")
    refused(saved, r"2 generators: 'netG.pth', 'netG_old.pth'")
    gan = load_gan(f"{saved}#netG.pth", **KNOWN)
    assert draws_as(gan, made.generator)
    assert judges_as(gan, made.judge)


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
        assert torch.allclose(gan.score(pictures), torch.logit(made.judge(pictures).flatten(), 1e-6), atol=1e-3)
    with pytest.raises(GanlabError):
        gan.latents(2)


def test_a_name_inside_a_whole_gan_is_told(tmp_path: Path) -> None:
    save_gan(tiny_gan(), tmp_path / "whole")
    refused(f"{tmp_path / 'whole'}#netG", "is one GAN")


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
    {"z": "gaussian", "activation": "mish", "output": "x", "statistics": "x", "image_size": 0}.items(),
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


# code of the user's own

MODULE = """
import torch
from torch import nn
from tests.test_checkpoint_door import Discriminator, Generator, pair
from ganlab.testing import tiny_gan

def generator(): return pair().generator
def fresh(): return Generator()
def both(): return tuple(pair())
def whole(): return tiny_gan()
def flat(): return nn.Sequential(nn.Linear(16, 768), nn.Tanh(), nn.Unflatten(1, (3, 16, 16)))
def failing(): raise KeyError("dataset")
def number(): return 7
def words(): return nn.Linear(3, 4)
made = pair().generator
class Inside:
    network = Generator
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "my_networks.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("my_networks", None)


@pytest.mark.parametrize("factory", ["generator", "both", "made"])
def test_networks_by_code(module: None, made: Pair, factory: str) -> None:
    gan = load_gan(f"my_networks:{factory}")
    assert draws_as(gan, made.generator)
    assert (gan.prior.dim, gan.prior.law, gan.image.size) == (Z, "normal", 16)
    assert (gan.discriminator is not None) == (factory == "both")
    assert gan.layers()


def test_a_factory_of_flat_z_and_one_of_a_whole_gan(module: None) -> None:
    assert load_gan("my_networks:flat").generate(load_gan("my_networks:flat").latents(2)).shape == (2, 3, 16, 16)
    assert load_gan("my_networks:whole").hash == tiny_gan().hash
    assert load_gan("my_networks:flat", z="uniform", output="sigmoid").image.low == 0


@pytest.mark.parametrize("factory", ["fresh", "Inside.network"])
def test_code_filled_from_a_file(module: None, made: Pair, saved: Path, factory: str) -> None:
    torch.save({"epoch": 3, "netG": made.generator.state_dict(prefix="module.")}, "state.pth")
    for file in ("netG.pth", "state.pth"):
        assert draws_as(load_gan(f"my_networks:{factory}+{file}"), made.generator)
    refused(f"my_networks:{factory}+netD.pth", "do not fit my_networks")
    refused(f"my_networks:{factory}+none.pth", "no file 'none.pth'")


@pytest.mark.parametrize(
    ("factory", "words"),
    {
        "my_networks:failing": "failed: KeyError: 'dataset'",
        "my_networks:number": "gave int",
        "my_networks:missing": "has no 'missing'",
        "my_networks:words": "takes z neither as|no square picture",
        "no_such_module:thing": "'no_such_module' cannot be imported",
    }.items(),
)
def test_code_that_gives_no_gan_is_told(module: None, factory: str, words: str) -> None:
    refused(factory, words)


# there and back


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


def words_of(hints: dict[str, str]) -> list[str]:
    return [word for name, value in hints.items() for word in (f"--{name}", value)]


def test_info_says_how_everything_was_decided(run: Run, saved: Path) -> None:
    ended = run("checkpoints", "info", saved / "netG.pth")
    assert ended.code == 0
    for words in ("prior of z", "normal", "activation after main.0", "nothing in the file tells", "up8", "(?)"):
        assert words in ended.out
    stated = run("checkpoints", "info", saved / "netG.pth", *words_of(KNOWN))
    assert "as you said" in stated.out
    assert "(?)" not in stated.out


def test_what_is_converted_draws_the_same(run: Run, saved: Path, made: Pair) -> None:
    ended = run("checkpoints", "convert", f"{saved}/netG.pth+{saved}/netD.pth", "--out", "mine", *words_of(KNOWN))
    assert ended.code == 0, ended.err
    gan, before = load_gan("mine"), load_gan(str(saved), **KNOWN)
    assert torch.equal(gan.generate(gan.latents(6)), before.generate(before.latents(6)))
    assert draws_as(gan, made.generator)
    assert judges_as(gan, made.judge)
    assert gan.card.facts["decisions"] == before.card.facts["decisions"]
    assert run("checkpoints", "convert", saved / "netG.pth", "--out", "mine").code == 2


def test_export_writes_the_same_tensors_under_the_same_names(run: Run, saved: Path, made: Pair) -> None:
    run("checkpoints", "convert", saved / "netG.pth", "--out", "mine", *words_of(KNOWN))
    ended = run("checkpoints", "export", "mine", "--like", saved / "netG.pth", "--out", saved / "back.pth")
    assert ended.code == 0, ended.err
    back = torch.load(saved / "back.pth", weights_only=True)
    assert list(back) == list(made.generator.state_dict())
    for key, value in made.generator.state_dict().items():
        assert torch.equal(back[key], value), key


def test_an_edited_gan_differs_in_the_consumers_weights_only(run: Run, saved: Path, made: Pair) -> None:
    gan = load_gan(str(saved / "netG.pth"), **KNOWN)
    layer = gan.hidden_layers()[0].name
    save_gan(gan.without(layer, [1, 5]), saved / "edited")
    state = {"epoch": 3, "netG": made.generator.state_dict()}
    torch.save(state, saved / "nested.pth")
    ended = run("checkpoints", "export", saved / "edited", "--like", saved / "nested.pth", "--out", saved / "back.pth")
    assert "1 of its tensors differ" in ended.err + ended.out
    back = torch.load(saved / "back.pth", weights_only=True)
    assert back["epoch"] == 3
    differing = [key for key, value in made.generator.state_dict().items() if not torch.equal(back["netG"][key], value)]
    assert differing == ["main.3.weight"]
    weight = back["netG"]["main.3.weight"]
    assert not weight[[1, 5]].any()
    kept = [row for row in range(12) if row not in (1, 5)]
    assert torch.equal(weight[kept], made.generator.state_dict()["main.3.weight"][kept])
    theirs = Generator().eval()
    theirs.load_state_dict(back["netG"])
    assert draws_as(load_gan(str(saved / "edited")), theirs)


def test_exports_that_cannot_be_are_told(run: Run, saved: Path) -> None:
    save_gan(tiny_gan(), saved / "native")
    save_gan(load_gan(str(saved / "netG.pth"), **KNOWN), saved / "mine")
    wrong = [
        ("native", "netG.pth", "new.pth", "does not come from a PyTorch file"),
        ("mine", "netD.pth", "new.pth", "another shape in that file|has no 'main"),
        ("mine", "netG.pth", "netD.pth", "already exists"),
        ("mine", "none.pth", "new.pth", "There is no file"),
    ]
    for gan, like, out, words in wrong:
        ended = run("checkpoints", "export", saved / gan, "--like", saved / like, "--out", saved / out)
        assert ended.code == 2
        assert any(word in ended.err for word in words.split("|")), ended.err
    assert not (saved / "new.pth").exists()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weights_that_were_computed_are_not_lost_in_silence(run: Run, tmp_path: Path) -> None:
    """Spectral normalisation stores no tensor that is the weight, so that nothing could be written back."""
    generator = pair().generator
    nn.utils.spectral_norm(generator.main[3])
    with torch.no_grad():
        generator.train()(torch.randn(8, Z, 1, 1))
    torch.save(generator.eval().state_dict(), tmp_path / "g.pth")
    gan = load_gan(str(tmp_path / "g.pth"), **KNOWN)
    save_gan(gan.without(gan.hidden_layers()[0].name, [1]), tmp_path / "edited")
    ended = run("checkpoints", "export", tmp_path / "edited", "--like", tmp_path / "g.pth", "--out", tmp_path / "n.pth")
    assert ended.code == 2
    assert "was computed from several tensors" in ended.err


# commands on a foreign GAN


@pytest.fixture(scope="module")
def foreign(made: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    torch.save(made.generator.state_dict(), folder / "netG.pth")
    torch.save(made.judge.state_dict(), folder / "netD.pth")
    return folder


COMMANDS: dict[str, list[str]] = {
    "walk": ["walk", "--points", "2", "--steps", "2", "--stored", "4"],
    "sample": ["sample", "--n", "4"],
    "neighbors": ["neighbors", "--help"],
}


@pytest.mark.parametrize("command", ["walk", "sample"])
def test_commands_take_it_with_hints(run: Run, foreign: Path, tmp_path: Path, command: str) -> None:
    out = tmp_path / "out"
    ended = run(*COMMANDS[command], "--gan", foreign, *words_of(KNOWN), "--out", out)
    assert ended.code == 0, ended.err
    assert list(tmp_path.iterdir())


def test_a_probe_without_marks_is_told_what_it_needs(run: Run, foreign: Path) -> None:
    ended = run("probe", "window", "--gan", foreign, *words_of(KNOWN))
    assert ended.code == 2
    assert "--boxes" in ended.err or "--labeler" in ended.err
    assert "Traceback" not in ended.err


# what the world saved


def opened(folder: Path, spec: str, **hints: Any) -> Gan:
    """One of the real files, opened; skipped where no plugin reads such files."""
    try:
        return load_gan(spec.format(folder), **hints)
    except GanlabError as error:
        if "of no format known here" in error.message or "holds no checkpoint." in error.message:
            pytest.skip(f"no reader here for {spec}")
        raise


@pytest.fixture
def world(shared_data: Path) -> Path:
    folder = shared_data / "checkpoints"
    if not folder.is_dir():
        pytest.skip("no real checkpoints here")
    return folder


class Real(NamedTuple):
    spec: str
    size: int
    channels: int
    z_dim: int
    note: str = ""
    classes: int | None = None
    judged: bool = True
    law: str | None = None


REAL = {
    "svhn32-theano": Real("{}/svhn32-theano/200_gen_params.jl", 32, 3, 100, "estimated", law="normal"),
    "celeba32-keys 11": Real("{0}/celeba32-keys/generator11.pt+{0}/celeba32-keys/discriminator11.pt", 32, 3, 100),
    "celeba32-keys 2": Real("{}/celeba32-keys#generator2.pt", 32, 3, 100),
    "anime32-example-layout": Real("{}/anime32-example-layout", 32, 3, 100),
    "fashion28-sequential": Real("{}/fashion28-sequential", 28, 1, 100),
    "cifar32-2018": Real("{}/cifar32-2018", 32, 3, 128),
    "cifar32-collapsed": Real("{}/cifar32-collapsed", 32, 3, 128, "all but constant"),
    "mario32-dashed-keys": Real("{}/mario32-dashed-keys/netG_epoch_24.pth", 32, 1, 32, judged=False),
    "mnist28-layer-stack": Real("{}/mnist28-layer-stack", 28, 1, 100, "generator.pkl was left out"),
    "mnist28-training-state": Real("{}/mnist28-training-state/generator.pth", 28, 1, 5, judged=False),
    "mnist28-conditional": Real("{}/mnist28-conditional", 28, 1, 100, "discriminator was left out", 10, False),
    "mnist32-torch-in-hdf5": Real("{}/mnist32-torch-in-hdf5/generator.h5", 32, 1, 100, judged=False),
    "anime64-keras-and-tf": Real("{}/anime64-keras-and-tf/generator.h5", 64, 3, 128, judged=False),
    "mnist28-keras-zip": Real("{}/mnist28-keras-zip/generator.keras", 28, 1, 50, judged=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_what_the_world_saved(world: Path, name: str) -> None:
    real = REAL[name]
    gan = opened(world, real.spec)
    assert (gan.image.size, gan.image.channels, gan.prior.dim) == (real.size, real.channels, real.z_dim)
    assert gan.classes == real.classes
    assert real.law in (None, gan.prior.law)
    assert (gan.discriminator is not None) == real.judged
    assert real.note in " ".join(gan.card.facts.get("notes", []))
    pictures = gan.generate(gan.latents(16, label=None if real.classes is None else 0))
    spread = float(pictures.std(0).mean()) / (gan.image.high - gan.image.low)
    assert (spread < 0.01) == (name == "cifar32-collapsed"), spread


def test_a_discriminator_alone_of_the_world(world: Path) -> None:
    gan = load_gan(str(world / "mnist32-discriminator"))
    assert (gan.image.size, gan.image.channels) == (32, 1)
    assert any("no generator" in note for note in gan.card.facts["notes"])
    assert torch.isfinite(gan.score(torch.zeros(2, 1, 32, 32))).all()


@pytest.mark.slow
def test_collapsed_pictures_come_back_with_fresh_statistics(world: Path) -> None:
    gan = opened(world, "{}/cifar32-collapsed/DCgenerator.pkl", statistics="fresh")
    assert gan.generate(gan.latents(16)).std(0).mean() > 0.05


WORLD_REFUSED = {
    "mario32-dashed-keys/mario_gan.pth": r"whole objects \(.*DCGAN_G",
    "mnist28-layer-stack/generator.pkl": "a list of 200 numbers, no weights",
    "mnist28-pickled-module/generator.pth": r"whole objects \(__main__\.Generator",
    "mnist28-pickled-module/discriminator.pth": r"whole objects \(__main__\.Discriminator",
    "mnist28-pickled-module": "whole objects",
    "plain-pickle-2018/generator.pkl": "whole objects",
    "celeba32-keys": "2 generators",
}


@pytest.mark.parametrize("name", WORLD_REFUSED)
def test_what_the_world_saved_amiss(world: Path, name: str) -> None:
    before = set(sys.modules)
    refused(world / name, WORLD_REFUSED[name])
    assert not {module for module in set(sys.modules) - before if module.startswith(("models", "Models"))}


def test_the_card_that_is_written_is_toml(saved: Path) -> None:
    save_gan(load_gan(str(saved / "netG.pth"), **KNOWN), saved / "mine")
    card = tomllib.loads((saved / "mine/card.toml").read_text(encoding="utf-8"))
    assert card["architecture"]["name"] == "chain"
    assert card["source"]["format"] == "pytorch"
    assert {one["what"] for one in card["decisions"]} >= {"prior of z", "last activation of the generator"}
