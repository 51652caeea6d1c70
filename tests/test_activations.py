"""Recording and editing layers: names checked before, hooks gone after, nothing lost and nothing doubled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior
from ganlab.networks import activations
from ganlab.testing import tiny_gan

pytestmark = pytest.mark.usefixtures("one_thread")


def hooks(network: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


class Overwriting(nn.Module):
    """Hands a tensor on that a later layer overwrites in place, whatever its `inplace` flag says."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.activation = nn.ReLU(inplace=True)
        self.twice = Doubling()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.twice(self.activation(self.conv(x)))


class Doubling(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mul_(2)


def test_record_keeps_what_a_layer_put_out() -> None:
    gan = tiny_gan()
    latents = gan.latents(5)
    with gan.record("up8", "up8.act", "output") as recorded:
        images = gan.generate(latents)
    assert set(recorded) == {"up8", "up8.act", "output"}
    assert recorded["up8"].shape == (5, 4, 8, 8)
    assert torch.equal(recorded["up8"], recorded["up8.act"])
    assert torch.equal(recorded["output"], images)
    with torch.no_grad():
        by_hand = gan.generator.up8(gan.generator.up4(latents.z[:, :, None, None]))
    torch.testing.assert_close(recorded["up8"], by_hand)


def test_record_joins_batches_and_calls_in_order() -> None:
    gan = tiny_gan()
    with gan.record("up4") as recorded:
        gan.generate(gan.latents(70))
        gan.generate(gan.latents(3, first=70))
        assert len(recorded["up4"]) == 73
        gan.generate(gan.latents(2, first=73))
    with gan.record("up4") as once:
        gan.generate(gan.latents(75))
    assert len(recorded["up4"]) == 75
    torch.testing.assert_close(recorded["up4"], once["up4"])


def test_record_copies_what_a_later_layer_overwrites() -> None:
    network = Overwriting()
    pictures = torch.randn(2, 3, 4, 4)
    with torch.no_grad(), activations.record(network, "conv", "activation", "twice") as recorded:
        network(pictures)
        before = network.conv(pictures)
    torch.testing.assert_close(recorded["conv"], before)
    torch.testing.assert_close(recorded["activation"], before.relu())
    torch.testing.assert_close(recorded["twice"], 2 * before.relu())


def test_what_is_kept_may_be_made_of_features_where_they_lie() -> None:
    network, x = Overwriting(), torch.randn(2, 3, 4, 4)
    expected = torch.relu(network.conv(x)).amax((2, 3))
    with activations.record(network, "activation", kept=lambda features: features.amax((2, 3))) as recorded:
        network(x)
    assert torch.equal(recorded["activation"], expected)
    with activations.record(network, "activation", kept=lambda features: features.flatten(1)) as recorded:
        network(x)  # a view of what is overwritten
    assert torch.equal(recorded["activation"].unflatten(1, (4, 4, 4)).amax((2, 3)), expected)


def test_a_layer_of_several_shapes_is_told_also_where_what_is_kept_has_one() -> None:
    shared = nn.ReLU()
    network = nn.Sequential(shared, nn.MaxPool2d(2), shared)
    with activations.record(network, "0", kept=lambda features: features.amax((2, 3))) as recorded:
        network(torch.randn(2, 3, 4, 4))
    with pytest.raises(GanlabError, match="several shapes"):
        recorded["0"]


def test_recorded_features_can_be_differentiated_afterwards() -> None:
    gan = tiny_gan()
    with gan.record("up8") as recorded:
        images = gan.generate(gan.latents(2))
    for tensor in (recorded["up8"], images):
        assert not tensor.requires_grad
        (tensor.requires_grad_() ** 2).sum().backward()
        assert tensor.grad is not None


def test_the_discriminator_is_recorded_too() -> None:
    gan = tiny_gan()
    images = gan.generate(gan.latents(3))
    with gan.record("down4", side="discriminator") as recorded:
        gan.score(images)
    assert recorded["down4"].shape == (3, 8, 4, 4)


@pytest.mark.parametrize("name", ["up9", "", "generator.up8", "up8."])
def test_an_unknown_layer_is_told_before_anything_is_hooked(name: str) -> None:
    gan = tiny_gan()
    for enter in (lambda: gan.record("up8", name), lambda: gan.edit({"up8": lambda f, r: f, name: lambda f, r: f})):
        with pytest.raises(GanlabError, match=f"no layer called '{name}'") as caught, enter():
            pass
        assert "up8" in caught.value.hint
        assert hooks(gan.generator) == 0


def test_hooks_are_gone_after_the_block_and_after_any_error() -> None:
    gan = tiny_gan()
    with gan.record("up4"), gan.edit({"up8": lambda features, rows: features}):
        assert hooks(gan.generator) > 0
        gan.generate(gan.latents(1))
    assert hooks(gan.generator) == 0
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), gan.record("up4"), gan.edit({"up8": lambda features, rows: features}):
            raise error
        assert hooks(gan.generator) == 0

    def broken(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), gan.edit({"up8": broken}):
        gan.generate(gan.latents(1))
    assert hooks(gan.generator) == 0
    assert gan.layers()
    assert hooks(gan.generator) == 0


