"""A GAN opened up: what it draws depends on z alone, and it can be cut for good."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganlab import batches
from ganlab.card import Card
from ganlab.devices import choose_device, is_out_of_memory
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Latents, Prior
from ganlab.networks import weights_digest
from ganlab.surgery import zeroed
from ganlab.testing import tiny_gan
from tests import children
from tests.children import Child
from tests.kit import one_thread  # noqa: F401 (a fixture)

LEVEL = 2 / 255  # one level of a picture from -1 to 1


def small(generator: nn.Module, **changes: object) -> Gan:
    return Gan(generator, **{"prior": Prior(2), "image": ImageSpec(4), **changes})  # type: ignore[arg-type]


class Block(nn.Module):
    """z (n, 2) -> 6 maps of 4 x 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(2, 6, 4)
        self.act = nn.ReLU()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.act(self.conv(z[:, :, None, None]))


# pictures


def test_pictures_do_not_depend_on_their_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = tiny_gan(size=32)
    latents = gan.latents(70, seed=3)
    whole = gan.generate(latents)
    assert whole.shape == (70, 3, 32, 32)
    assert whole.dtype == torch.float32
    assert whole.std() > 0.1
    single = torch.cat([gan.generate(latents[[row]]) for row in range(0, 70, 7)])
    assert (single - whole[::7]).abs().max() < LEVEL
    for size in (1, 5, 33):
        monkeypatch.setattr(batches, "LARGEST_BATCH", size)
        assert (gan.generate(latents) - whole).abs().max() < LEVEL
    reverse = gan.generate(latents[::-1])
    assert (reverse.flip(0) - whole).abs().max() < LEVEL


def test_scores_do_not_depend_on_their_batch() -> None:
    gan = tiny_gan()
    images = gan.generate(gan.latents(70))
    scores = gan.score(images)
    assert scores.shape == (70,)
    torch.testing.assert_close(torch.cat([gan.score(image[None]) for image in images]), scores, atol=1e-4, rtol=1e-4)


def test_networks_are_frozen_in_eval_mode_and_do_nothing_in_place() -> None:
    generator = nn.Sequential(Block(), nn.BatchNorm2d(6), nn.LeakyReLU(inplace=True), nn.Conv2d(6, 3, 1)).train()
    gan = small(generator)
    assert not any(module.training for module in gan.generator.modules())
    assert not any(parameter.requires_grad for parameter in gan.generator.parameters())
    assert not any(getattr(module, "inplace", False) for module in gan.generator.modules())
    before = gan.hash
    gan.generate(gan.latents(100))
    assert gan.hash == before  # BatchNorm's statistics stand still


def test_no_pictures_of_no_latents() -> None:
    gan = tiny_gan()
    assert gan.generate(gan.latents(0)).shape == (0, 3, 16, 16)
    assert gan.score(torch.empty(0, 3, 16, 16)).shape == (0,)


def test_z_may_be_of_any_floating_type() -> None:
    gan = tiny_gan()
    z = gan.latents(3).z
    assert torch.equal(gan.generate(z.double()), gan.generate(z))


@pytest.mark.parametrize("shape", [(3,), (3, 9), (3, 10, 1, 1), (0,)])
def test_z_of_another_shape_is_told(shape: tuple[int, ...]) -> None:
    with pytest.raises(GanlabError, match=r"\(n, 10\)"):
        tiny_gan().generate(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 1, 16, 16), (2, 3, 32, 32)])
def test_pictures_of_another_shape_are_told(shape: tuple[int, ...]) -> None:
    with pytest.raises(GanlabError, match="takes"):
        tiny_gan().score(torch.zeros(shape))


def test_a_missing_discriminator_is_told() -> None:
    gan = small(Block())
    for ask in (lambda: gan.score(torch.zeros(1, 3, 4, 4)), lambda: gan.layers("discriminator")):
        with pytest.raises(GanlabError, match="no discriminator"):
            ask()


# names


def test_the_hash_names_the_generators_weights() -> None:
    gan = tiny_gan()
    assert len(gan.hash) == 12
    assert tiny_gan().hash == gan.hash
    assert tiny_gan(seed=1).hash != gan.hash
    assert gan.renamed("other", "name").hash == gan.hash
    gan.generator.to(memory_format=torch.channels_last)
    assert tiny_gan().hash == gan.hash
    next(gan.discriminator.parameters()).add_(1)  # type: ignore[union-attr]
    assert tiny_gan().hash == gan.hash
    parameter = next(gan.generator.parameters())
    parameter[0, 0, 0, 0] += 1e-3
    assert tiny_gan().hash != gan.hash


