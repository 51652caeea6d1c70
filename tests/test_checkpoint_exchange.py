"""A foreign GAN looked at, converted, edited, written back, and in the commands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab import Gan, load_gan, save_gan
from ganlab.checkpoints.exporting import export_gan
from ganlab.errors import GanlabError
from ganlab.testing import tiny_gan
from tests.door_kit import KNOWN, Generator, Pair, Z, draws_as, pair, scores_as
from tests.kit import Run, command

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *words: command(capsys, *words)


def words_of(hints: dict[str, str]) -> list[str]:
    return [word for name, value in hints.items() for word in (f"--{name}", value)]


def test_info_says_how_everything_was_decided(run: Run, saved: Path) -> None:
    ended = run("checkpoints", "info", saved / "netG.pth")
    assert ended.code == 0
    for words in ("prior of z", "normal", "activation after main.0", "nothing in the file tells", "up8", "(?)"):
        assert words in ended.out
    stated = run("checkpoints", "info", saved / "netG.pth", *words_of(KNOWN), "--image-size", "16")
    assert "as you said" in stated.out
    assert "(?)" not in stated.out


def test_what_info_offers_for_a_discriminator_is_taken(run: Run, saved: Path) -> None:
    spec, hints = f"{saved}/netG.pth+{saved}/netD.pth", words_of(KNOWN)
    assert "[architecture] discriminator_activation" in run("checkpoints", "info", spec, *hints).out
    card = saved / "stated.toml"
    card.write_text('[architecture]\ndiscriminator_activation = "leaky_relu 0.1"\n')
    (row,) = re.findall(
        "activation of the discriminator.*", run("checkpoints", "info", spec, *hints, "--card", card).out
    )
    assert "leaky_relu 0.1" in row
    assert "as you said" in row


def test_what_is_converted_draws_the_same(run: Run, saved: Path, made: Pair) -> None:
    ended = run("checkpoints", "convert", f"{saved}/netG.pth+{saved}/netD.pth", "--out", "mine", *words_of(KNOWN))
    assert ended.code == 0, ended.err
    gan, before = load_gan("mine"), load_gan(str(saved), **KNOWN)
    assert torch.equal(gan.generate(gan.latents(6)), before.generate(before.latents(6)))
    assert draws_as(gan, made.generator)
    assert scores_as(gan, made.discriminator)
    assert gan.card.facts["decisions"] == before.card.facts["decisions"]
    assert (gan.name, gan.card.summary) == ("mine", before.card.summary)
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
        ("native", "netG.pth", "new.pth", "does not come from a file that can be written back"),
        ("mine", "netD.pth", "new.pth", "in another shape|has no 'main"),
        ("mine", "netG.pth", "netD.pth", "already exists"),
        ("mine", "none.pth", "new.pth", "There is no file"),
    ]
    for gan, like, out, words in wrong:
        ended = run("checkpoints", "export", saved / gan, "--like", saved / like, "--out", saved / out)
        assert ended.code == 2
        assert any(word in ended.err for word in words.split("|")), ended.err
    assert not (saved / "new.pth").exists()


def scaled(state: dict[str, torch.Tensor], factor: float) -> dict[str, torch.Tensor]:
    return {key: value * factor if key.endswith("0.weight") else value for key, value in state.items()}


def exported(gan: Gan, like: Path) -> tuple[int, dict[str, dict[str, torch.Tensor]]]:
    """How many tensors changed, and what was written, into a folder that is not there yet."""
    out = like.parent / "new/folder/back.pth"
    return export_gan(gan, like, out).changed, torch.load(out, weights_only=True)


def same(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return list(state) == list(other) and all(torch.equal(state[key], other[key]) for key in state)


def test_only_the_network_that_was_opened_is_written_back(tmp_path: Path, made: Pair) -> None:
    """The average was taken; the raw weights beside it, of the same keys and shapes, stay."""
    raw = made.generator.state_dict()
    file = {"g": raw, "g_ema": scaled(raw, 0.9)}
    torch.save(file, tmp_path / "both.pth")
    gan = load_gan(str(tmp_path / "both.pth"), **KNOWN)
    changed, back = exported(gan, tmp_path / "both.pth")
    assert changed == 0
    assert all(same(back[name], file[name]) for name in file)
    # a card of before does not say which of the two it was
    del gan.card.facts["source"]["networks"]
    with pytest.raises(GanlabError, match=r"several networks that the generator could come from: g, g_ema"):
        export_gan(gan, tmp_path / "both.pth", tmp_path / "new.pth")
    torch.save({"elsewhere": raw}, tmp_path / "one.pth")
    (tmp_path / "new/folder/back.pth").unlink()
    _, back = exported(gan, tmp_path / "one.pth")
    assert same(back["elsewhere"], file["g_ema"])


@pytest.mark.parametrize("folder", [False, True])
def test_generator_and_discriminator_may_call_their_tensors_alike(tmp_path: Path, made: Pair, folder: bool) -> None:
    file = {"netG": made.generator.state_dict(), "netD": made.discriminator.state_dict()}
    assert set(file["netG"]) & set(file["netD"])
    torch.save(file, tmp_path / "both.pth")
    gan = load_gan(str(tmp_path if folder else tmp_path / "both.pth"), **KNOWN)
    assert gan.discriminator is not None
    changed, back = exported(gan, tmp_path / "both.pth")
    assert changed == 0
    assert all(same(back[name], file[name]) for name in file)


@pytest.mark.parametrize("spec", ["{0}", "{0}/netG.pth+{0}/netD.pth"])
def test_each_network_of_two_files_is_written_like_its_own(run: Run, saved: Path, made: Pair, spec: str) -> None:
    gan = load_gan(spec.format(saved), **KNOWN)
    assert gan.generator is not None
    assert gan.discriminator is not None
    with torch.no_grad():
        for network in (gan.generator, gan.discriminator):
            next(network.parameters()).mul_(2)
    save_gan(gan, saved / "mine")
    for file, network, other in (("netG", made.generator, "discriminator"), ("netD", made.discriminator, "generator")):
        back = saved / f"{file}-new.pth"
        ended = run("checkpoints", "export", saved / "mine", "--like", saved / f"{file}.pth", "--out", back)
        assert ended.code == 0, ended.err
        assert "1 of its tensors differ" in ended.out
        assert f"The {other} was left out" in ended.out
        written, before = torch.load(back, weights_only=True), network.state_dict()
        assert same(written, {**before, "main.0.weight": 2 * before["main.0.weight"]})
    torch.save({"weight": torch.ones(3, 4)}, saved / "else.pth")
    with pytest.raises(GanlabError, match=r"has no 'main\.0\.weight'"):
        export_gan(gan, saved / "else.pth", saved / "new.pth")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weights_that_were_computed_are_not_lost_in_silence(run: Run, tmp_path: Path) -> None:
    """Spectral normalisation stores no tensor that is the weight, so that nothing could be written back."""
    generator = pair().generator
    nn.utils.spectral_norm(generator.main[3])
    with torch.no_grad():
        generator.train()(torch.randn(8, Z, 1, 1))
    torch.save(generator.eval().state_dict(), tmp_path / "g.pth")
    gan = load_gan(str(tmp_path / "g.pth"), **KNOWN)
    assert export_gan(gan, tmp_path / "g.pth", tmp_path / "same.pth").changed == 0
    save_gan(gan.without(gan.hidden_layers()[0].name, [1]), tmp_path / "edited")
    ended = run("checkpoints", "export", tmp_path / "edited", "--like", tmp_path / "g.pth", "--out", tmp_path / "n.pth")
    assert ended.code == 2
    assert "was computed from what the file holds" in ended.err


def test_numbers_that_a_file_does_not_hold_are_not_made(tmp_path: Path, made: Pair) -> None:
    """Beside the generator a network of one number that claims to be a thousand million million."""
    state = {"netG": made.generator.state_dict(), "other": {"weight": torch.zeros(1).expand(10**8, 10**7)}}
    torch.save(state, tmp_path / "g.pth")
    gan = load_gan(str(tmp_path / "g.pth"), **KNOWN)
    with pytest.raises(GanlabError, match=r"'weight' claims 1,000,000,000,000,000 numbers and holds 1"):
        export_gan(gan, tmp_path / "g.pth", tmp_path / "n.pth")
    assert not (tmp_path / "n.pth").exists()


# commands on a foreign GAN


@pytest.fixture(scope="module")
def foreign(made: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    torch.save(made.generator.state_dict(), folder / "netG.pth")
    torch.save(made.discriminator.state_dict(), folder / "netD.pth")
    return folder


COMMANDS: dict[str, list[str]] = {
    "walk": ["walk", "--points", "2", "--steps", "2", "--stored", "4"],
    "sample": ["sample", "--n", "4"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_take_it_with_hints(run: Run, foreign: Path, tmp_path: Path, command: str) -> None:
    out = tmp_path / "out"
    ended = run(*COMMANDS[command], "--gan", foreign, *words_of(KNOWN), "--out", out)
    assert ended.code == 0, ended.err
    assert out.exists()


def test_a_probe_without_marks_is_told_what_it_needs(run: Run, foreign: Path) -> None:
    ended = run("probe", "window", "--gan", foreign, *words_of(KNOWN))
    assert ended.code == 2
    assert "`ganlab mark --gan GAN --concept window`" in ended.err
    assert "Traceback" not in ended.err


def test_the_card_that_is_written_is_toml(saved: Path) -> None:
    save_gan(load_gan(str(saved / "netG.pth"), **KNOWN), saved / "mine")
    card = tomllib.loads((saved / "mine/card.toml").read_text(encoding="utf-8"))
    assert card["architecture"]["name"] == "chain"
    assert card["source"]["format"] == "pytorch"
    assert {one["what"] for one in card["decisions"]} >= {"prior of z", "last activation of the generator"}
