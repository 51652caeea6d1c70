"""Discriminators with a second head, of classes, on the trunk of their verdict; what is no picture is told early."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab import GanlabError, load_gan
from ganlab.recovery.heads import one_headed
from ganlab.recovery.parts import parts_of
from ganlab.recovery.stored import StoredNetwork
from tests.stripped_kit import seen, transposed

pytestmark = pytest.mark.usefixtures("one_thread")


class Headed(nn.Module):
    """Of 16x16, three channels, as SGAN's, ACGAN's and InfoGAN's of PyTorch-GAN."""

    def __init__(self, *others: int, bias: bool = True) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2)),
        )
        self.adv_layer = nn.Sequential(nn.Linear(16 * 16, 1), nn.Sigmoid())
        for number, outputs in enumerate(others):
            layer = nn.Linear(16 * 16, outputs, bias=bias)
            self.add_module(f"aux{number}_layer", nn.Sequential(layer, nn.Softmax(dim=1)))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.adv_layer[0](self.blocks(pictures).flatten(1))
        return logits.flatten()


def network_of(judge: nn.Module) -> StoredNetwork:
    return StoredNetwork("d", parts_of(judge.state_dict()))


@pytest.mark.parametrize("others", [(11,), (10, 2)])
@pytest.mark.parametrize("beside", [True, False])
def test_the_head_of_one_number_gives_the_verdict(others: tuple[int, ...], beside: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    judge, drawing = Headed(*others), seen(nn.Sequential(*transposed()))
    torch.save(judge.state_dict(), tmp_path / "D.pth")
    torch.save(drawing.state_dict(), tmp_path / "G.pth")
    spec = f"{tmp_path}/G.pth+{tmp_path}/D.pth" if beside else f"{tmp_path}/D.pth"
    gan = load_gan(spec, image_size=16)
    pictures = torch.rand(8, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(gan.score(pictures), judge(pictures), atol=1e-4)
    (note,) = (note for note in gan.card.notes if "heads" in note)
    assert "adv_layer.0 gives its verdict" in note
    assert all(f"aux{number}_layer.0 ({outputs} outputs)" in note for number, outputs in enumerate(others))


@pytest.mark.parametrize(
    "judge",
    [
        Headed(10, bias=False),  # which may be an embedding of classes that takes part in the verdict
        Headed(1),  # of which nothing tells which one is the verdict
        nn.Sequential(nn.Conv2d(3, 8, 16), nn.Flatten(), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 1)),
        nn.Sequential(*transposed()),
    ],
)
def test_what_is_no_second_head_stays(judge: nn.Module) -> None:
    network = network_of(judge)
    assert one_headed(network) == (network, "")


def test_numbers_that_make_no_picture_are_told_before_any_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def searched(*_: object) -> None:
        pytest.fail("it was searched")

    monkeypatch.setattr("ganlab.recovery.generators.search", searched)
    torch.save(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 11)).state_dict(), tmp_path / "it.pth")
    with pytest.raises(GanlabError, match="11 numbers make no square picture"):
        load_gan(str(tmp_path / "it.pth"))
