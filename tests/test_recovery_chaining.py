"""Layers follow each other by their channels, whatever order the file lists them in."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.gan import Side
from ganlab.recovery import orders
from ganlab.recovery.chaining import MOST_LAYERS, Skeleton, skeletons
from ganlab.recovery.orders import Stage, follows
from ganlab.recovery.parts import parts_of
from ganlab.recovery.stored import Part, StoredNetwork

pytestmark = pytest.mark.usefixtures("one_thread")

Layers = Callable[[], list[nn.Module]]


def dcgan(channels: int = 3, width: int = 4, z_dim: int = 10) -> list[nn.Module]:
    maps = [4 * width, 2 * width, width]
    layers: list[nn.Module] = [nn.ConvTranspose2d(z_dim, maps[0], 4, bias=False), nn.BatchNorm2d(maps[0]), nn.ReLU()]
    for before, after in pairwise(maps):
        layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return [*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()]


def judge(channels: int = 3, width: int = 4) -> list[nn.Module]:
    maps = [width, 2 * width, 4 * width]
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for before, after in pairwise(maps):
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    return [*layers, nn.Conv2d(maps[-1], 1, 4, bias=False)]


def matrices(*features: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(features):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()]
    return layers[:-2]


def linear_first() -> list[nn.Module]:
    return [
        *(nn.Linear(10, 16 * 16), nn.BatchNorm1d(16 * 16), nn.ReLU(), nn.Unflatten(1, (16, 4, 4))),
        *(nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1)),
    ]


def upsampling() -> list[nn.Module]:
    return [
        *(nn.Linear(10, 16 * 16), nn.Unflatten(1, (16, 4, 4)), nn.BatchNorm2d(16), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(16, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2)),
        nn.Conv2d(8, 3, 3, 1, 1),
    ]


def parts(layers: Sequence[nn.Module]) -> tuple[Part, ...]:
    return parts_of(nn.Sequential(*layers).state_dict())


def shape_of(skeleton: Skeleton) -> list[tuple[str, list[str]]]:
    """(name of a layer with weights, names of its norms), in order."""
    return [(stage.part.name, [norm.name for norm in stage.norms]) for stage in skeleton.stages]


def linked(skeleton: Skeleton) -> bool:
    return all(follows(before, after) for before, after in pairwise(skeleton.stages))


def first(found: tuple[Part, ...]) -> Skeleton:
    skeleton = skeletons(StoredNetwork("", found))[0]
    assert linked(skeleton)
    return skeleton


GENERATORS: dict[str, Layers] = {
    "transposed": dcgan,
    "of grey pictures": lambda: dcgan(channels=1),
    "a matrix first": linear_first,
    "upsampling": upsampling,
    "matrices": lambda: matrices(10, 32, 64, 784),
}
JUDGES: dict[str, Layers] = {
    "convolutions": judge,
    "of grey pictures": lambda: judge(channels=1),
    "a matrix last": lambda: [*judge()[:-1], nn.Flatten(), nn.Linear(16 * 16, 1)],
    "matrices": lambda: matrices(784, 64, 32, 1),
}


@pytest.mark.parametrize("kind", GENERATORS)
def test_generators_in_their_own_order(kind: str) -> None:
    layers = GENERATORS[kind]()
    skeleton = first(parts(layers))
    assert skeleton.side == "generator"
    weighted = [str(number) for number, layer in enumerate(layers) if "Norm" not in str(layer) and _holds(layer)]
    assert [name for name, _ in shape_of(skeleton)] == weighted
    kinds = {"ConvTranspose2d": "conv_transpose", "Conv2d": "conv", "Linear": "linear"}
    assert [stage.kind for stage in skeleton.stages] == [kinds[type(layers[int(name)]).__name__] for name in weighted]


@pytest.mark.parametrize("kind", JUDGES)
def test_discriminators_are_told_from_generators(kind: str) -> None:
    assert first(parts(JUDGES[kind]())).side == "discriminator"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [None, "discriminator"])
@pytest.mark.parametrize("ending", [nn.Linear(16 * 64, 1), nn.Conv2d(16, 1, 8)])
def test_kernels_of_as_many_inputs_as_outputs_are_no_transposed_ones_on_the_way_to_a_verdict(
    channels: int, side: Side | None, ending: nn.Module
) -> None:
    """Spectrally normalised discriminators keep the channels where they halve the side."""
    layers: list[nn.Module] = [nn.Conv2d(channels, 4, 3, padding=1), nn.Conv2d(4, 4, 4, 2, 1)]
    layers += [nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 8, 4, 2, 1), nn.Conv2d(8, 16, 3, padding=1)]
    layers += [ending]
    found = skeletons(StoredNetwork("", parts(layers), side))
    assert {skeleton.side for skeleton in found} == {"discriminator"}
    assert "conv_transpose" not in {stage.kind for skeleton in found for stage in skeleton.stages}


@pytest.mark.parametrize("kind", [kind for kind in JUDGES if kind != "matrices"])
@pytest.mark.parametrize("seed", range(4))
def test_parts_of_discriminators_in_any_order(kind: str, seed: int) -> None:
    found = parts(JUDGES[kind]())
    mixed = first(tuple(random.Random(seed).sample(found, len(found))))
    assert (mixed.side, shape_of(mixed)) == ("discriminator", shape_of(first(found)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [kind for kind in GENERATORS if kind != "matrices"])
def test_parts_in_any_order_make_the_same_chain(kind: str, seed: int) -> None:
    found = parts(GENERATORS[kind]())
    mixed = list(found)
    random.Random(seed).shuffle(mixed)
    expected = shape_of(first(found))
    assert expected in [shape_of(one) for one in skeletons(StoredNetwork("", tuple(mixed)))]
    assert shape_of(first(tuple(mixed))) == expected


def test_norms_listed_at_the_end() -> None:
    found = parts(dcgan())
    late = [part for part in found if part.kind != "norm"] + [part for part in found if part.kind == "norm"]
    assert shape_of(first(tuple(late))) == shape_of(first(found))


def test_norms_of_a_size_that_several_layers_have_keep_the_files_order() -> None:
    names = ["fc1", "fc2", "fc3", "fc4"]
    layers = nn.ModuleDict({name: nn.Linear(8, 8) for name in names[:-1]} | {"fc4": nn.Linear(8, 784)})
    norms = nn.ModuleDict({f"bn{name[-1]}": nn.BatchNorm1d(8) for name in names[:-1]})
    found = parts_of({**layers.state_dict(), **norms.state_dict()})
    assert shape_of(first(found)) == [("fc1", ["bn1"]), ("fc2", ["bn2"]), ("fc3", ["bn3"]), ("fc4", [])]


def test_a_norm_of_z_comes_before_the_first_layer() -> None:
    skeleton = first(parts([nn.BatchNorm1d(10), *matrices(10, 32, 64, 784)]))
    assert [norm.name for norm in skeleton.first_norms] == ["0"]
    assert skeleton.stages[0].part.name == "1"


def test_a_norm_of_maps_behind_a_matrix() -> None:
    assert shape_of(first(parts(upsampling()))) == [("0", ["2"]), ("4", ["5"]), ("8", [])]


def test_learnt_slopes_stand_at_their_layers() -> None:
    layers = [nn.Linear(10, 32), nn.PReLU(), nn.Linear(32, 64), nn.PReLU(64), nn.Linear(64, 784)]
    skeleton = first(parts(layers))
    assert [stage.prelu.name if stage.prelu else None for stage in skeleton.stages] == ["1", "3", None]


def test_an_embedding_without_a_telling_name_is_found() -> None:
    found = parts_of({"a.weight": torch.ones(7, 6), **nn.Sequential(*linear_first()).state_dict(prefix="b.")})
    skeleton = first(found)
    assert skeleton.embedding is not None
    assert skeleton.embedding.name == "a"


def test_an_embedding_that_could_follow_maps_of_its_width_is_found_in_any_order() -> None:
    """From 3 colours to 8 maps, flattened to 72 features, maps again, 10 features: that is a chain too."""
    layers = [nn.Linear(64 + 8, 16 * 49, bias=False), nn.Unflatten(1, (16, 7, 7))]
    layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False) for before, after in pairwise((16, 8, 3))]
    found = parts_of({"a.weight": torch.ones(10, 8), **nn.Sequential(*layers).state_dict()})
    for seed in range(8):
        skeleton = first(tuple(random.Random(seed).sample(found, len(found))))
        assert skeleton.embedding is not None
        assert skeleton.embedding.name == "a"
        assert [stage.part.name for stage in skeleton.stages] == ["0", "2", "3"]


def test_what_the_format_says_of_the_side_counts() -> None:
    network = StoredNetwork("", parts(judge()), side="generator")
    assert skeletons(network)[0].side == "generator"


BRANCHES: dict[str, tuple[dict[str, torch.Tensor], str]] = {
    "skips": (
        {
            "down1.weight": torch.ones(64, 3, 4, 4),
            "down2.weight": torch.ones(128, 64, 4, 4),
            "up2.weight": torch.ones(128, 64, 4, 4),
            "up1.weight": torch.ones(128, 3, 4, 4),  # takes 64 + 64 maps
        },
        "do not follow each other in one chain",
    ),
    "two heads": (
        nn.ModuleDict({"fc": nn.Linear(10, 64), "mean": nn.Linear(64, 7), "spread": nn.Linear(64, 7)}).state_dict(),
        "do not follow each other in one chain",
    ),
    "an encoder": (
        nn.ModuleDict({"fc": nn.Linear(784, 64), "mean": nn.Linear(64, 7)}).state_dict(),
        "lead from 784 to 7: neither pictures nor a verdict",
    ),
    "a stray norm": (
        {"fc.weight": torch.ones(64, 10), "norm.weight": torch.ones(5), "norm.bias": torch.ones(5)},
        "normalisations of the network in this file fit none",
    ),
    "norms only": ({"norm.weight": torch.ones(5), "norm.bias": torch.ones(5)}, "holds no layer with weights"),
    "two embeddings": (
        {"emb1.weight": torch.ones(5, 2), "emb2.weight": torch.ones(5, 2), "fc.weight": torch.ones(64, 14)},
        "has 2 embeddings",
    ),
}


@pytest.mark.parametrize("what", BRANCHES)
def test_what_is_no_chain_is_refused_in_words(what: str) -> None:
    tensors, words = BRANCHES[what]
    with pytest.raises(GanlabError, match=words) as caught:
        skeletons(StoredNetwork("", parts_of(tensors)))
    assert caught.value.hint


def alike(layers: int, last: int = 8) -> StoredNetwork:
    """So many layers, of which the channels tell next to nothing; the last stands first, and takes so many maps."""
    blocks = {f"block{number}.weight": torch.ones(8, 8, 3, 3) for number in range(layers - 2)}
    mixed = {"last.weight": torch.ones(3, last, 3, 3), **blocks, "first.weight": torch.ones(128, 10)}
    return StoredNetwork("", parts_of(mixed))


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often layers were compared; a search that does not end fails."""
    times = [0]

    def counted(before: Stage, after: Stage) -> bool:
        times[0] += 1
        assert times[0] <= 3 * orders.MOST_STEPS, "the search goes on and on"
        return follows(before, after)

    monkeypatch.setattr(orders, "follows", counted)
    return times


def test_many_layers_of_one_size_are_refused_or_chained_soon(compared: list[int]) -> None:
    """The search for an order ends, although the channels tell nothing; whether it finds one or there is none."""
    found = skeletons(alike(MOST_LAYERS))
    assert len(found) == orders.MOST_ORDERS
    assert all(linked(one) for one in found)
    assert compared[0] > orders.MOST_STEPS, "it was no search"
    compared[0] = 0
    with pytest.raises(GanlabError, match="do not follow each other in one chain"):
        skeletons(alike(MOST_LAYERS, last=9))
    assert compared[0] > orders.MOST_STEPS


def test_for_more_layers_than_are_worked_out_no_order_is_searched(compared: list[int]) -> None:
    with pytest.raises(GanlabError, match=f"{MOST_LAYERS + 1} of them with weights") as caught:
        skeletons(alike(MOST_LAYERS + 1))
    assert f"up to {MOST_LAYERS} layers" in caught.value.hint
    assert compared == [0]


def _holds(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters())
