"""A discriminator without its generator: it scores and is looked into, and draws nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ganlab import Gan, GanlabError, ImageSpec, load_gan, save_gan
from ganlab.networks.weights import weights_digest
from ganlab.testing import tiny_gan

from .kit import Run, command

pytestmark = pytest.mark.usefixtures("one_thread")


def example_judge(channels: int = 3) -> nn.Sequential:
    """The discriminator of PyTorch's DCGAN example for 32x32 pictures, its norms run in."""
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(channels, 8, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(8, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(16, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.LeakyReLU(0.2)),
        nn.Conv2d(32, 1, 4, 1, 0, bias=False),
    )
    network(torch.rand(64, channels, 32, 32) * 2 - 1)
    return network.eval()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save({f"main.{key}": value for key, value in example_judge().state_dict().items()}, tmp_path / "netD.pth")
    return tmp_path / "netD.pth"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *words: command(capsys, *words)


def test_it_scores_as_the_network_it_was_saved_from(file: Path) -> None:
    gan = load_gan(str(file))
    images = torch.rand(5, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        expected = example_judge()(images).flatten()
    torch.testing.assert_close(gan.score(images), expected, rtol=1e-4, atol=1e-5)
    assert gan.generator is None
    assert gan.name == "netD"
    assert gan.discriminator is not None
    assert gan.hash == weights_digest(gan.discriminator.state_dict())[:12]
    assert (gan.image.size, gan.image.channels, gan.image.low) == (32, 3, -1.0)
    assert "no generator" in repr(gan)


def test_it_says_what_was_left_open(file: Path) -> None:
    gan = load_gan(str(file))
    open_questions = {one["what"] for one in gan.card.facts["decisions"] if not one["certain"]}
    assert open_questions == {"size of the pictures", "activation of the discriminator", "range of the pictures"}
    assert any("no generator" in note for note in gan.card.facts["notes"])
    told = load_gan(str(file), image_size=32, output="sigmoid", activation="relu")
    assert all(one["certain"] for one in told.card.facts["decisions"])
    assert (told.image.low, told.image.high) == (0.0, 1.0)
    assert any(isinstance(module, nn.ReLU) for module in told.discriminator.modules())  # type: ignore[union-attr]
    with pytest.raises(GanlabError, match=r"netD\.pth: .*4x4"):
        load_gan(str(file), image_size=4)


def test_its_layers_are_recorded_and_edited(file: Path) -> None:
    gan = load_gan(str(file))
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    names = [layer.name for layer in gan.hidden_layers("discriminator")]
    with gan.record(*names, side="discriminator") as recording:
        before = gan.score(images)
    assert [recording[name].shape[1] for name in names] == [8, 16, 32]
    with gan.edit({names[1]: lambda features, rows: features * 0}, side="discriminator"):
        assert not torch.allclose(gan.score(images), before)


WITHOUT_GENERATOR = {
    "latents": lambda gan: gan.latents(1),
    "generate": lambda gan: gan.generate(torch.zeros(1, 3)),
    "prior": lambda gan: gan.prior,
    "layers": lambda gan: gan.layers(),
    "record": lambda gan: gan.record("up4"),
    "edit": lambda gan: gan.edit({}),
    "replay": lambda gan: gan.replay({}, np.zeros(1, int)),
    "layers_until": lambda gan: gan.layers_until("up4"),
    "without": lambda gan: gan.without("up4", [0]),
}


@pytest.mark.parametrize("what", WITHOUT_GENERATOR)
def test_what_needs_the_generator_says_so(what: str) -> None:
    alone = Gan(None, tiny_gan().discriminator, image=ImageSpec(16))
    with pytest.raises(GanlabError, match="has no generator"):
        WITHOUT_GENERATOR[what](alone)


def test_what_is_no_gan_at_all() -> None:
    with pytest.raises(GanlabError, match="needs a network"):
        Gan(None, image=ImageSpec(16))
    with pytest.raises(GanlabError, match="prior"):
        Gan(tiny_gan().generator, image=ImageSpec(16))


def test_one_that_is_told_classes_needs_its_code(tmp_path: Path) -> None:
    """Whose embedding is joined to the picture; no --image-size would help."""
    matrices = nn.Sequential(nn.Linear(32 * 32 + 10, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1)).state_dict()
    tensors = {"label_embedding.weight": torch.randn(10, 10), **{f"model.{key}": one for key, one in matrices.items()}}
    torch.save(tensors, tmp_path / "netD.pth")
    with pytest.raises(GanlabError, match="no pictures of a usual size") as error:
        load_gan(str(tmp_path / "netD.pth"))
    assert error.value.hint == "One that is told classes needs its code: --gan MODULE:FACTORY+FILE"


def test_it_is_saved_and_opened_again(file: Path, tmp_path: Path) -> None:
    gan = load_gan(str(file))
    save_gan(gan, tmp_path / "saved")
    again = load_gan(str(tmp_path / "saved"))
    images = torch.rand(2, 3, 32, 32)
    assert again.generator is None
    assert again.hash == gan.hash
    assert torch.equal(again.score(images), gan.score(images))
    assert again.to("cpu").untrained(1).generator is None
    with (tmp_path / "saved" / "card.toml").open("a") as card:
        card.write("\n[prior]\nlaw = 'normal'\ndim = 5\n")
    with pytest.raises(GanlabError, match="lacks the generator"):
        load_gan(str(tmp_path / "saved"))


def test_several_discriminators_are_chosen_by_name(tmp_path: Path) -> None:
    two = {name: example_judge(1).state_dict() for name in ("netD", "critic")}
    torch.save(two, tmp_path / "two.pth")
    with pytest.raises(GanlabError, match="2 discriminators: 'netD', 'critic'"):
        load_gan(str(tmp_path / "two.pth"))
    assert load_gan(f"{tmp_path / 'two.pth'}#critic").image.channels == 1


def test_commands_that_need_no_generator_work(run: Run, file: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    pictures = rng.integers(0, 100, (120, 32, 32, 3)).astype(np.uint8) + (labels * 100)[:, None, None, None]
    np.savez(tmp_path / "data.npz", x_train=pictures.astype(np.uint8), y_train=labels)
    for words in (["features", "--filters", "2", "--top", "2"], ["classify", "--c", "1"]):
        ended = run(words[0], tmp_path / "data.npz", *words[1:], "--gan", file, "--out", tmp_path / words[0])
        assert ended.code == 0, ended.err
        assert (tmp_path / words[0] / "result.json").is_file()
    info = run("checkpoints", "info", file)
    assert info.code == 0
    assert "no generator" in info.out


@pytest.mark.parametrize("words", [("sample",), ("walk",), ("mark",)])
def test_commands_that_draw_say_why_they_cannot(run: Run, file: Path, words: tuple[str, ...]) -> None:
    ended = run(*words, "--gan", file)
    assert ended.code == 2
    assert "has no generator" in ended.err


def test_a_real_one(shared_data: Path) -> None:
    file = shared_data / "checkpoints" / "mnist32-discriminator" / "netD_epoch_99.pth"
    if not file.is_file():
        pytest.skip("no mnist32-discriminator among the shared data")
    gan = load_gan(str(file))
    assert (gan.image.size, gan.image.channels, gan.generator) == (32, 1, None)
    digits = np.load(shared_data / "mnist" / "mnist.npz")["x_test"][:200]
    padded = np.pad(digits, ((0, 0), (2, 2), (2, 2)))[..., None]
    noise = np.random.default_rng(0).integers(0, 256, padded.shape, dtype=np.uint8)
    real, fake = (gan.score(gan.image.from_uint8(pictures)) for pictures in (padded, noise))
    assert real.median() > fake.median()
