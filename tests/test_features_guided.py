"""Guided backpropagation against an independent one, whatever the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop
from torch import nn
from torch.nn import functional as F

from ganlab import GanlabError
from ganlab.testing import tiny_gan
from ganlab_features.guided import Layer, guided_gradients

from .features_kit import SHAPE, Act, Net, maps_of, pictures

pytestmark = pytest.mark.usefixtures("one_thread")

RULES = ("leaky-guided", "guided", "deconvolution")


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
