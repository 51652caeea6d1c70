"""The controls of the features: the network that training began with, and several others that set the bar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab import Gan, ImageSpec, Metric, Result, open_images
from ganlab.testing import tiny_gan
from ganlab_features import features, investigation, judging
from ganlab_features.dissection import dissect
from ganlab_features.pictures import Samples

from .features_kit import planted
from .planted import Truth

pytestmark = pytest.mark.usefixtures("one_thread")

SHARE, N = 0.08, 40


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "pictures.npy"
    blocks = np.random.default_rng(0).integers(60, 256, (30, 4, 4, 3), dtype=np.uint8)
    np.save(file, blocks.repeat(4, 1).repeat(4, 2))
    return file


@pytest.mark.parametrize("pictures", [1, 30])
def test_the_untrained_network_normalises_as_training_began(
    data: Path, pictures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the mean and variance of pictures, not by 0 and 1."""
    seen: list[Gan] = []
    looking = investigation.strongest
    monkeypatch.setattr(investigation, "strongest", lambda gans, *given: seen.extend(gans) or looking(gans, *given))
    gan = tiny_gan()
    kept = gan.discriminator.down4.norm.running_mean.clone()
    features(gan, str(data), filters=2, top=1, limit=pictures)
    trained, fresh = seen
    assert torch.equal(trained.discriminator.down4.norm.running_mean, kept)
    shown = gan.image.from_uint8(np.load(data)[:pictures])
    with fresh.record("down4.conv", side="discriminator") as recording:
        fresh.score(shown)
    maps, norm = recording["down4.conv"], fresh.discriminator.down4.norm
    variance = maps.var((0, 2, 3))
    assert ((norm.running_mean - maps.mean((0, 2, 3))).abs() < 0.3 * variance.sqrt()).all()
    torch.testing.assert_close(norm.running_var, variance, rtol=0.3, atol=0)


def test_pictures_that_are_sorted_by_class_are_drawn_from_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are judged, and those by which the untrained network normalises: dark ones first, then bright."""
    pictures = np.full((600, 16, 16, 3), 20, np.uint8)
    pictures[300:] = 230
    pictures += np.random.default_rng(0).integers(0, 20, pictures.shape, dtype=np.uint8)
    marked: list[torch.Tensor] = []
    normalising: list[torch.Tensor] = []

    class Seeing(Truth):
        def masks(self, images: torch.Tensor, spec: ImageSpec) -> np.ndarray:
            marked.append(images)
            return super().masks(images, spec)

    adopting = Gan.with_statistics_of
    monkeypatch.setattr(
        Gan, "with_statistics_of", lambda gan, batches: normalising.extend(batches) or adopting(gan, batches)
    )
    given = {"filters": 2, "top": 1, "n": 40, "judged": "data", "labeler": Seeing(), "layer": "3", "share": SHARE}
    features(planted(), open_images(pictures), **given)
    for seen in (torch.cat(marked)[:40], torch.cat(normalising)[:256]):
        assert 0.3 < (seen.mean((1, 2, 3)) > 0).double().mean() < 0.7


@pytest.fixture(scope="module")
def found(data: Path) -> Result:
    return features(planted(), str(data), filters=2, top=2, n=N, labeler=Truth(), layer="3", share=SHARE, seed=6)


def test_the_bar_is_the_mean_of_several_untrained_networks_with_their_range(found: Result) -> None:
    gan = planted()
    others = [gan.untrained(6), *(gan.untrained(6 ^ number) for number in range(1, 9))]
    own, fresh, *bars = (
        overlap.iou - overlap.moved
        for overlap in dissect([gan, *others], "3", Samples(gan, N, seed=6), Truth(), SHARE).overlaps
    )
    for name, fits in (("filters_on_a_concept", own), ("filters_on_a_concept_untrained", fresh)):
        shares = [(fits > bar.max(0)).any(1).mean() for bar in bars]
        metric = found.metrics[name]
        assert (metric.value, metric.low, metric.high) == pytest.approx(
            (np.mean(shares), np.min(shares), np.max(shares))
        )
    assert found.metrics["filters_on_a_concept"].high > found.metrics["filters_on_a_concept"].low
    on_windows = np.mean([(own[:, 0] > bar.max(0)[0]).sum() for bar in bars])
    table = found.tables["concepts"]
    assert dict(zip(table.columns, table.rows[0], strict=True))["filters on it"] == pytest.approx(on_windows)


def test_a_gradient_on_a_concept_is_counted_by_that_concepts_own_area(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three times its area on the one, as much as its area on the other: twice in the mean of both."""
    calls: list[int] = []

    def shares(gradient: np.ndarray, mask: np.ndarray, box: tuple[int, int, int, int]) -> tuple[float, float]:
        calls.append(1)
        return (0.6, 0.2) if len(calls) <= len_of_one or 2 * len_of_one < len(calls) <= 3 * len_of_one else (0.5, 0.5)

    len_of_one = judging.BEST * 2  # filters of a concept, and pictures of each
    monkeypatch.setattr(judging, "shares_on", shares)
    result = features(planted(), str(data), filters=2, top=2, n=N, labeler=Truth(), layer="3", share=SHARE, seed=6)
    assert len(calls) == 2 * 2 * len_of_one  # trained and not, two concepts
    for name in ("gradient_on_concept", "gradient_on_concept_untrained"):
        assert result.metrics[name].value == pytest.approx(2)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.5, 0.9, ", clearly less"),
        (0.3, 0.9, ", no clear difference"),
        (0.05, 0.25, ", no clear difference"),
        (0.05, 0.15, ", clearly more"),
    ],
)
def test_intervals_that_overlap_tell_no_difference(low: float, high: float, words: str) -> None:
    trained, before = Metric((low + high) / 2, low, high), Metric(0.3, 0.2, 0.4)
    assert investigation._compared(trained, before) == words


def test_the_sentence_claims_no_more_than_was_asked(found: Result) -> None:
    assert "better than any filter of an untrained discriminator" in found.summary
    assert "8 of them" in found.metrics["filters_on_a_concept"].about