def test_the_hash_is_pinned() -> None:
    """Boxes and pictures carry it: it must not change from one version to the next."""
    tensors = {"b": torch.arange(3.0), "a": torch.tensor(7)}
    assert weights_digest(tensors) == "9d87fdff5bd0b256f4ee9d0780a3be6c8ade5cc76fbc224f8603f02eaf8f960d"
    assert (
        weights_digest({"a": torch.tensor(7), "b": torch.arange(3.0)})
        == "9d87fdff5bd0b256f4ee9d0780a3be6c8ade5cc76fbc224f8603f02eaf8f960d"
    )
    assert weights_digest({"a": torch.ones(2, dtype=torch.bfloat16)})  # types that numpy does not know, too


def test_layers_are_named_in_the_order_they_run() -> None:
    gan = tiny_gan(size=32)
    layers = {layer.name: layer.shape for layer in gan.layers()}
    assert list(layers)[:4] == ["up4.conv", "up4.norm", "up4.act", "up4"]
    assert layers["up8"] == (8, 8, 8)
    assert layers["output"] == (3, 32, 32)
    assert [layer.name for layer in gan.hidden_layers()] == ["up4", "up8", "up16"]
    assert [layer.name for layer in gan.hidden_layers("discriminator")] == ["down16", "down8", "down4"]
    assert gan.layers("discriminator")[-1].name == "logit"


def test_a_view_of_the_output_is_no_hidden_layer() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.last, self.tanh = Block(), nn.Conv2d(6, 3, 1), nn.Tanh()

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return self.tanh(self.last(self.block(z))).view(-1, 3, 4, 4)

    assert [layer.name for layer in small(Flat()).hidden_layers()] == ["block"]


