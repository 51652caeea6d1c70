"""The strides that no norm and no usual size decide are said to be open, with the pictures they would lead to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from ganlab import Gan, GanlabError, Hints, Stored, StoredNetwork
from ganlab.recovery.hypotheses import Hypothesis
from ganlab.recovery.parts import parts_of
from ganlab.recovery.recover import recover
from ganlab.recovery.smoothness import smoothed
from tests.recovery_kit import Reshape, latents

Z = 16


def geometries(network: nn.Module, **hints: Any) -> tuple[Gan, list[Mapping[str, Any]]]:
    """The GAN recovered from its weights, and what was decided about how its layers move from side to side."""
    stored = Stored([StoredNetwork("", parts_of(network.state_dict()))], "PyTorch state dict")
    gan = recover(stored, "case", Hints(**hints))
    decided: list[Mapping[str, Any]] = gan.card.facts["decisions"]
    return gan, [one for one in decided if one["what"].startswith("geometry")]


def trained(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(30):
            network.train()(latents("normal", 64, Z))
    return network.eval()


def ending_in_fives(width: int) -> nn.Module:
    """32x32, without norms; of as many maps before as after where the width is 8."""
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Linear(Z, 8 * 64), nn.ReLU(), Reshape(8, 8, 8), nn.ConvTranspose2d(8, width, 5, 2, 2, 1), nn.ReLU()),
        *(nn.ConvTranspose2d(width, 1, 5, 2, 2, 1), nn.Tanh()),
    )
    even = torch.tensor([1.0, 2.0, 2.0, 2.0, 1.0])  # as much on even pixels as on odd ones
    for layer in (network[3], network[5]):
        layer.weight.data = layer.weight.data.mean((2, 3), keepdim=True) * even * even[:, None]
    return network.eval()


def test_without_norms_what_leads_to_other_usual_sizes_is_open() -> None:
    network = ending_in_fives(width=6)
    gan, (matrix, *layers) = geometries(network, activation="relu", z="normal", output="tanh")
    assert gan.image.size == 32
    assert matrix["certain"]
    assert all(not one["certain"] and "for pictures of " in one["runner_up"] for one in layers)
    assert any(not one["runner_up"].endswith("32x32") for one in layers)
    stated, decided = geometries(network, activation="relu", z="normal", output="tanh", image_size=32)
    assert stated.image.size == 32
    assert all(one["certain"] or one["runner_up"].endswith("32x32") for one in decided)


def test_a_kernel_that_may_be_of_either_kind_of_convolution_is_open_too() -> None:
    """Of as many inputs as outputs, and no norm hears it."""
    gan, _ = geometries(ending_in_fives(width=8), activation="relu", z="normal", output="tanh")
    (reading,) = [one for one in gan.card.facts["decisions"] if one["what"] == "reading of its layers"]
    assert "as a transposed convolution" in reading["chosen"] + reading["runner_up"]
    assert "as a convolution" in reading["chosen"] + reading["runner_up"]
    assert not reading["certain"]


def test_norms_decide_all_but_the_last_layer() -> None:
    network = nn.Sequential(
        *(Reshape(Z, 1, 1), nn.ConvTranspose2d(Z, 16, 4), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.ConvTranspose2d(16, 12, 4, 2, 1), nn.BatchNorm2d(12), nn.ReLU()),
        *(nn.ConvTranspose2d(12, 3, 4, 2, 1), nn.Tanh()),
    )
    gan, decided = geometries(trained(network))
    assert gan.image.size == 16
    assert [one["certain"] for one in decided] == [True, True, False]
    assert "for pictures of 32x32" in decided[-1]["runner_up"]
    _, decided = geometries(network, image_size=16)
    assert all(one["certain"] for one in decided)


def test_a_last_kernel_that_may_keep_or_double_the_side_is_open() -> None:
    network = nn.Sequential(
        *(Reshape(Z, 1, 1), nn.ConvTranspose2d(Z, 16, 4), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.ConvTranspose2d(16, 12, 4, 2, 1), nn.BatchNorm2d(12), nn.ReLU()),
        *(nn.ConvTranspose2d(12, 12, 4, 2, 1), nn.BatchNorm2d(12), nn.ReLU()),
        *(nn.ConvTranspose2d(12, 3, 3, 1, 1), nn.Tanh()),
    )
    gan, decided = geometries(trained(network))
    sizes = {gan.image.size, *(size for size in (16, 32) if f"{size}x{size}" in decided[-1]["runner_up"])}
    assert sizes == {16, 32}  # whichever it took, the other is told
    assert [one["certain"] for one in decided] == [True, True, True, False]
    told, decided = geometries(network, image_size=16)
    assert told.image.size == 16
    assert all(one["certain"] for one in decided)


def drawing_smoothly(stride: int) -> nn.Module:
    """Trained to draw blobs of 8 * ``stride`` pixels; the last layer's kernel has a side of 4, whatever its stride."""
    torch.manual_seed(0)
    layers = [
        *(Reshape(Z, 1, 1), nn.ConvTranspose2d(Z, 24, 4), nn.BatchNorm2d(24), nn.ReLU()),
        *(nn.ConvTranspose2d(24, 12, 4, 2, 1), nn.BatchNorm2d(12), nn.ReLU()),
        *(nn.ConvTranspose2d(12, 3, 4, stride, 2 - stride // 2), nn.Tanh()),
    ]
    network = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    target = torch.nn.functional.interpolate(torch.randn(Z, 3, 3, 3), 8 * stride, mode="bicubic").flatten(1)
    for _ in range(150):  # smooth pictures, linear in z
        z = torch.randn(64, Z)
        loss = (network(z).flatten(1) - torch.tanh(z @ target / 4)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.num_batches_tracked.fill_(20_000)  # type: ignore[union-attr, operator]
    return network.eval()


@pytest.mark.parametrize("stride", [2, 4])
def test_the_last_stride_is_certain_only_where_its_pictures_are_smoother_than_its_rivals(stride: int) -> None:
    gan, (*_, last) = geometries(drawing_smoothly(stride), z="normal", activation="relu")
    assert gan.image.size == 8 * stride or not last["certain"]
    assert last["certain"] == (stride == 2)
    assert "for pictures of 32x32" in last["runner_up"]


def test_a_stride_that_nothing_tells_is_open_wherever_another_leads_to_pictures() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(8, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 3, 5, padding=2), nn.Tanh()]
    network = nn.Sequential(nn.Linear(Z, 8 * 1024), Reshape(8, 32, 32), nn.ReLU(), *layers).eval()
    _, (*_, last) = geometries(network)
    assert not last["certain"]
    assert "28x28" in last["runner_up"]


def less_than_double() -> nn.Module:
    """28x28 by a kernel of 4 that makes 8 pixels 14."""
    return nn.Sequential(
        *(Reshape(Z, 1, 1), nn.ConvTranspose2d(Z, 16, 4, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.ConvTranspose2d(16, 12, 4, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
        *(nn.ConvTranspose2d(12, 8, 4, 2, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh()),
    )


def halving() -> nn.Module:
    """28x28, of maps of 56x56."""
    return nn.Sequential(
        *(Reshape(Z, 1, 1), nn.ConvTranspose2d(Z, 16, 7, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.ConvTranspose2d(16, 12, 4, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
        *(nn.ConvTranspose2d(12, 10, 4, 2, 1, bias=False), nn.BatchNorm2d(10), nn.ReLU()),
        *(nn.ConvTranspose2d(10, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 3, 2, 2), nn.Tanh()),
    )


@pytest.mark.parametrize("network", [less_than_double(), halving()])
def test_ways_that_few_go_are_tried_where_the_size_is_stated(network: nn.Module) -> None:
    gan, _ = geometries(trained(network), activation="relu", z="normal", output="tanh", image_size=28)
    drawn = gan.latents(4)
    with torch.no_grad():
        torch.testing.assert_close(gan.generate(drawn), network(drawn.z))


def test_a_size_that_cannot_be_is_not_asked_for_again() -> None:
    with pytest.raises(GanlabError, match="pictures of 1000 pixels") as caught:
        geometries(ending_in_fives(width=6), image_size=1000)
    assert "another --image-size" in caught.value.hint


def test_of_two_ways_beside_the_usual_last_stride_the_likelier_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of SNGAN's last kernel of 3, which keeps the side: there no other way is smoothest."""
    rough = {64: 1.144, 32: 0.979, 96: 0.951, 128: 1.3}
    monkeypatch.setattr("ganlab.recovery.smoothness._heard", lambda one: rough[one.side])
    ways = [
        Hypothesis({"layer 4": words}, (), torch.empty(0), side=side, rank=rank)
        for words, side, rank in [("doubles", 64, 0), ("keeps", 32, 1), ("trebles", 96, 3), ("quadruples", 128, 1)]
    ]
    best, ruling = smoothed(ways[0], ways, "layer 4")
    assert best is ways[0]
    assert ruling is not None
    assert not ruling.clear
    assert ruling.runner_up == "keeps, for pictures of 32x32: 0.979; trebles, for pictures of 96x96"
    assert ruling.runner_up_error == 0.951
