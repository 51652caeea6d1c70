"""What is no discriminator is not taken for one, alone or beside a generator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab import GanlabError, load_gan
from tests.stripped_kit import seen, transposed

pytestmark = pytest.mark.usefixtures("one_thread")


def encoder(outputs: int = 12) -> nn.Sequential:
    """Of 16x16, three channels."""
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), nn.Linear(16 * 16, outputs)),
    )


NO_DISCRIMINATORS = {
    "encoder": (encoder, "lead from pictures to 12 numbers"),
    "classifier": (lambda: encoder(10), "lead from pictures to 10 numbers"),
    "denoiser": (
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 3, 3, 1, 1))
        ),
        "lead from 3 to 3 channels",
    ),
}


@pytest.mark.parametrize("kind", NO_DISCRIMINATORS)
def test_a_verdict_is_one_number(kind: str, tmp_path: Path) -> None:
    make, said = NO_DISCRIMINATORS[kind]
    for name in ("it.pth", "netD.pth"):
        torch.save(make().state_dict(), tmp_path / name)
        with pytest.raises(GanlabError, match=said):
            load_gan(str(tmp_path / name))
    torch.save(encoder(1).state_dict(), tmp_path / "it.pth")
    assert load_gan(str(tmp_path / "it.pth")).discriminator is not None


@pytest.mark.parametrize("outputs", [12, 1])
def test_what_is_called_a_discriminator_is_it(outputs: int, tmp_path: Path) -> None:
    judge, drawing = encoder(1), seen(nn.Sequential(*transposed()))
    held = {"netE": encoder(outputs), "netG": drawing, "netD": judge}
    torch.save({name: network.state_dict() for name, network in held.items()}, tmp_path / "all.pth")
    gan = load_gan(str(tmp_path / "all.pth"), z="normal", activation="relu")
    pictures = gan.generate(gan.latents(8))
    with torch.no_grad():
        assert torch.allclose(gan.score(pictures), judge(pictures).flatten(), atol=1e-4)
    assert any("netE" in note for note in gan.card.notes)


def test_a_discriminator_of_several_numbers_is_left_out_and_said(tmp_path: Path) -> None:
    drawing = seen(nn.Sequential(*transposed()))
    torch.save({"netG": drawing.state_dict(), "netD": encoder(11).state_dict()}, tmp_path / "both.pth")
    gan = load_gan(str(tmp_path / "both.pth"), z="normal", activation="relu")
    assert gan.discriminator is None
    assert any("discriminator was left out" in note and "11 numbers" in note for note in gan.card.notes)


@pytest.mark.parametrize("order", ["G.pth+D.pth", "D.pth+G.pth"])
def test_of_two_files_a_discriminator_is_not_opened_alone_because_the_other_cannot_be_read(
    order: str, tmp_path: Path
) -> None:
    torch.save(encoder(1).state_dict(), tmp_path / "D.pth")
    drawing = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(48, 784))
    torch.save(drawing.state_dict(), tmp_path / "G.pth")
    with pytest.raises(GanlabError, match=r"G\.pth cannot be read: The layers of .* do not follow each other"):
        load_gan("+".join(str(tmp_path / name) for name in order.split("+")))