def test_a_layer_that_did_not_run_is_told() -> None:
    gan = tiny_gan()
    with gan.record("up8") as recorded:
        pass
    with pytest.raises(GanlabError, match="'up8' has not run"):
        recorded["up8"]
    with pytest.raises(KeyError):
        recorded["up4"]
    with pytest.raises(GanlabError, match="'up8' never ran"), gan.edit({"up8": lambda features, rows: features}):
        pass


def test_an_edit_changes_the_picture_and_only_inside_the_block() -> None:
    gan = tiny_gan()
    latents = gan.latents(4)
    before = gan.generate(latents)
    with gan.edit({"up8": lambda features, rows: torch.zeros_like(features)}):
        edited = gan.generate(latents)
    assert (edited - edited[:1]).abs().max() == 0  # nothing of z is left
    assert not torch.allclose(edited, before)
    assert torch.equal(gan.generate(latents), before)


def test_an_edit_in_place_harms_nobody() -> None:
    gan = tiny_gan()

    def in_place(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return features.zero_()

    with gan.record("up8.act") as inner, gan.edit({"up8": in_place}), gan.record("up8") as outer:
        gan.generate(gan.latents(2))
    assert inner["up8.act"].abs().max() > 0  # the layer inside put out what it always does
    assert outer["up8"].abs().max() == 0  # entered after the edit: sees what the edit made


def test_an_edit_in_place_spares_whoever_else_uses_the_tensor() -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.same = nn.Conv2d(3, 4, 1), nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            features = self.conv(x)
            return self.same(features) + features

    network, pictures = Skip(), torch.randn(2, 3, 4, 4)
    with torch.no_grad(), activations.edit(network, {"same": lambda features, rows: features.zero_()}):
        edited = network(pictures)
    torch.testing.assert_close(edited, network.conv(pictures).detach())


def test_rows_say_which_pictures_of_the_call_these_are() -> None:
    gan = tiny_gan()
    latents = gan.latents(150)
    plain = gan.generate(latents)
    seen: list[int] = []

    def every_third(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        seen.extend(rows.tolist())
        features[rows % 3 == 0] = 0
        return features

    with gan.edit({"up8": every_third}):
        edited = gan.generate(latents)
        seen_once, seen = seen, []
        gan.generate(latents[:2])
    assert seen_once == list(range(150))
    assert seen == [0, 1]
    changed = (edited != plain).flatten(1).any(1)
    assert changed.tolist() == [row % 3 == 0 for row in range(150)]


def test_rows_are_right_after_an_error_and_inside_another_call() -> None:
    gan = tiny_gan()
    seen: list[list[int]] = []

    def fail_late(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        if rows[0] > 0:
            raise ZeroDivisionError
        return features

    with pytest.raises(ZeroDivisionError), gan.edit({"up8": fail_late}):
        gan.generate(gan.latents(100))

    def note(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        seen.append(rows.tolist())
        return features

    with gan.edit({"up8": note}), torch.no_grad():
        gan.generator(gan.latents(2).z)  # without the Gan's batching
    assert seen == [[0, 1]]


@pytest.mark.parametrize(
    "edit",
    [
        lambda features, rows: features[:, :1],
        lambda features, rows: features[:1],
        lambda features, rows: features.mean(),
        lambda features, rows: None,
        lambda features, rows: (features,),
    ],
)
def test_an_edit_that_changes_the_shape_is_refused(edit: activations.Edit) -> None:
    gan = tiny_gan()
    with pytest.raises(GanlabError, match=r"edit of 'up8' turned \(2, 4, 8, 8\)"), gan.edit({"up8": edit}):
        gan.generate(gan.latents(2))
    assert hooks(gan.generator) == 0


def test_a_pass_that_ran_out_of_memory_is_not_recorded() -> None:
    """The batch is halved and drawn again: what its first layers put out must not appear twice."""

    class Greedy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if len(x) > 8:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
            return x

    generator = nn.Sequential(nn.Unflatten(1, (2, 1, 1)), nn.ConvTranspose2d(2, 3, 4), Greedy())
    gan = Gan(generator, prior=Prior(2), image=ImageSpec(4))
    with gan.record("1") as recorded:
        images = gan.generate(gan.latents(21))
    assert torch.equal(recorded["1"], images)


class Skipping(nn.Module):
    """Its last layer needs the first one's output as well as the second's, and the third runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 48), nn.Linear(48, 48), nn.Linear(48, 48)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        first = self.first(z)
        second = self.second(first).relu()
        return (self.third(self.third(second)) + first).reshape(-1, 3, 4, 4)


@pytest.mark.parametrize("layer", ["up4", "up8", "up8.conv", "output"])
def test_a_replay_continues_after_a_layer_exactly(layer: str, one_thread: None) -> None:
    gan = tiny_gan()
    latents, rows = gan.latents(150), np.random.default_rng(0).permutation(150)[:97]  # more than a batch
    with gan.record(*gan.layers_until(layer)) as recording:
        whole = gan.generate(latents)
    with gan.replay(recording, rows):
        assert torch.equal(gan.generate(latents[rows]), whole[rows])
        # what was recorded counts, not what is handed in
        assert torch.equal(gan.generate(gan.latents(97, seed=5)), whole[rows])
    torch.testing.assert_close(gan.generate(latents[rows]), whole[rows])


def test_an_edit_of_a_replayed_layer_applies(one_thread: None) -> None:
    gan = tiny_gan()
    latents = gan.latents(6)
    edits = {"up8": lambda features, rows: features * rows[:, None, None, None]}
    with gan.edit(edits):
        expected = gan.generate(latents)
    with gan.record(*gan.layers_until("up8")) as recording:
        gan.generate(latents)
    with gan.replay(recording, np.arange(6)), gan.edit(edits):
        torch.testing.assert_close(gan.generate(latents), expected)
    with pytest.raises(KeyboardInterrupt), gan.replay(recording, np.arange(6)):
        raise KeyboardInterrupt
    assert all("forward" not in vars(module) for module in gan.generator.modules())


def test_a_replay_gives_back_a_forward_that_somebody_put_there() -> None:
    gan = tiny_gan()
    latents = gan.latents(3)
    block = gan.generator.get_submodule("up4")
    own = block.forward
    block.forward = own  # type: ignore[method-assign]  # as tools do that wrap a module
    with gan.record(*gan.layers_until("up4")) as recording:
        gan.generate(latents)
    with gan.replay(recording, np.arange(3)):
        gan.generate(latents)
    assert vars(block)["forward"] is own


def test_a_replay_runs_nothing_before_its_layer_and_all_after_it() -> None:
    network = Skipping().eval().requires_grad_(False)
    gan = Gan(network, prior=Prior(4), image=ImageSpec(4, 3))
    latents = gan.latents(5)
    assert gan.layers_until("second") == ["first", "second"]
    with pytest.raises(GanlabError, match="'third' runs 2 times"):
        gan.layers_until("third")
    with gan.record("first", "second") as recording:
        whole = gan.generate(latents)
    first, second = network.first.weight.clone(), network.second.weight.clone()
    network.first.weight.zero_()  # had they run, the pictures would be others
    network.second.weight.zero_()
    with gan.replay(recording, np.arange(5)):
        torch.testing.assert_close(gan.generate(latents), whole)
    assert not torch.allclose(gan.generate(latents), whole)
    network.first.weight.copy_(first)
    network.second.weight.copy_(second)
    network.third.weight.zero_()
    with gan.replay(recording, np.arange(5)):
        assert not torch.allclose(gan.generate(latents), whole)