class Shared(nn.Module):
    """One activation for all layers, and one convolution that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.relu = nn.ConvTranspose2d(2, 6, 2), nn.BatchNorm2d(6), nn.ReLU()
        self.same, self.up = nn.Conv2d(6, 6, 1), nn.ConvTranspose2d(6, 5, 2, 2)
        self.last, self.tanh = nn.Conv2d(5, 3, 1), nn.Tanh()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        maps = self.relu(self.norm(self.first(z[:, :, None, None])))
        maps = self.relu(self.same(self.relu(self.same(maps))))
        return self.tanh(self.last(self.relu(self.up(maps))))


def test_of_a_shared_activation_the_maps_that_go_into_it_are_named() -> None:
    gan = small(Shared())
    assert [(layer.name, layer.shape) for layer in gan.hidden_layers()] == [("norm", (6, 2, 2)), ("up", (5, 4, 4))]
    assert gan.feature_layers("generator") == gan.hidden_layers()
    with gan.record("norm", "up", "relu") as recording:
        gan.generate(gan.latents(3))
    assert [len(recording[name]) for name in ("norm", "up")] == [3, 3]
    with pytest.raises(GanlabError, match="'relu' runs several times"):
        recording["relu"]


def test_where_no_module_makes_hidden_maps_whatever_ends_before_the_last_layer_describes() -> None:
    class Functional(Shared):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            maps = self.norm(self.first(z[:, :, None, None])).relu()
            return self.last(self.up(self.same(self.same(maps).relu()).relu()).relu())

    gan = small(Functional())
    assert gan.hidden_layers() == []
    assert [layer.name for layer in gan.feature_layers("generator")] == ["first", "norm", "up"]


# untrained, other device, classes


def test_untrained_is_the_same_network_with_fresh_weights() -> None:
    gan = tiny_gan()
    fresh = gan.untrained(5)
    assert fresh.hash not in (gan.hash, gan.untrained(6).hash)
    assert fresh.hash == gan.untrained(5).hash
    assert fresh.layers() == gan.layers()
    assert fresh.generate(gan.latents(2)).shape == (2, 3, 16, 16)
    assert gan.alone("generator").untrained(5).discriminator is None
    with pytest.raises(GanlabError, match="seed"):
        gan.untrained(2**63)


def test_untrained_without_an_architecture_has_the_weights_its_layers_draw() -> None:
    judge = nn.Sequential(nn.Conv2d(3, 4, 4, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1), nn.Flatten(0))
    judge[1].running_mean.fill_(3)
    gan, state = small(Block(), discriminator=judge), torch.get_rng_state()
    one, again, other = (gan.untrained(seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert one.hash == again.hash
    assert len({one.hash, other.hash, gan.hash}) == 3
    torch.manual_seed(0)
    assert torch.equal(one.discriminator[0].weight, nn.Conv2d(3, 4, 4, bias=False).weight)
    assert one.discriminator[1].running_mean.count_nonzero() == 0
    assert judge[1].running_mean.eq(3).all()
    assert one.name == "unnamed-untrained"


def test_a_network_that_nobody_can_draw_anew_has_no_untrained_one() -> None:
    normed = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 1, 4)), nn.Flatten(0))
    gan = small(Block(), discriminator=normed)
    with pytest.raises(GanlabError, match=r"discriminator of .* untrained: nobody knows how to draw its 0"):
        gan.untrained(0)
    assert gan.alone("generator").untrained(0).discriminator is None
    with pytest.raises(GanlabError, match="seed"):
        gan.untrained(2**64)
    with pytest.raises(GanlabError, match="no generator"):
        gan.alone("discriminator").alone("generator")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "mps", "meta", "xla", "", "cpu:x", "hpu", "cuda"])
def test_a_device_that_is_not_there_is_told(device: str) -> None:
    if device in ("cuda", "mps") and getattr(torch, device).is_available():
        pytest.skip("this machine has it")
    for ask in (lambda: choose_device(device), lambda: tiny_gan().to(device)):
        with pytest.raises(GanlabError, match="no device"):
            ask()


def test_a_copy_on_a_device_draws_the_same() -> None:
    gan = tiny_gan()
    moved = gan.to("cpu")
    assert moved.generator is not gan.generator
    assert torch.equal(moved.generate(gan.latents(2)), gan.generate(gan.latents(2)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_draws_what_the_cpu_draws() -> None:
    gan = tiny_gan(size=64, width=16)
    there = gan.to("cuda")
    assert there.hash == gan.hash
    assert (there.generate(gan.latents(70)) - gan.generate(gan.latents(70))).abs().max() < LEVEL


def test_classes_go_with_the_latents() -> None:
    class Conditional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.last, self.of_class = Block(), nn.Conv2d(6, 3, 1), nn.Embedding(10, 3)

        def forward(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            return self.last(self.block(z)) + self.of_class(label)[:, :, None, None]

    gan = small(Conditional(), classes=10)
    sevens, twos = gan.latents(70, label=7), gan.latents(70, label=2)
    assert torch.equal(sevens.z, twos.z)
    difference = gan.generate(sevens) - gan.generate(twos)
    assert difference.abs().min() > 0
    assert torch.allclose(difference, difference[:1, :, :1, :1].expand_as(difference), atol=1e-5)
    mixed = Latents(sevens.z, 0, sevens.index, torch.arange(70) % 10)
    assert torch.allclose(gan.generate(mixed)[::10], gan.generate(gan.latents(70, label=0))[::10], atol=1e-6)
    assert gan.hidden_layers()[0].name == "block"
    for ask in (
        lambda: gan.latents(1),
        lambda: gan.latents(1, label=10),
        lambda: gan.latents(1, label=-1),
        lambda: gan.generate(sevens.z),
        lambda: tiny_gan().latents(1, label=0),
        lambda: tiny_gan().generate(Latents(torch.zeros(1, 10), None, np.zeros(1, int), torch.zeros(1))),
    ):
        with pytest.raises(GanlabError, match="class"):
            ask()


# filters taken out for good


@pytest.mark.parametrize("layer", ["up4", "up8", "up16", "up4.act"])
@pytest.mark.parametrize("kernel", [4, 5])
def test_without_is_exactly_zeroing_by_a_hook(layer: str, kernel: int) -> None:
    from ganlab.architectures.dcgan import DcganSettings, build_dcgan

    card = DcganSettings(32, 3, 4, 10, kernel)
    gan = Gan(*build_dcgan(card), prior=Prior(10), image=ImageSpec(32), card=Card(architecture=card.to_card()))
    latents = gan.latents(70)
    plain = gan.generate(latents)
    filters = np.array([0, 2])
    cut = gan.without(layer, filters)
    with gan.edit({layer: zeroed(filters)}):
        by_hook = gan.generate(latents)
    assert torch.equal(cut.generate(latents), by_hook)
    assert not torch.allclose(by_hook, plain)
    assert torch.equal(gan.generate(latents), plain)  # the first GAN is as it was
    assert cut.hash != gan.hash


@given(filters=st.lists(st.integers(0, 3), max_size=6))
@settings(max_examples=10)
def test_without_takes_any_choice_of_filters(filters: list[int]) -> None:
    gan = tiny_gan()
    cut = gan.without("up8", filters)
    with gan.edit({"up8": zeroed(np.array(filters, dtype=np.int64))}):
        assert torch.equal(cut.generate(gan.latents(3)), gan.generate(gan.latents(3)))
    if not filters:
        assert cut.hash == gan.hash


def test_without_cuts_linear_layers_and_all_consumers() -> None:
    class Branching(nn.Module):
        def __init__(self, skip: bool = False, groups: int = 1, glu: bool = False) -> None:
            super().__init__()
            self.block, self.left, self.right = Block(), nn.Conv2d(6, 3, 3, padding=1), nn.Conv2d(6, 3, 1)
            self.third = nn.Conv2d(6, 3, 1, groups=groups)
            self.skip, self.glu = skip, glu

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            maps = self.block(z)
            out = self.left(maps) + self.right(maps) + self.third(maps.relu() if self.glu else maps)
            return out + maps[:, :3] if self.skip else out

    gan = small(Branching())
    cut = gan.without("block", [1, 5])
    with gan.edit({"block": zeroed(np.array([1, 5]))}):
        assert torch.equal(cut.generate(gan.latents(5)), gan.generate(gan.latents(5)))
    # consumed by something that has no weights for the maps, or grouped ones: refused, never half done
    for changes in ({"skip": True}, {"groups": 3}, {"glu": True}):
        with pytest.raises(GanlabError, match="cannot be removed"):
            small(Branching(**changes)).without("block", [1, 5])  # type: ignore[arg-type]

    flat = nn.Sequential(nn.Linear(2, 7), nn.ReLU(), nn.Linear(7, 48), nn.Unflatten(1, (3, 4, 4)))
    gan = small(flat)
    cut = gan.without("1", [0, 3])
    with gan.edit({"1": zeroed(np.array([0, 3]))}):
        assert torch.equal(cut.generate(gan.latents(5)), gan.generate(gan.latents(5)))


def test_maps_before_their_norm_cannot_be_removed() -> None:
    with pytest.raises(GanlabError, match="cannot be removed") as caught:
        tiny_gan().without("up8.conv", [0])
    assert "gan.edit" in caught.value.hint


@pytest.mark.parametrize(
    ("layer", "filters", "word"),
    [
        ("up9", [0], "no layer"),
        ("up8", [4], "no filter 4"),
        ("up8", [-1], "no filter -1"),
        ("up8", [0.5], "whole numbers"),
        ("up8", [True, False, True, False], "whole numbers"),
        ("up8", ["a"], "whole numbers"),
    ],
)
def test_filters_that_are_not_there_are_told(layer: str, filters: list[int], word: str) -> None:
    with pytest.raises(GanlabError, match=word):
        tiny_gan().without(layer, filters)


def test_a_layer_that_never_runs_has_no_filters() -> None:
    network = Block()
    network.idle = nn.Conv2d(3, 3, 1)
    with pytest.raises(GanlabError, match="no feature maps"):
        small(nn.Sequential(network, nn.Conv2d(6, 3, 1))).without("0.idle", [0])


# pictures as bytes


@given(low=st.sampled_from([-1.0, 0.0]), channels=st.sampled_from([1, 3, 4]), seed=st.integers(0, 100))
@settings(max_examples=20)
def test_bytes_come_back(low: float, channels: int, seed: int) -> None:
    spec = ImageSpec(5, channels, low, 1.0)
    pictures = np.random.default_rng(seed).integers(0, 256, (2, 5, 5, channels), dtype=np.uint8)
    images = spec.from_uint8(pictures)
    assert images.shape == (2, channels, 5, 5)
    assert low <= images.min()
    assert images.max() <= 1
    assert np.array_equal(spec.to_uint8(images), pictures)


def test_values_outside_the_range_are_clipped() -> None:
    assert ImageSpec(1, 1).to_uint8(torch.tensor([-7.0, -1, 0, 1, 9]).view(5, 1, 1, 1)).ravel().tolist() == [
        0,
        0,
        128,
        255,
        255,
    ]


@pytest.mark.parametrize("changes", [{"size": 0}, {"channels": 0}, {"low": 1.0}, {"low": float("nan")}])
def test_no_picture_has_no_size_or_range(changes: dict[str, float]) -> None:
    with pytest.raises(GanlabError, match="fits no picture"):
        ImageSpec(**changes)  # type: ignore[arg-type]


# memory


class Greedy(nn.Module):
    """Needs more memory than there is for more than so many pictures."""

    def __init__(self, most: int, error: BaseException) -> None:
        super().__init__()
        self.block, self.last = Block(), nn.Conv2d(6, 3, 1)
        self.most, self.error, self.sizes = most, error, []  # type: ignore[var-annotated]

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(z))
        if len(z) > self.most:
            raise self.error
        return self.last(self.block(z))


MEMORY_ERRORS = [
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    RuntimeError("could not create a memory object"),
    RuntimeError("std::bad_alloc"),
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
]


@pytest.mark.parametrize("error", MEMORY_ERRORS, ids=lambda error: type(error).__name__)
def test_smaller_batches_when_memory_does_not_suffice(error: BaseException) -> None:
    assert is_out_of_memory(error)
    gan = small(Greedy(8, error))
    latents = gan.latents(100)
    rows: list[int] = []

    def note(features: torch.Tensor, these: torch.Tensor) -> torch.Tensor:
        rows.extend(these.tolist())
        return features

    with gan.edit({"block": note}):
        images = gan.generate(latents)
    assert gan.generator.sizes[:4] == [64, 32, 16, 8]
    assert max(gan.generator.sizes[4:]) == 8
    assert rows == list(range(100))
    gan.generator.most = 1000
    torch.testing.assert_close(images, gan.generate(latents))


def test_no_memory_for_one_picture_ends_in_a_sentence() -> None:
    gan = small(Greedy(0, MEMORY_ERRORS[0]))
    with pytest.raises(GanlabError, match="does not fit into the memory of cpu"):
        gan.generate(gan.latents(3))


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("memory"), KeyboardInterrupt()])
def test_other_errors_are_not_mistaken_for_memory(error: BaseException) -> None:
    gan = small(Greedy(0, error))
    with pytest.raises(type(error)):
        gan.generate(gan.latents(1))
    assert gan.generator.sizes == [1]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no way to see how much memory is taken")
def test_memory_that_truly_ends_ends_in_a_sentence(tmp_path: Path) -> None:
    """A real limit on the process's memory: first smaller batches, then a word instead of a crash."""
    child = Child(tmp_path, children.run_out_of_memory)
    assert child.wait() == 0, child.output
    *drawn, built = child.output.splitlines()
    assert built == "A DCGAN of width 64 does not fit into memory."
    assert len(drawn) == 5
    for ending in drawn:
        assert ending.partition(" smallest batch ")[0] in (
            "drawn",
            "64 results do not fit into memory at once.",
            "One picture of 'unnamed' does not fit into the memory of cpu.",
        )
    assert any(not ending.endswith(" 64") for ending in drawn)


@pytest.mark.parametrize(
    ("size", "count", "each"), [(64, 200, 1), (64, 200, 15), (64, 3, 5000), (512, 100, 9), (64, 0, 1)]
)
def test_chunks_cover_everything_once_and_fit_a_fixed_space(size: int, count: int, each: int) -> None:
    chunks = ImageSpec(size).chunks(count, each)
    assert [row for chunk in chunks for row in range(count)[chunk]] == list(range(count))
    rows = max((chunk.stop - chunk.start for chunk in chunks), default=0)
    assert rows <= 1 or (rows <= 64 and rows * each * 4 * 3 * size**2 <= 2**26)


def test_small_things_are_worked_on_by_the_dozen() -> None:
    assert ImageSpec(64).chunks(200, 15)[0] == slice(0, 64)
