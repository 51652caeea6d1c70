"""Tensors of a state dict become layers, whatever their keys are called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from ganlab.errors import GanlabError
from ganlab.recovery.parts import parts_of
from ganlab.recovery.stored import Part
from tests.recovery_kit import scrambled

pytestmark = pytest.mark.usefixtures("one_thread")

State = dict[str, torch.Tensor]


def filled(*layers: nn.Module) -> nn.Sequential:
    """Layers whose every tensor is random, so that none passes for another."""
    network = nn.Sequential(*layers)
    torch.manual_seed(0)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.1)
    return network


def same(part: Part, layer: nn.Module) -> None:
    """Every tensor of the layer at its role, and no other."""
    roles = {"weight": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"}
    expected = {role: getattr(layer, name, None) for role, name in roles.items()}
    expected = {role: value for role, value in expected.items() if value is not None}
    assert set(part.tensors) == set(expected)
    for role, value in expected.items():
        assert torch.equal(part.tensors[role], value.detach()), role


# grouped by their names


def test_parts_of_a_generator() -> None:
    network = filled(nn.ConvTranspose2d(8, 4, 4, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.ConvTranspose2d(4, 3, 4))
    network[1].num_batches_tracked.fill_(7)
    parts = parts_of({f"main.{key}": value for key, value in network.state_dict().items()})
    assert [(part.kind, part.name, part.container, part.place) for part in parts] == [
        ("convolution", "main.0", "main", 0),
        ("norm", "main.1", "main", 1),
        ("convolution", "main.3", "main", 3),
    ]
    for part, number in zip(parts, (0, 1, 3), strict=True):
        same(part, network[number])
    assert parts[1].settings == {"batches": 7}
    assert parts[1].keys["mean"] == "main.1.running_mean"
    assert parts[0].keys == {"weight": "main.0.weight"}


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "net.module."])
def test_wrappers_are_taken_off_and_keys_keep_them(wrapper: str) -> None:
    (part,) = parts_of({f"{wrapper}fc.weight": torch.ones(4, 2), f"{wrapper}fc.bias": torch.ones(4)})
    assert part.name == "fc"
    assert part.keys["weight"] == f"{wrapper}fc.weight"


def test_other_words_for_the_same() -> None:
    values = {"gamma": "weight", "beta": "bias", "moving_mean": "mean", "moving_variance": "variance"}
    (part,) = parts_of({f"bn.{word}": torch.full((3,), float(n)) for n, word in enumerate(values)})
    assert part.kind == "norm"
    assert {role: float(value[0]) for role, value in part.tensors.items()} == {
        role: float(n) for n, role in enumerate(values.values())
    }


def test_norms_without_scale_and_without_statistics() -> None:
    network = filled(nn.Linear(2, 4), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 4), nn.GroupNorm(1, 4))
    parts = parts_of(network.state_dict())
    assert [part.kind for part in parts] == ["linear", "norm", "linear", "norm"]
    assert set(parts[1].tensors) == {"mean", "variance"}
    assert set(parts[3].tensors) == {"weight", "bias"}


@pytest.mark.parametrize("slopes", [1, 4])
def test_learnt_slopes(slopes: int) -> None:
    parts = parts_of(filled(nn.Linear(2, 4), nn.PReLU(slopes), nn.Linear(4, 4)).state_dict())
    assert [part.kind for part in parts] == ["linear", "prelu", "linear"]


def test_embeddings_are_told_by_their_names() -> None:
    parts = parts_of({"label_emb.weight": torch.ones(10, 4), "fc.weight": torch.ones(4, 2)})
    assert [part.kind for part in parts] == ["embedding", "linear"]


# grouped by their shapes

STACKS: dict[str, Callable[[], list[nn.Module]]] = {
    "norms after layers without bias": lambda: [nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)],
    "norms after layers with bias": lambda: [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)],
    "layers alone": lambda: [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3, bias=False)],
    "norms without statistics": lambda: [nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False)],
    "those after layers without bias": lambda: [nn.Linear(3, 4, bias=False), nn.GroupNorm(1, 4)],
    "norms without scale": lambda: [nn.Linear(3, 4), nn.BatchNorm1d(4, affine=False)],
    "those after layers without bias, too": lambda: [nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4, affine=False)],
    "a norm first": lambda: [nn.BatchNorm1d(3), nn.Linear(3, 4)],
}


@pytest.mark.parametrize("stack", STACKS)
def test_keys_that_say_nothing(stack: str) -> None:
    network = filled(*STACKS[stack](), nn.Linear(4, 2))
    parts = parts_of(scrambled(network.state_dict(), 0, wholly=True))
    assert len(parts) == len(network)
    for part, layer in zip(parts, network, strict=True):
        same(part, layer)


def test_keys_that_say_nothing_but_count_batches() -> None:
    network = filled(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.BatchNorm1d(4))
    network[1].num_batches_tracked.fill_(5)
    network[3].num_batches_tracked.fill_(6)
    parts = parts_of(scrambled(network.state_dict(), 0, wholly=True))
    assert [part.settings.get("batches") for part in parts] == [None, 5, None, 6]


# normalised weights

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(6, 4),
    "convolution": lambda: nn.Conv2d(3, 5, 4),
    "transposed": lambda: nn.ConvTranspose2d(5, 3, 4),
    "square": lambda: nn.Conv2d(4, 4, 3),
    "square and transposed": lambda: nn.ConvTranspose2d(4, 4, 3),
    "of one output": lambda: nn.Conv2d(4, 1, 3),
}
NORMALISED: dict[str, Callable[[nn.Module], nn.Module]] = {
    "spectral_norm": spectral_norm,
    "parametrizations.spectral_norm": parametrizations.spectral_norm,
    "weight_norm": weight_norm,
    "parametrizations.weight_norm": parametrizations.weight_norm,
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("how", NORMALISED)
def test_normalised_weights_are_multiplied_out_as_torch_does(layer: str, how: str) -> None:
    torch.manual_seed(1)
    made = NORMALISED[how](LAYERS[layer]())
    inputs = torch.randn(2, 6) if layer == "linear" else torch.randn(2, made.in_channels, 8, 8)  # type: ignore[arg-type]
    for _ in range(5):  # each step of training is one of the power iteration
        made.train()(inputs)
    made.eval()(inputs)
    with torch.no_grad():
        (part,) = parts_of({f"layer.{key}": value for key, value in made.state_dict().items()})
        assert torch.allclose(part.tensors["weight"], made.weight, atol=1e-6)
    assert torch.equal(part.tensors["bias"], made.bias.detach())
    main = made.state_dict()[part.keys["weight"].removeprefix("layer.")]  # no tensor of the file is it, but one is near
    assert main.shape == made.weight.shape


@pytest.mark.parametrize("transposed", [False, True])
def test_spectral_norm_as_it_was_before_torch_had_it(transposed: bool) -> None:
    """A module around the layer, which keeps ``weight_bar``; rows stand on the first axis, transposed or not."""
    torch.manual_seed(1)
    layer = nn.ConvTranspose2d(5, 3, 4) if transposed else nn.Conv2d(3, 5, 4)
    weight = layer.weight.detach()
    matrix = weight.flatten(1)
    u, v = torch.randn(len(matrix)), torch.randn(matrix.shape[1])
    for _ in range(20):
        v = nn.functional.normalize(matrix.T @ u, dim=0)
        u = nn.functional.normalize(matrix @ v, dim=0)
    stored = {"bias": layer.bias.detach(), "weight_u": u, "weight_v": v, "weight_bar": weight}
    (part,) = parts_of({f"conv1.module.{key}": value for key, value in stored.items()})
    assert part.kind == "convolution"
    assert part.keys["weight"] == "conv1.module.weight_bar"
    assert torch.allclose(part.tensors["weight"], weight / (u @ matrix @ v), atol=1e-6)


# numbers


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_is_read_as_float32(dtype: torch.dtype) -> None:
    values = torch.arange(8.0).reshape(4, 2) / 8
    (part,) = parts_of({"fc.weight": values.to(dtype)})
    assert part.tensors["weight"].dtype == torch.float32
    assert torch.equal(part.tensors["weight"], values)


REFUSED: dict[str, tuple[State, str]] = {
    "NaN": ({"fc.weight": torch.full((2, 2), float("nan"))}, "'fc.weight' holds NaN"),
    "infinity": ({"fc.weight": torch.full((2, 2), float("inf"))}, "'fc.weight' holds NaN or infinity"),
    "whole numbers": ({"fc.weight": torch.ones(2, 2, dtype=torch.int32)}, "holds int32, not real numbers"),
    "volumes": (nn.Conv3d(1, 2, 3).state_dict(prefix="conv."), "'conv' has a weight of 2x1x3x3x3"),
    "sounds": (nn.Conv1d(1, 2, 3).state_dict(prefix="conv."), "'conv' has a weight of 2x1x3"),
    "a bias alone": ({"fc.bias": torch.ones(2)}, "'fc' holds bias and no weight"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_layer_is_refused_in_words(what: str) -> None:
    tensors, words = REFUSED[what]
    with pytest.raises(GanlabError, match=words) as caught:
        parts_of(tensors)
    assert caught.value.hint


@pytest.mark.parametrize("scale", [torch.ones(4), torch.tensor(0.05)])
def test_two_tensors_in_one_role_are_not_taken_for_each_other(scale: torch.Tensor) -> None:
    state = {"conv.weight": torch.zeros(4, 4, 3, 3), "conv.bias": torch.zeros(4), "conv.scale": scale}
    with pytest.raises(GanlabError, match=r"'conv\.weight' and 'conv\.scale'"):
        parts_of(state)
