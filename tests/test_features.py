"""Guided backpropagation against an independent one, filters whose concept is planted, and what can go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop
from PIL import Image
from torch import nn
from torch.nn import functional as F

from ganlab import Gan, GanlabError, ImageSpec, Labeler, Metric, Prior, open_images
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_features import features
from ganlab_features.dissection import dissect
from ganlab_features.figures import colours, crops
from ganlab_features.guided import Layer, guided_gradients
from ganlab_features.investigation import _summary, last_convolution
from ganlab_features.judging import shares_on
from ganlab_features.pictures import Data, Samples
from ganlab_features.receptive import Fields, receptive_fields
from ganlab_features.strongest import strongest
from ganlab_features.structure import mean_with_interval, structure

from .kit import one_thread as one_thread  # on one thread
from .planted import SIZE, Planted, Truth

RULES = ("leaky-guided", "guided", "deconvolution")
SHAPE = (3, 32, 32)
Act = Callable[[torch.Tensor], torch.Tensor]


def drops_what_it_returns(x: torch.Tensor) -> torch.Tensor:
    F.leaky_relu_(x, 0.2)
    return x


# how networks call rectifiers, and the slope below zero
CALLS: dict[str, tuple[Callable[[], Act], float]] = {
    "LeakyReLU": (lambda: nn.LeakyReLU(0.2), 0.2),
    "LeakyReLU in place": (lambda: nn.LeakyReLU(0.2, inplace=True), 0.2),
    "PReLU": (lambda: nn.PReLU(init=0.3), 0.3),
    "PReLU, negative slope": (lambda: nn.PReLU(init=-0.1), -0.1),
    "ReLU": (lambda: nn.ReLU(), 0.0),
    "ReLU in place": (lambda: nn.ReLU(inplace=True), 0.0),
    "F.leaky_relu": (lambda: lambda x: F.leaky_relu(x, 0.2), 0.2),
    "F.leaky_relu in place": (lambda: lambda x: F.leaky_relu(x, 0.2, True), 0.2),
    "F.leaky_relu_": (lambda: drops_what_it_returns, 0.2),
    "F.leaky_relu, all named": (lambda: lambda x: F.leaky_relu(input=x, negative_slope=0.2), 0.2),
    "F.prelu": (lambda: lambda x: F.prelu(x, torch.tensor([0.3])), 0.3),
    "method": (lambda: lambda x: x.relu(), 0.0),
    "method in place": (lambda: lambda x: x.relu_(), 0.0),
}


class Net(nn.Module):
    """A discriminator with a skip connection around one of its rectifiers; its maps are those of ``maps``."""

    def __init__(self, act: Act, before: Act = lambda x: x) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 4, 2, 1)
        self.second = nn.Conv2d(8, 12, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.maps = nn.Identity()
        self.logit = nn.Conv2d(12, 1, 8)
        self.act = act
        self.before = before
        with torch.no_grad():
            generator = torch.Generator().manual_seed(1)
            for parameter in self.parameters():
                if parameter.numel() > 1:
                    parameter.normal_(0, 0.3, generator=generator)
            self.norm.running_mean.normal_(0, 0.3, generator=generator)
        self.eval().requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(self.before(x))
        x = x + self.act(x.clone())
        return self.logit(self.maps(self.act(self.norm(self.second(x))))).flatten()


class Reference(torch.autograd.Function):
    """The three rules, written once more, straight from their definitions."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, slope: float, rule: str) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.slope, ctx.rule = slope, rule
        return torch.where(x > 0, x, slope * x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        slope = {"leaky-guided": ctx.slope, "guided": 0.0, "deconvolution": 1.0}[ctx.rule]
        return (gradient * torch.where(x > 0, 1.0, slope)).clamp(min=0), None, None


def pictures(n: int = 9, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def maps_of(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    kept: list[torch.Tensor] = []
    handle = network.get_submodule("maps").register_forward_hook(lambda module, inputs, output: kept.append(output))
    network(images.clone())
    handle.remove()
    return kept[0]


UNITS = np.array([[0, 0, 0], [1, 3, 4], [11, 7, 7], [3, 0, 5], [3, 7, 2], [5, 4, 4], [6, 1, 1], [0, 6, 6], [9, 2, 0]])


def reference(network: nn.Module, images: torch.Tensor, units: np.ndarray) -> torch.Tensor:
    images = images.clone().requires_grad_()
    rows = torch.arange(len(units))
    chosen = maps_of(network, images)[rows, *torch.from_numpy(units).T]
    return torch.autograd.grad(chosen.sum(), images)[0]


def ours(network: nn.Module, images: torch.Tensor, units: np.ndarray, rule: Any) -> torch.Tensor:
    layer = Layer.of(network, "maps", SHAPE)
    responses = maps_of(network, images)[np.arange(len(units)), *units.T].numpy()
    return guided_gradients(layer, images, units, responses, rule)


def test_plugin_keeps_the_contract() -> None:
    import ganlab_features

    check_plugin(ganlab_features)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("rule", RULES)
def test_equals_an_independent_reference(call: str, rule: str) -> None:
    make, slope = CALLS[call]
    expected = reference(Net(lambda x: Reference.apply(x, slope, rule)), pictures(), UNITS)
    found = ours(Net(make()), pictures(), UNITS, rule)
    assert expected.abs().max() > 0.1
    assert (found - expected).abs().max() <= 1e-5


def test_plain_captum_is_the_plain_gradient_on_leaky_relu() -> None:
    """The trap that all this is for: without a word, captum alone changes nothing."""
    images, net = pictures(1), Net(nn.LeakyReLU(0.2))
    alone = GuidedBackprop(net).attribute(images.clone().requires_grad_())
    watched = images.clone().requires_grad_()
    assert torch.equal(alone, torch.autograd.grad(net(watched).sum(), watched)[0])
    plain = reference(net, pictures(), UNITS)
    assert (ours(net, pictures(), UNITS, "leaky-guided") - plain).abs().max() > 0.1


BEFORE: dict[str, Act] = {
    "looks at the whole picture": lambda x: x - x.mean((2, 3), keepdim=True),
    "knows where it is": lambda x: x * torch.linspace(0.5, 1.5, x.shape[3]),
    "takes one size only": lambda x: x.reshape(-1, 3, 32, 32),
    "begins in place": lambda x: x.mul_(1.5),
}


@pytest.mark.parametrize("before", BEFORE)
def test_networks_that_cannot_be_cut(before: str) -> None:
    expected = reference(Net(lambda x: Reference.apply(x, 0.2, "guided"), BEFORE[before]), pictures(), UNITS)
    found = ours(Net(nn.LeakyReLU(0.2), BEFORE[before]), pictures(), UNITS, "guided")
    assert (found - expected).abs().max() <= 1e-5


def test_filters_that_are_mixed_are_computed_all() -> None:
    class Mixed(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.second(self.act(self.first(x)))
            return self.logit(self.maps(self.act(x - x.mean(1, keepdim=True)))).flatten()

    expected = reference(Mixed(lambda x: Reference.apply(x, 0.2, "leaky-guided")), pictures(), UNITS)
    assert (ours(Mixed(nn.LeakyReLU(0.2)), pictures(), UNITS, "leaky-guided") - expected).abs().max() <= 1e-5


def test_nothing_is_left_behind_not_even_by_an_error() -> None:
    broken: list[bool] = []
    net = Net(nn.LeakyReLU(0.2), lambda x: x[:, :1] if broken else x)

    def state() -> list[object]:
        hooks = [list(module._forward_hooks) + list(module._forward_pre_hooks) for module in net.modules()]
        weights = [value.clone().tolist() for value in net.state_dict().values()]
        return [hooks, [type(module) for module in net.modules()], weights, torch._C._len_torch_function_stack()]

    before = state()
    layer = Layer.of(net, "maps", SHAPE)
    guided_gradients(layer, pictures(), UNITS, np.zeros(len(UNITS)), "guided")
    assert state() == before
    broken.append(True)  # no longer fits the first convolution
    with pytest.raises(RuntimeError):
        guided_gradients(layer, pictures(), UNITS, np.zeros(len(UNITS)), "guided")
    assert state() == before


def test_no_matched_activation_is_an_error() -> None:
    with pytest.raises(GanlabError, match="No activation"):
        Layer.of(Net(torch.tanh), "maps", SHAPE)
    with pytest.raises(GanlabError, match="No activation"):
        Layer.of(tiny_gan().discriminator, "down8.conv", (3, 16, 16))


def test_other_bending_functions_are_named() -> None:
    route = Layer.of(Net(nn.ReLU(), lambda x: torch.tanh(x)), "maps", SHAPE).route
    assert (route.rectifiers, route.others, route.filters) == (2, ("tanh",), 12)


def test_receptive_fields_are_those_of_brute_force() -> None:
    """Which units change at all when a row, or a column, of pixels does."""
    net = Net(nn.LeakyReLU(0.2)).double()
    image = pictures(1).double()
    before = maps_of(net, image)
    found = receptive_fields(Net(nn.LeakyReLU(0.2)), "maps", SHAPE)
    for axis, spans in ((2, found.rows), (3, found.columns)):
        for pixel in range(32):
            other = image.clone()
            other.select(axis, pixel).add_(1.0)
            changed = (maps_of(net, other) != before).any(1).any(5 - axis - 1).squeeze(0)
            assert torch.equal(changed, torch.tensor([first <= pixel < behind for first, behind in spans]))
    assert found.largest == (10, 10)


def test_receptive_fields_of_the_papers_layer_are_those_of_arithmetic() -> None:
    gan = tiny_gan(size=64, width=2)
    found = receptive_fields(gan.discriminator, "down4", (3, 64, 64))
    spans = [(max(0, 16 * unit - 15), min(64, 16 * unit + 31)) for unit in range(4)]  # 1 + 3 * (1 + 2 + 4 + 8) = 46
    assert found.rows.tolist() == found.columns.tolist() == [list(span) for span in spans]
    assert found.largest == (46, 46)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "pictures.npy"
    blocks = np.random.default_rng(0).integers(0, 256, (70, 4, 4, 3), dtype=np.uint8)
    np.save(file, blocks.repeat(4, 1).repeat(4, 2))
    return file


def test_the_strongest_are_those_of_brute_force(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gan, images = tiny_gan(), open_images(str(data))
    monkeypatch.setattr("ganlab_features.pictures.AT_ONCE", 16)
    monkeypatch.setattr("ganlab_features.strongest.AT_ONCE", 16)
    found = strongest([gan], "down4", Data(images, gan), 4)[0]
    everything = gan.image.from_uint8(np.load(data))
    with gan.record("down4", side="discriminator") as recording:
        gan.score(everything)
    maps = recording["down4"].numpy()
    order = np.argsort(-maps.max((2, 3)), axis=0, kind="stable")[:4].T
    assert np.array_equal(found.pictures, order)
    for number in range(maps.shape[1]):
        for rank in range(4):
            row, column = found.places[number, rank]
            assert maps[order[number, rank], number, row, column] == pytest.approx(found.responses[number, rank])
            assert maps[order[number, rank], number].max() == pytest.approx(found.responses[number, rank])


def planted(judge: nn.Module | None = None) -> Gan:
    """A GAN whose samples hold red squares, and whose discriminator's filter 2 finds them."""
    judge = judge or nn.Sequential(nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(6, 4, 1), nn.LeakyReLU(0.2))
    with torch.no_grad():
        for parameter in judge.parameters():
            parameter.normal_(0, 0.05, generator=torch.Generator().manual_seed(parameter.numel()))
        judge[0].weight[0] = torch.tensor([1.0, -0.5, -0.5])[:, None, None] / 16
        judge[2].weight[:, 0] = 0
        judge[2].weight[2] = torch.tensor([1.0, 0, 0, 0, 0, 0])[:, None, None]
    head = nn.Sequential(nn.Conv2d(4, 1, SIZE // 2), nn.Flatten(0))
    return Gan(Planted(), nn.Sequential(*judge, *head), prior=Prior(8), image=ImageSpec(SIZE, 3))


def test_finds_the_planted_filter_and_an_untrained_one_does_not(data: Path) -> None:
    result = features(planted(), str(data), filters=2, top=3, n=64, labeler=Truth(), layer="3", share=0.08)
    window = next(row for row in result.tables["concepts"].rows if row[0] == "window")
    table = dict(zip(result.tables["concepts"].columns, window, strict=True))
    assert table["best filter"] == 2
    assert table["best IoU"] > 0.6
    assert table["masks moved"] < 0.3
    assert table["best IoU, untrained"] < 0.45


def test_overlaps_are_those_of_brute_force() -> None:
    gan, share = planted(), 0.1
    samples = Samples(gan, 40, seed=0)
    found = dissect([gan], "1", samples, Truth(), share)
    images = samples.some(np.arange(40))
    with gan.record("1", side="discriminator") as recording:
        gan.score(images)
    maps, masks = recording["1"], Truth().masks(images, gan.image)
    for number in range(maps.shape[1]):
        values = np.sort(maps[:, number].numpy(), axis=None)[::-1]
        threshold = values[round(share * len(values)) - 1]
        assert found.thresholds[0][number] == threshold
        large = F.interpolate(maps[:, number : number + 1], size=(SIZE, SIZE), mode="bilinear")[:, 0].numpy()
        fired = large > threshold
        for concept in range(2):
            for picked, table in ((masks, found.overlaps[0].iou), (np.roll(masks, 1, 0), found.overlaps[0].moved)):
                mask = picked[:, concept]
                assert table[number, concept] == pytest.approx((fired & mask).sum() / (fired | mask).sum())
    assert found.area == pytest.approx(masks.mean((0, 2, 3)))


def test_samples_are_of_the_gans_class_or_of_all_in_turn() -> None:
    gan, rows = tiny_gan(classes=3), np.array([5, 0, 70])
    for drawn, labels in ((gan, [2, 0, 1]), (gan.of_class(1), [1, 1, 1])):
        samples = Samples(drawn, 71, seed=4)
        expected = torch.cat(
            [gan.generate(gan.latents(71, seed=4, label=one)[[row]]) for row, one in zip(rows, labels, strict=True)]
        )
        torch.testing.assert_close(samples.some(rows), expected)
        torch.testing.assert_close(torch.cat(list(samples.batches()))[rows], expected)
        assert len(samples) == 71


def test_how_much_of_a_gradient_lies_on_a_concept() -> None:
    gradient, mask = np.zeros((3, 8, 8), np.float32), np.zeros((8, 8), bool)
    gradient[:, 2, 2], gradient[:, 5, 5], gradient[:, 7, 7] = 1.0, 2.0, 9.0  # the last lies outside the box
    mask[4:6, 4:6] = True
    assert shares_on(gradient, mask, (0, 6, 0, 6)) == (pytest.approx(0.8), pytest.approx(4 / 36))
    assert shares_on(0 * gradient, mask, (0, 6, 0, 6))[0] == 0


def test_structure_tells_edges_from_noise() -> None:
    random = np.random.default_rng(0)
    image = np.zeros((1, 3, 24, 24))
    image[..., 12:] = 1
    edges, noise = np.zeros((1, 3, 24, 24)), random.normal(size=(1, 3, 24, 24))
    edges[..., 11:13] = random.normal(size=(1, 3, 24, 2))
    box = [(0, 24, 0, 24)]
    found, control, blank = (structure(one, image, box) for one in (edges, noise, 0 * edges))
    assert found.on_edges[0] > 0.8
    assert found.in_tenth[0] > 0.9
    assert abs(control.on_edges[0]) < 0.1
    assert control.in_tenth[0] < 0.35
    assert np.isnan(blank.on_edges[0])
    assert np.isnan(blank.in_tenth[0])


@pytest.mark.parametrize("filters", [2, 6])
def test_intervals_hold_the_true_mean_19_times_of_20(filters: int) -> None:
    values = np.random.default_rng(filters).normal(0, 0.01, (4000, filters))
    ends = np.array([mean_with_interval(row, -1.0)[1:] for row in values])
    assert ((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean() == pytest.approx(0.95, abs=0.015)
    assert mean_with_interval(np.array([0.1, 0.9]), 0.0) == (0.5, 0, 1)
    assert mean_with_interval(np.array([0.4]), 0.0) == (0.4, None, None)


def test_gradients_are_grey_where_they_are_zero_and_keep_their_sign() -> None:
    gradients = np.zeros((1, 3, 8, 8))
    gradients[0, :, 0, 0], gradients[0, :, 7, 7] = 2.0, -2.0
    shown = colours(gradients)[0]
    assert shown[0, 0].tolist() == [255] * 3
    assert shown[7, 7].tolist() == [0] * 3
    assert shown[4, 4].tolist() == [128] * 3


def test_crops_lie_inside_the_picture() -> None:
    fields = Fields(np.array([[0, 3], [1, 6], [5, 8]]), np.array([[0, 3], [1, 6], [5, 8]]), (8, 8))
    picture = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1).repeat(3, 0)
    cut = crops(picture, np.array([[0, 0, 0], [0, 1, 1], [0, 2, 2]]), fields)
    assert cut.shape == (3, 5, 5, 1)
    assert [tile[0, 0, 0] for tile in cut] == [0, 9, 27]


@pytest.mark.parametrize(("size", "channels", "prior"), [(16, 3, "uniform"), (16, 1, "normal"), (32, 4, "uniform")])
def test_analysis_keeps_the_contract(data: Path, size: int, channels: int, prior: str) -> None:
    gan = tiny_gan(size=size, channels=channels, prior=prior)
    result = check_analysis(features, gan=gan, data=str(data), filters=2, top=2, rule="leaky-guided")
    assert set(result.figures) == {"strongest"}
    assert result.metrics["gradient_on_edges"].control == "gradient_on_edges_untrained"
    assert "No labeler" in " ".join(result.notes)


def test_analysis_keeps_the_contract_with_a_labeler(data: Path) -> None:
    result = check_analysis(
        features, gan=planted(), data=str(data), which=[2, 0], top=2, n=20, labeler=Truth(), layer="3", rule="guided"
    )
    assert set(result.figures) == {"strongest", "concepts"}
    assert result.arrays["filters"].tolist() == [2, 0]
    assert result.arrays["gradients"].shape == (4, 3, SIZE, SIZE)


def test_last_convolution() -> None:
    assert last_convolution(tiny_gan(size=32)) == "down4"
    network = Net(lambda x: F.leaky_relu(x, 0.2))
    functional = Gan(nn.Identity(), network, prior=Prior(8), image=ImageSpec(32, 3))
    assert last_convolution(functional) == "maps"


def test_bad_input_is_a_sentence(data: Path, tmp_path: Path) -> None:
    gan = tiny_gan()
    for options, words in (
        ({"layer": "down5"}, "no layer called 'down5'"),
        ({"layer": "down8.conv"}, "No activation"),
        ({"which": [-1]}, "none is number -1"),
        ({"which": [1000]}, "so none is number 1000"),
        ({"top": 5, "limit": 3}, "fewer than the 5"),
        ({"labeler": "nobody"}, "no labeler 'nobody'"),
    ):
        with pytest.raises(GanlabError, match=words):
            features(gan, str(data), **options)
    alone = Gan(gan.generator, None, prior=gan.prior, image=gan.image)
    with pytest.raises(GanlabError, match="no discriminator"):
        features(alone, str(data))
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(GanlabError, match=r"b\.png cannot be read"):
        features(gan, str(tmp_path), top=1)


def test_labeler_that_sees_nothing(data: Path) -> None:
    class Blind(Truth):
        def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
            return np.zeros((len(images), 2, image.size, image.size), bool)

    with pytest.raises(GanlabError, match="sees none of its concepts"):
        features(planted(), str(data), filters=2, top=2, n=10, labeler=Blind(), layer="3")


def test_a_labeler_of_whole_pictures_leaves_the_concepts_out(tmp_path: Path) -> None:
    class Whole(Labeler):
        name, concepts, domain, card = "whole", ("smile",), "faces", {}

        def shows(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
            return np.ones((len(images), 1), bool)

    np.save(tmp_path / "data.npy", np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8))
    result = features(tiny_gan(), str(tmp_path / "data.npy"), labeler=Whole(), filters=2, top=2)
    assert "concepts" not in result.figures
    assert any("labels whole pictures" in note for note in result.notes)


@pytest.mark.parametrize(
    ("trained", "before", "words"),
    [
        ((0.53, 0.50, 0.56), (0.55, 0.52, 0.58), "53% of .* tenth of the pixels .55% before training, no clear diff"),
        ((0.53, 0.50, 0.56), (0.33, 0.30, 0.36), "33% before training, clearly less; even: 10%"),
        ((0.33, 0.30, 0.36), (0.53, 0.50, 0.56), "53% before training, clearly more; even: 10%"),
        ((0.53, None, None), (0.33, None, None), "33% before training; even: 10%"),  # one filter
    ],
)
def test_the_sentence_says_what_the_control_allows(trained: tuple, before: tuple, words: str) -> None:
    gan = tiny_gan()
    layer = Layer.of(gan.discriminator, last_convolution(gan), (3, 16, 16), "cpu")
    control = "gradient_in_tenth_untrained"
    numbers = {
        "gradient_in_tenth": Metric(*trained, control=control),
        control: Metric(*before, no_control="it is the control"),
    }
    assert re.search(words, _summary(gan, layer, numbers, "leaky-guided"))
