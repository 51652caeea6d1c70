"""A notebook may choose on which device torch makes new tensors: GANs know their own device all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from ganlab import Result, analysis, load_gan
from ganlab.architectures.chain import build_chain
from ganlab.architectures.dcgan import DcganSettings, build_dcgan
from ganlab.architectures.mlp import MlpSettings, build_mlp
from ganlab.testing import tiny_gan

CHAIN = {"generator": [{"name": "only", "kind": "linear", "inputs": 2, "outputs": 2}]}


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """Where what is computed meets no tensor of the CPU: it stands for a notebook's "cuda"."""
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: build_dcgan(DcganSettings(16, 3, 2, classes=3, classes_as="embedding")),
        lambda: build_mlp(MlpSettings(4, 1, 2, classes=3, classes_as="embedding")),
        lambda: build_chain(CHAIN)[:1],
    ],
    ids=["dcgan", "mlp", "chain"],
)
def test_networks_are_made_on_the_cpu(make: Callable[[], tuple[nn.Module, ...]], elsewhere: None) -> None:
    made = make()
    torch.set_default_device(None)
    for network, expected in zip(made, make(), strict=True):
        for name, value in expected.state_dict().items():
            assert torch.equal(network.state_dict()[name], value), name


@pytest.mark.filterwarnings("error")  # torch warns of each weight that a meta tensor does not take
def test_a_gan_is_opened_edited_and_cut_as_ever(elsewhere: None) -> None:
    gan = load_gan("rooms-64")
    latents = gan.latents(2)
    with (
        gan.record("up4") as recording,
        gan.edit({"up8": lambda features, rows: features * (rows < 1)[:, None, None, None]}),
    ):
        drawn = gan.generate(latents)
    assert {drawn.device.type, recording["up4"].device.type} == {"cpu"}
    assert gan.without("up4", [1]).generate(latents).device.type == "cpu"
    assert gan.untrained(0).generate(latents).device.type == "cpu"


def test_classes_lie_where_z_does(elsewhere: None) -> None:
    latents = tiny_gan(classes=3).latents(2, label=1)
    assert latents.labels is not None
    assert latents.labels.tolist() == [1, 1]


def test_an_analysis_makes_its_tensors_on_the_cpu(elsewhere: None) -> None:
    @analysis
    def look() -> Result:
        """See where new tensors lie."""
        return Result(torch.ones(1).device.type)

    assert look().summary == "cpu"
    assert torch.ones(1).device.type == "meta"
