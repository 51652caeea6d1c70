"""From Python, in a notebook: nothing of the caller's is changed, mistakes say what to do, results show themselves."""

from __future__ import annotations

import copy
import pickle
import traceback

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import ganlab
from ganlab import Figure, Gan, GanlabError, ImageSpec, Metric, Prior, Result, Section, Table
from ganlab.testing import tiny_gan
from ganlab_walk import walk


def test_a_network_in_training_is_copied_and_goes_on_learning() -> None:
    gan = tiny_gan()
    training = copy.deepcopy(gan.generator)
    assert training is not None
    training.train().requires_grad_(True)
    shown = Gan(training, prior=gan.prior, image=gan.image)
    assert training.training
    assert all(parameter.requires_grad for parameter in training.parameters())
    before = shown.hash
    with torch.no_grad():
        next(training.parameters()).add_(1)
    assert shown.hash == before


def test_a_frozen_network_is_taken_as_it_is() -> None:
    gan = tiny_gan()
    assert Gan(gan.generator, prior=gan.prior, image=gan.image).generator is gan.generator


class Uncopied(nn.Linear):
    def __deepcopy__(self, memo: object) -> Uncopied:
        raise RuntimeError("no")


def test_a_network_in_training_that_cannot_be_copied_is_refused_in_words() -> None:
    with pytest.raises(GanlabError, match="cannot be copied") as refused:
        Gan(Uncopied(2, 2), prior=Prior(2), image=ImageSpec(16, 1))
    assert "requires_grad_(False)" in refused.value.hint


def test_a_gan_without_filters_has_no_marks_of_the_whole_one() -> None:
    gan = ganlab.load_gan("rooms-64")
    assert gan.folder is not None
    assert gan.without("up16", [1]).folder is None


def test_a_traceback_shows_the_hint() -> None:
    with pytest.raises(GanlabError) as refused:
        ganlab.load_gan("rooms64")
    for error in (refused.value, pickle.loads(pickle.dumps(refused.value))):
        assert refused.value.hint
        assert refused.value.hint in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("given", [{"gan": nn.Linear(1, 1)}, {"gan": "rooms-64", "data": np.zeros((4, 8, 8, 3))}])
def test_another_object_in_place_of_a_source_is_a_type_error(given: dict[str, object]) -> None:
    from ganlab_features import features

    with pytest.raises(TypeError, match=r"takes text that names it or an object of the class (Gan|Images)"):
        features(**{"data": "rooms:8"} | given)


def test_the_record_does_not_hang_on_what_ran_before() -> None:
    record = walk(gan=tiny_gan(), points=2, steps=4).record
    assert record["plugin"] == "walk"
    assert pickle.loads(pickle.dumps(walk)) is walk


def test_a_notebook_s_own_settings_change_no_number_and_come_back() -> None:
    gan = tiny_gan()
    plain = walk(gan=gan, points=2, steps=4).to_json()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert walk(gan=gan, points=2, steps=4).to_json() == plain
        assert torch.is_autocast_enabled("cpu")
    torch.set_default_dtype(torch.float64)
    try:
        assert walk(gan=gan, points=2, steps=4).to_json() == plain
        assert ganlab.load_gan("faces-64").name == "faces-64"
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_labeler_s_network_leaves_the_random_state_alone() -> None:
    from ganlab_synthetic.faces.labeler import FaceLabeler
    from ganlab_synthetic.rooms.labeler import RoomLabeler

    for labeler in (FaceLabeler(), RoomLabeler()):
        before = torch.random.get_rng_state()
        assert labeler.network is not None
        assert torch.random.get_rng_state().equal(before)


def test_latents_as_an_array_and_in_short() -> None:
    gan = tiny_gan()
    latents = gan.latents(3, seed=5)
    assert gan.generate(latents.z.numpy()).equal(gan.generate(latents))
    assert repr(latents) == f"Latents((3, {gan.prior.dim}), seed 5)"
    assert latents != gan.latents(3, seed=5)
    with pytest.raises(GanlabError, match="no -3 latents"):
        gan.latents(-3)


def test_results_show_themselves() -> None:
    picture = Image.new("RGB", (4, 4))
    result = Result(
        "It is <large>.",
        {
            "share": Metric(0.5, 0.25, 0.75, control="chance", about="pictures"),
            "chance": Metric(0.1, no_control="is it"),
        },
        {"rows": Table(["n"], [[row] for row in range(25)], "All.")},
        {"still": Figure(picture, "A & B."), "moving": Figure(picture, "It moves.", [picture, picture])},
        notes=["Mind <it>."],
    )
    shown = result._repr_html_()
    assert "It is &lt;large&gt;." in shown
    assert "<td>0.500 [0.250, 0.750]</td><td>chance 0.100</td><td>pictures</td>" in shown
    assert "A &amp; B." in shown
    assert "data:image/png;base64," in shown
    assert "data:image/webp;base64," in shown
    assert "and 5 more rows" in shown
    assert "Mind &lt;it&gt;." in shown


def test_a_notebook_shows_sections_with_their_figures() -> None:
    figures = {name: Figure(Image.new("RGB", (4, 4)), f"The {name} one.") for name in ("first", "loose", "last")}
    sections = [Section("Walk", "It walks.", ["last"]), Section("Turn", "Not run.", [])]
    shown = Result("Two.", figures=figures, sections=sections)._repr_html_()
    order = ["The first one.", "The loose one.", "<h4>Walk</h4><p>It walks.</p>", "The last one.", "<h4>Turn</h4>"]
    assert [shown.index(text) for text in order] == sorted(shown.index(text) for text in order)


def test_intervals_that_are_open_say_so() -> None:
    result = Result("Open.", {"n": Metric(2, low=1, no_control="it is one"), "m": Metric(2, no_control="it is one")})
    assert "n 2 at least 1\n    m 2" in repr(result)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("norm", [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_a_network_whose_hooks_compute_its_weights_is_copied_in_the_middle_of_training(norm: object) -> None:
    training = nn.Sequential(norm(nn.Linear(4, 768)), nn.Unflatten(1, (3, 16, 16)))  # type: ignore[operator]
    training(torch.randn(2, 4)).sum().backward()
    gan = Gan(training, prior=Prior(4), image=ImageSpec(16))
    assert training.training
    first = gan.generate(gan.latents(2))
    with torch.no_grad():
        for parameter in training.parameters():
            parameter.add_(1)
    training(torch.randn(2, 4))
    assert gan.generate(gan.latents(2)).equal(first)
    assert first.std() > 0


def test_overlapping_blocks_of_float32_leave_the_process_as_it_was() -> None:
    from ganlab.networks.devices import full_float32

    torch.set_default_dtype(torch.float64)
    try:
        first, second = full_float32(), full_float32()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_default_dtype() is torch.float32
        second.__exit__(None, None, None)
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
