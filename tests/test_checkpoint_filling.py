"""--gan MODULE:FACTORY+FILE: every network gets the weights that fit it, or a word says why; classes are told, too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab import Gan, GanlabError, ImageSpec, Prior, load_gan
from tests.door_kit import Discriminator, Generator, Pair, draws_as, refused

pytestmark = pytest.mark.usefixtures("one_thread")

MODULE = """
from torch.nn import DataParallel
from ganlab import Gan, ImageSpec, Prior
from ganlab.testing import tiny_gan
from tests.door_kit import Discriminator, Generator

def wrapped(): return DataParallel(Generator())
def both(): return Generator(), Discriminator()
def fresh(): return Generator()
def whole(): return tiny_gan()
def unnamed(): return Gan(Generator(), prior=Prior(16, "normal"), image=ImageSpec(16))
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "their_networks.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("their_networks", None)


def test_both_networks_are_filled(made: Pair) -> None:
    torch.save(
        {"netG": made.generator.state_dict(), "netD": made.discriminator.state_dict(prefix="module.")}, "both.pt"
    )
    gan = load_gan("their_networks:both+both.pt")
    pictures = gan.generate(gan.latents(4))
    assert draws_as(gan, made.generator)
    with torch.no_grad():
        torch.testing.assert_close(gan.score(pictures), made.discriminator.main[:-1](pictures).flatten())


def test_a_discriminator_without_weights_of_its_own_is_not_left_as_it_was_drawn(made: Pair) -> None:
    torch.save(made.generator.state_dict(), "G.pt")
    error = refused("their_networks:both+G.pt", "do not fit the discriminator of their_networks:both")
    assert "return the generator alone" in error.hint


def test_one_of_several_that_fit_is_chosen_by_its_name(made: Pair) -> None:
    averaged = Generator()
    torch.save({"G_raw": made.generator.state_dict(), "G_ema": averaged.state_dict()}, "two.pt")
    assert "+two.pt#G_" in refused("their_networks:fresh+two.pt", "holds 2 state dicts that fit the generator").hint
    assert draws_as(load_gan("their_networks:fresh+two.pt#G_raw"), made.generator)
    assert draws_as(load_gan("their_networks:fresh+two.pt#G_ema"), averaged.eval())
    assert "'G_raw', 'G_ema'" in refused("their_networks:fresh+two.pt#G_none", "holds no 'G_none'").hint


def test_what_would_be_passed_over_is_refused(made: Pair) -> None:
    torch.save(made.generator.state_dict(), "G.pt")
    refused("their_networks:whole+G.pt", "nothing is left to fill")
    refused("their_networks:whole", "no place for --z", z="uniform")
    refused("their_networks:fresh", "no place for --statistics", statistics="fresh")
    refused("their_networks:fresh#G", "no 'G' to choose")
    refused("their_networks:fresh+G.pt", "no place for --eps", eps=0.8)


def test_a_gan_without_a_name_is_called_after_its_factory() -> None:
    assert load_gan("their_networks:unnamed").name == "their_networks-unnamed"
    assert load_gan("their_networks:whole").name != "their_networks-whole"


class OfClass(nn.Module):
    """A logit that is the class, less ten times the mean of the picture; as (n,), not (n, 1)."""

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return labels - 10 * images.mean((1, 2, 3))


class Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(5, 3, 16)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.up(z[:, :, None, None]) + labels[:, None, None, None])


def test_a_discriminator_that_insists_on_classes_is_told_them() -> None:
    gan = Gan(Drawing(), OfClass(), prior=Prior(5), image=ImageSpec(16), classes=4)
    assert gan.conditional_discriminator
    assert gan.score(torch.zeros(2, 3, 16, 16), torch.tensor([0, 3])).tolist() == [0, 3]
    assert gan.of_class(2).score(torch.zeros(2, 3, 16, 16)).tolist() == [2, 2]
    with pytest.raises(GanlabError, match="told the class"):
        gan.score(torch.zeros(2, 3, 16, 16))
    assert gan.layers("discriminator") is not None
    assert gan.of_class(1).untrained(0).of_class(3).score(torch.zeros(1, 3, 16, 16)).tolist() == [3]


def test_classes_that_nobody_counted_are_asked_for() -> None:
    with pytest.raises(GanlabError, match="takes 2 inputs, and of the GAN no classes are known") as caught:
        Gan(None, OfClass(), image=ImageSpec(16))
    assert "classes=10" in caught.value.hint


