"""The DCGAN is the paper's and the port's, at every size."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganlab.architectures import build
from ganlab.architectures.chain import build_chain
from ganlab.architectures.convolutions import ToPicture
from ganlab.architectures.dcgan import KERNELS, SIZES, DcganSettings, build_dcgan
from ganlab.architectures.settings import CHANNELS
from ganlab.errors import GanlabError

pytestmark = pytest.mark.usefixtures("one_thread")


def plain_generator(z_dim: int, width: int, channels: int) -> nn.Sequential:
    """The widely used port's 64-pixel generator, written out."""
    return nn.Sequential(
        nn.ConvTranspose2d(z_dim, width * 8, 4, 1, 0, bias=False),
        nn.BatchNorm2d(width * 8),
        nn.ReLU(True),
        nn.ConvTranspose2d(width * 8, width * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width * 4),
        nn.ReLU(True),
        nn.ConvTranspose2d(width * 4, width * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width * 2),
        nn.ReLU(True),
        nn.ConvTranspose2d(width * 2, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(True),
        nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def plain_discriminator(width: int, channels: int) -> nn.Sequential:
    """The port's discriminator up to its logit."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width, width * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width * 2),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width * 2, width * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width * 4),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width * 4, width * 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width * 8),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width * 8, 1, 4, 1, 0, bias=False),
        nn.Flatten(0),
    )


def with_weights_of(plain: nn.Sequential, ours: nn.Module) -> nn.Sequential:
    """The same tensors in the same order under other names."""
    values = ours.state_dict().values()
    plain.load_state_dict(dict(zip(plain.state_dict(), values, strict=True)))
    return plain


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("channels", CHANNELS)
def test_shapes(size: int, kernel: int, channels: int) -> None:
    generator, discriminator = build_dcgan(DcganSettings(size, channels, 2, 7, kernel))
    with torch.no_grad():
        images = generator(torch.rand(2, 7))
        assert images.shape == (2, channels, size, size)
        assert images.abs().max() <= 1
        assert discriminator(images).shape == (2,)
    sides = [4 << step for step in range((size // 8).bit_length())]
    assert [name for name, _ in generator.named_children()] == [*(f"up{side}" for side in sides), "output"]
    assert [name for name, _ in discriminator.named_children()] == [*(f"down{side}" for side in sides[::-1]), "logit"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_block_is_named_after_the_side_of_its_output(kernel: int) -> None:
    for network, inputs in zip(
        build_dcgan(DcganSettings(64, 3, 4, 7, kernel)), (torch.rand(2, 7, 1, 1), torch.rand(2, 3, 64, 64)), strict=True
    ):
        features = inputs
        for name, block in network.named_children():
            features = block(features)
            if name.startswith(("up", "down")):
                side = int(name.removeprefix("up").removeprefix("down"))
                assert features.shape[1:] == (4 * 32 // side, side, side)


def test_parameter_counts_are_the_ports_and_the_papers_widths() -> None:
    generator, discriminator = build_dcgan(DcganSettings())
    assert count(generator) == count(plain_generator(100, 64, 3)) == 3_576_704
    assert count(discriminator) == count(plain_discriminator(64, 3)) == 2_765_568
    paper = DcganSettings(width=128, kernel=5)
    assert [paper.maps(side) for side in paper.sides()] == [1024, 512, 256, 128]
    with torch.device("meta"):
        from ganlab.architectures.dcgan import Generator

        assert Generator(paper).up8.conv.weight.shape == (1024, 512, 5, 5)
    assert DcganSettings(size=256).maps(4) == 1024  # no wider than that


@pytest.mark.parametrize("training", [True, False])
def test_same_function_as_the_port_with_the_same_weights(training: bool) -> None:
    generator, discriminator = build_dcgan(DcganSettings(width=8, z_dim=20), seed=3)
    g = with_weights_of(plain_generator(20, 8, 3), generator).train(training)
    d = with_weights_of(plain_discriminator(8, 3), discriminator).train(training)
    z = torch.rand(4, 20) * 2 - 1
    with torch.no_grad():
        images = generator.train(training)(z)
        torch.testing.assert_close(images, g(z[:, :, None, None]))
        torch.testing.assert_close(discriminator.train(training)(images), d(images))


def test_initial_weights_follow_the_paper() -> None:
    for network in build_dcgan(DcganSettings(width=32), seed=1):
        for name, module in network.named_modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                assert module.bias is None, name
                weight = module.weight
                deviation = weight.std().item()
                assert abs(deviation - 0.02) < 0.02 * 5 / weight.numel() ** 0.5, name
                assert abs(weight.mean().item()) < 0.02 * 5 / weight.numel() ** 0.5, name
            if isinstance(module, nn.BatchNorm2d):
                scale = module.weight
                assert abs(scale.mean().item() - 1) < 0.02 * 5 / scale.numel() ** 0.5, name
                assert 0.01 < scale.std().item() < 0.03, name
                assert module.bias.abs().max() == 0, name
                assert module.running_mean.abs().max() == 0, name  # type: ignore[union-attr]
                assert (module.running_var == 1).all(), name
                assert module.num_batches_tracked == 0, name


def test_a_seed_names_the_weights_and_leaves_the_global_random_state_alone() -> None:
    settings = DcganSettings(16, 3, 4, 10)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = [network.state_dict() for network in build_dcgan(settings, 5)]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    for known, again, other in zip(first, build_dcgan(settings, 5), build_dcgan(settings, 6), strict=True):
        for key, value in again.state_dict().items():
            assert torch.equal(value, known[key])
            if key.endswith("conv.weight"):
                assert not torch.equal(value, other.state_dict()[key])


def test_a_seed_names_every_weight_of_a_chain() -> None:
    layers = [
        {"name": "linear", "kind": "linear", "inputs": 8, "outputs": 32},
        {"name": "maps", "kind": "reshape", "shape": [2, 4, 4]},
        {"name": "conv", "kind": "conv", "inputs": 2, "outputs": 3, "kernel": [3, 3]},
    ]
    card = {"generator": layers, "discriminator": layers}
    first = [network.state_dict() for network in build_chain(card, 5)]
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again, other = build_chain(card, 5), build_chain(card, 6)
    assert torch.equal(torch.get_rng_state(), before)
    for known, same, fresh in zip(first, again, other, strict=True):
        for key, value in same.state_dict().items():
            assert torch.equal(value, known[key])
            assert not torch.equal(value, fresh.state_dict()[key]), key
    assert not any(torch.equal(value, first[1][key]) for key, value in first[0].items())


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"size": 63}, "power of two"),
        ({"size": 512}, "power of two"),
        ({"size": 8}, "power of two"),
        ({"channels": 2}, "channels"),
        ({"kernel": 3}, "kernels"),
        ({"width": 0}, "width"),
        ({"width": 10**9}, "width"),
        ({"z_dim": 0}, "dimension"),
        ({"z_dim": 10**9}, "dimension"),
    ],
)
def test_settings_that_make_no_dcgan_are_told(settings: dict[str, int], word: str) -> None:
    with pytest.raises(GanlabError, match=word) as caught:
        DcganSettings(**settings)
    assert caught.value.hint


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64])
def test_seeds_out_of_range_are_told(seed: int) -> None:
    with pytest.raises(GanlabError, match="seed"):
        build_dcgan(DcganSettings(16, 3, 2, 4), seed)


def test_cards_build_networks() -> None:
    settings = DcganSettings(16, 1, 4, 10, 5)
    assert settings.to_card() == {"name": "dcgan", "size": 16, "channels": 1, "width": 4, "z_dim": 10, "kernel": 5}
    generator, discriminator = build(settings.to_card(), seed=2)
    expected, _ = build_dcgan(settings, 2)
    assert torch.equal(generator.up4.conv.weight, expected.up4.conv.weight)
    assert discriminator.down8.conv.weight.shape == (4, 1, 5, 5)
    for card, word in (
        ({"name": "stylegan"}, "stylegan"),
        ({}, "architecture called ''"),
        ({"name": "dcgan", "depth": 3}, "no setting 'depth'"),
        ({"name": "dcgan", "size": "64"}, "'size' must be a whole number"),
        ({"name": "dcgan", "size": True}, "'size' must be a whole number"),
    ):
        with pytest.raises(GanlabError, match=word):
            build(card)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_convolution_that_draws_the_picture_is_torchs_own(channels: int, memory: torch.memory_format) -> None:
    ours, torchs = ToPicture(6, channels), nn.ConvTranspose2d(6, channels, 4, 2, 1, bias=False)
    torchs.load_state_dict(ours.state_dict())
    maps = torch.rand(5, 6, 8, 8, dtype=torch.float64).to(memory_format=memory)
    results = []
    for layer in (ours, torchs):
        given = maps.clone().requires_grad_()
        output = layer.double()(given)
        (output * torch.linspace(-1, 1, output.numel(), dtype=torch.float64).reshape(output.shape)).sum().backward()
        results.append((output, given.grad, layer.weight.grad))
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


def test_a_picture_is_drawn_alike_in_any_batch(one_thread: None) -> None:
    layer, maps = ToPicture(12, 3).to(memory_format=torch.channels_last), torch.rand(16, 12, 8, 8)
    with torch.no_grad():
        together = layer(maps.contiguous(memory_format=torch.channels_last))
        for count in (1, 2, 5):
            assert torch.equal(layer(maps[:count]), together[:count])
