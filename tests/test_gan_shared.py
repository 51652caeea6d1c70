"""GANs that are derived from one another share their networks: an edit through one is in all, with the right rows."""

from __future__ import annotations

import pytest
import torch

from ganlab.gan import Gan, Side
from ganlab.networks.activations import Edit
from ganlab.testing import tiny_gan

COUNT = 150  # three batches


def noting(rows: list[int]) -> Edit:
    def edit(features: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        rows.extend(which.tolist())
        return features + 1

    return edit


def run(gan: Gan, side: Side, count: int = COUNT) -> torch.Tensor:
    if side == "generator":
        return gan.generate(gan.latents(count, label=None if gan.classes is None else gan.label or 0))
    return gan.score(torch.linspace(-1, 1, count)[:, None, None, None].expand(count, 3, 16, 16))


@pytest.mark.parametrize(("side", "layer"), [("generator", "up4"), ("discriminator", "down4")])
def test_an_edit_through_one_derived_gan_is_in_all_and_told_the_right_rows(side: Side, layer: str) -> None:
    gan = tiny_gan(classes=3)
    one, other = gan.of_class(0), gan.of_class(1)
    derived = [one, other, one.renamed("another", "name"), other.alone(side)]
    if side == "discriminator":
        derived.append(other.without("up4", [0]))
    copied = gan.to("cpu").of_class(1)
    plain = [run(each, side) for each in derived]
    rows: list[int] = []
    with one.edit({layer: noting(rows)}, side), other.record(layer, side=side) as recording:
        edited = [run(each, side) for each in derived]
        apart = run(copied, side)
    assert rows == [*range(COUNT)] * len(derived)
    assert len(recording[layer]) == len(rows)
    assert not any(torch.equal(before, after) for before, after in zip(plain, edited, strict=True))
    assert torch.equal(apart, plain[1])


def test_an_edit_may_run_its_own_network() -> None:
    gan = tiny_gan()
    rows: list[int] = []

    def again(features: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        if len(which) > 6:  # those that the inner call draws are few
            run(gan.renamed("another", "name"), "generator", 5)
        rows.extend(which.tolist())
        return features

    with gan.edit({"up4": again}):
        gan.generate(gan.latents(71))
    assert rows == [*range(5), *range(64), *range(5), *range(64, 71)]


def test_a_pass_that_fails_is_not_kept_whoever_runs_the_network() -> None:
    gan = tiny_gan(classes=3)
    one, other = gan.of_class(0), gan.of_class(1)

    def fail(features: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        raise ArithmeticError

    with one.record("down8", side="discriminator") as recording:
        run(other, "discriminator", 3)
        with pytest.raises(ArithmeticError), other.edit({"down4": fail}, "discriminator"):
            run(other, "discriminator", 7)
        run(other, "discriminator", 2)
    assert len(recording["down8"]) == 5


def test_what_is_derived_has_copies_of_what_it_changes_alone() -> None:
    gan = tiny_gan()
    assert gan.discriminator is not None
    weights = [weight.clone() for weight in gan.discriminator.state_dict().values()]
    met = gan.with_statistics_of([gan.generate(gan.latents(8))])
    assert met.generator is gan.generator
    assert met.discriminator is not gan.discriminator
    assert all(map(torch.equal, weights, gan.discriminator.state_dict().values()))
    less = gan.without("up4", [1])
    assert less.discriminator is gan.discriminator
    assert less.hash != gan.hash
    moved = gan.to("cpu")
    assert moved.generator is not gan.generator
    assert moved.discriminator is not gan.discriminator