def test_logits_of_one_dimension_are_one_a_picture() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.discriminator = Discriminator()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.discriminator.main[:-1](images).view(-1)

    from ganlab.checkpoints.factories import OneLogit

    judge, images = Flat().eval(), torch.rand(3, 3, 16, 16)
    assert torch.equal(OneLogit(judge)(images), judge(images))


def test_a_file_from_before_norms_counted_batches_fits(made: Pair) -> None:
    old = {key: value for key, value in made.generator.state_dict().items() if "num_batches" not in key}
    torch.save(old, "old.pt")
    assert draws_as(load_gan("their_networks:fresh+old.pt"), made.generator)
    torch.save({**made.generator.state_dict(), "extra.num_batches_tracked": torch.tensor(1)}, "more.pt")
    assert draws_as(load_gan("their_networks:fresh+more.pt"), made.generator)
    del old["main.0.weight"]
    torch.save(old, "less.pt")
    refused("their_networks:fresh+less.pt", "has no main.0.weight")


def test_a_gan_whose_networks_cannot_be_copied_opens() -> None:
    Path("their_networks.py").write_text(
        "import torch\nfrom torch import nn\nfrom ganlab import Gan, ImageSpec, Prior\n"
        "def normed():\n"
        "    linear = torch.nn.utils.weight_norm(nn.Linear(4, 192))\n"
        "    return Gan(nn.Sequential(linear, nn.Unflatten(1, (3, 8, 8))), prior=Prior(4), image=ImageSpec(8))\n"
    )
    with pytest.warns(FutureWarning, match="weight_norm"):
        assert load_gan("their_networks:normed").name == "their_networks-normed"


def test_a_traced_discriminator_is_told_nothing() -> None:
    judge = nn.Sequential(nn.Flatten(), nn.Linear(768, 1), nn.Flatten(0))
    traced = torch.jit.trace(judge, torch.zeros(2, 3, 16, 16))
    gan = Gan(None, traced, image=ImageSpec(16))
    assert not gan.conditional_discriminator
    images = torch.rand(3, 3, 16, 16)
    assert torch.allclose(gan.score(images), judge(images))


LIGHTNING = {
    "both.ckpt": ("state_dict", "generator.", "discriminator."),
    "learner.pth": ("model", "generator.", "critic."),
}


@pytest.mark.parametrize("file", LIGHTNING)
@pytest.mark.parametrize("inside", ["", "_orig_mod."])
def test_networks_that_a_larger_one_holds_are_filled_without_its_words(made: Pair, file: str, inside: str) -> None:
    home, first, second = LIGHTNING[file]
    judged = made.discriminator.state_dict(prefix=second + inside)
    torch.save({home: {**made.generator.state_dict(prefix=first + inside), **judged}, "epoch": 3}, file)
    gan = load_gan(f"their_networks:both+{file}")
    pictures = gan.generate(gan.latents(4))
    assert draws_as(gan, made.generator)
    with torch.no_grad():
        torch.testing.assert_close(gan.score(pictures), made.discriminator.main[:-1](pictures).flatten())
    assert draws_as(load_gan(f"their_networks:fresh+{file}#{home}.generator"), made.generator)
    alone = made.generator.state_dict(prefix=first + inside)
    torch.save({home: alone}, "alone.ckpt")
    assert draws_as(load_gan("their_networks:fresh+alone.ckpt"), made.generator)
    del alone[f"{first}{inside}main.0.weight"]
    torch.save({home: alone}, "alone.ckpt")
    refused("their_networks:fresh+alone.ckpt", f"{home} has no main.0.weight")


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "module._orig_mod.module."])
@pytest.mark.parametrize("factory", ["fresh", "wrapped"])
def test_wrappers_are_of_no_account_on_either_side(made: Pair, prefix: str, factory: str) -> None:
    torch.save(made.generator.state_dict(prefix=prefix), "G.pt")
    assert draws_as(load_gan(f"their_networks:{factory}+G.pt"), made.generator)


def test_an_averaged_model_is_filled_without_its_count(made: Pair) -> None:
    averaged = torch.optim.swa_utils.AveragedModel(made.generator)
    averaged.update_parameters(made.generator)
    torch.save(averaged.state_dict(), "averaged.pt")
    assert draws_as(load_gan("their_networks:fresh+averaged.pt"), made.generator)
