"""The classifier against scikit-learn's, the sets it learns from, and the control that must fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

import ganlab_augment
from ganlab import Gan, GanlabError, Result, open_images, split_of
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_augment import augment
from ganlab_augment.classifier import Questions, nearest_neighbour
from ganlab_augment.sets import Real, Samples, random_classes
from tests.conditional_kit import labelled
from tests.datasets_kit import mnist_folder
from tests.kit import smooth_pictures

pytestmark = pytest.mark.usefixtures("one_thread")

CLASSES = 3


def teacher(seed: int = 0, size: int = 16) -> Gan:
    """A GAN whose classes can be told from its pictures: the class weighs more than z does."""
    gan = tiny_gan(size=size, channels=1, classes=CLASSES, seed=seed)
    assert gan.generator is not None
    with torch.no_grad():
        for module in gan.generator.modules():
            if isinstance(module, torch.nn.ConvTranspose2d):
                module.weight[-CLASSES:] *= 6
    return gan


def samples_of(gan: Gan, folder: Path, name: str = "data.npz", train: int = 120, test: int = 60) -> str:
    """Its own samples as a data set, with their classes."""
    latents = gan.latents_in_turn(train + test, seed=77)
    pictures = gan.image.to_uint8(gan.generate(latents))
    labels = latents.labels.numpy()  # type: ignore[union-attr]
    parts = {
        "x_train": pictures[:train],
        "y_train": labels[:train],
        "x_test": pictures[train:],
        "y_test": labels[train:],
    }
    np.savez(folder / name, **parts)
    return str(folder / name)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Result:
    gan = teacher()
    data = samples_of(gan, tmp_path_factory.mktemp("told"))
    return augment(gan=gan, data=data, baseline=teacher(seed=3), n=200, shown=4)


def test_the_contract(tmp_path: Path) -> None:
    check_plugin(ganlab_augment)
    gan = teacher()
    check_analysis(augment, gan=gan, data=samples_of(gan, tmp_path), n=31, shown=2)


def test_nearest_neighbours_are_scikit_learns(tmp_path: Path) -> None:
    gan = teacher()
    images = open_images(samples_of(gan, tmp_path, train=150))
    labels = np.array([int(images.label(row)) for row in range(150)])  # type: ignore[arg-type]
    for learnt in (Real("real", images, labels, gan.image), Samples("GAN", "error", gan, 150, 5)):
        vectors = torch.cat(list(learnt.blocks()))
        assert vectors.shape == (150, 256)
        assert vectors.min() >= 0
        assert vectors.max() <= 1
        queries = torch.rand(40, 256, generator=torch.Generator().manual_seed(1))
        whole = Samples("asked", "error", gan, 40, 1)
        halves = [Questions(whole, queries[:25]), Questions(whole, queries[25:])]
        first, second = nearest_neighbour(learnt, halves)
        (found,) = nearest_neighbour(learnt, [Questions(whole, queries)])
        for name in ("told", "nearest", "distances"):
            joined = np.concatenate([getattr(first, name), getattr(second, name)])
            np.testing.assert_allclose(joined, getattr(found, name), rtol=1e-6)
        assert found.wrong.tolist() == (found.told != np.arange(40) % CLASSES).tolist()
        ours = learnt.labels(np.arange(150))
        reference = KNeighborsClassifier(1, algorithm="brute").fit(vectors.numpy(), ours)
        assert found.told.tolist() == reference.predict(queries.numpy()).tolist()
        distances, rows = reference.kneighbors(queries.numpy())
        np.testing.assert_allclose(found.distances, distances[:, 0], rtol=1e-5)
        assert found.nearest.tolist() == rows[:, 0].tolist()


def test_blocks_are_pictures_in_order_and_classes_are_balanced(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = teacher()
    whole = Samples("GAN", "error", gan, 50, 4)
    once = torch.cat(list(whole.blocks()))
    monkeypatch.setattr("ganlab_augment.sets.BLOCK", 7)
    assert [len(block) for block in whole.blocks()] == [7] * 7 + [1]
    again = torch.cat(list(whole.blocks()))
    assert (once - again).abs().max() <= 1 / 255 + 1e-6
    rows = np.array([0, 17, 49])
    pictures = whole.pictures(rows).reshape(3, -1)
    assert np.abs(pictures / 255 - once[rows].numpy()).max() <= 1 / 255 + 1e-6
    counts = np.bincount(whole.labels(np.arange(50)))
    assert counts.tolist() == [17, 17, 16]
    assert whole.some(1, 3, 0).tolist() == [1, 4, 7]


def test_random_classes_are_even_and_the_same_again() -> None:
    rows = np.arange(6000)
    found = random_classes(rows, CLASSES, 1)
    assert (np.abs(np.bincount(found) - 2000) < 4 * 2000**0.5).all()
    assert (random_classes(rows[100:200], CLASSES, 1) == found[100:200]).all()
    assert abs(np.corrcoef(found, rows % CLASSES)[0, 1]) < 0.05


def test_a_gan_of_these_pictures_teaches_them_and_random_classes_teach_nothing(told: Result) -> None:
    error, shuffled = told.metrics["error"], told.metrics["error_shuffled"]
    assert error.n == 60
    assert error.value < 0.2
    assert told.metrics["error_real"].value < 0.2
    assert shuffled.value == pytest.approx(2 / 3, abs=0.25)
    assert shuffled.low is not None
    assert error.high is not None
    assert error.high < shuffled.low
    assert told.metrics["error_baseline"].value > error.value  # which draws other pictures
    above = told.metrics["above_real"]
    assert above.value == pytest.approx(100 * (error.value - told.metrics["error_real"].value))


def test_random_classes_hold_what_guessing_errs_whoever_shares_a_sample(tmp_path: Path) -> None:
    """Test pictures with one nearest sample are told one class: they are no independent cases."""
    gan = teacher()
    data = samples_of(gan, tmp_path)
    found = [augment(gan=gan, data=data, n=12, shown=1, seed=seed).metrics["error_shuffled"] for seed in range(20)]
    held = [one.low <= 2 / 3 <= one.high for one in found if one.low is not None and one.high is not None]
    assert len(held) == 20
    assert sum(held) >= 17  # in 15 as if all 60 were independent


def test_samples_are_judged_by_what_real_pictures_teach(tmp_path: Path) -> None:
    gan, baseline = teacher(), teacher(seed=3)
    data = samples_of(gan, tmp_path)
    result = augment(gan=gan, data=data, baseline=baseline, n=200, shown=2)
    stored = np.load(data)
    reference = KNeighborsClassifier(1, algorithm="brute").fit(
        stored["x_train"].reshape(120, -1) / 255, stored["y_train"]
    )
    for told, one in zip(result.arrays["samples_told"], (baseline, gan), strict=True):
        pictures = one.image.to_uint8(one.generate(one.latents_in_turn(60, seed=0)))
        assert told.tolist() == reference.predict(pictures.reshape(60, -1) / 255).tolist()
    asked = np.arange(60) % CLASSES
    values = [result.metrics[name].value for name in ("error_of_samples_baseline", "error_of_samples")]
    assert values == [(told != asked).mean() for told in result.arrays["samples_told"]]
    assert result.metrics["error_of_samples"].control == "error_real"
    assert values[1] < 0.1 < values[0]  # the baseline draws other pictures
    assert [(row[0], row[1], row[2]) for row in result.tables["samples"].rows] == [
        ("test pictures", 60, result.metrics["error_real"].value),
        (f"samples of baseline {baseline.name}", 60, values[0]),
        (f"samples of GAN {gan.name}", 60, values[1]),
    ]
    few = augment(gan=gan, data=data, n=30, shown=2)
    assert few.metrics["error_of_samples"].n == 30  # as many as there are


def test_a_class_that_is_drawn_as_another_is_told(tmp_path: Path) -> None:
    """Pictures of class 2 bear the name 1, and those of class 1 the name 2: two thirds of the samples are misdrawn."""
    gan = teacher()
    stored = dict(np.load(samples_of(gan, tmp_path)))
    for part in ("y_train", "y_test"):
        stored[part] = np.array([0, 2, 1])[stored[part]]
    np.savez(tmp_path / "swapped.npz", **stored)
    result = augment(gan=gan, data=str(tmp_path / "swapped.npz"), n=90, shown=2)
    assert result.metrics["error_real"].value < 0.1
    assert result.metrics["error_of_samples"].value == pytest.approx(2 / 3, abs=0.05)
    by_class = [row[-1] for row in result.tables["classes"].rows]
    assert by_class[0] < 0.1 < 0.9 < min(by_class[1:])


def test_tables_and_figures_say_the_same(told: Result) -> None:
    confusion = np.array([row[1:] for row in told.tables["confusion"].rows])
    assert confusion.sum() == 60
    assert 1 - np.trace(confusion) / 60 == pytest.approx(told.metrics["error"].value)
    table = told.tables["errors"]
    assert [row[1] for row in table.rows] == [120, 200, 200, 200]
    assert told.arrays["told"].shape == (3, 60)
    assert (told.arrays["told"][-1] != told.arrays["truth"]).mean() == told.metrics["error"].value
    assert {"figure9", "confusion"} <= set(told.figures)


def test_classes_are_told_by_their_names_whatever_their_order_on_the_card(tmp_path: Path) -> None:
    names, gan = ["c", "a", "b"], teacher()
    data = dict(np.load(samples_of(gan, tmp_path)))
    np.savez(
        tmp_path / "named.npz", **{part: np.array(names)[it] if part[0] == "y" else it for part, it in data.items()}
    )
    by_number = augment(gan=gan, data=str(tmp_path / "data.npz"), n=60)
    gan.card = replace(gan.card, facts={"class_names": names})
    by_name = augment(gan=gan, data=str(tmp_path / "named.npz"), n=60)
    assert np.array_equal(by_name.arrays["told"], by_number.arrays["told"])
    assert by_name.metrics["error"].value == by_number.metrics["error"].value < 0.2


def test_a_figure_that_shows_some_of_the_classes_says_so(
    told: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Shown are" not in told.figures["figure9"].caption
    monkeypatch.setattr("ganlab_augment.report.MOST_CLASSES", 2)
    gan = teacher()
    some = augment(gan=gan, data=samples_of(gan, tmp_path), n=30, shown=2)
    assert "the first 2 of 3 classes" in some.figures["figure9"].caption


def test_what_teaches_nothing_is_refused(tmp_path: Path) -> None:
    gan = teacher()
    data = samples_of(gan, tmp_path)
    plain = str(tmp_path / "plain.npy")
    np.save(plain, smooth_pictures(20, channels=1)[..., 0])
    alone = Gan(None, gan.discriminator, image=gan.image, classes=CLASSES)
    renamed = teacher()
    renamed.card = replace(gan.card, facts={"class_names": ["1", "0", "2"]})
    for changes, word in (
        ({"gan": tiny_gan(channels=1)}, "draws no classes"),
        ({"gan": alone}, "has no generator"),
        ({"baseline": alone}, "has no generator"),
        ({"gan": gan.of_class(1)}, "of all classes"),
        ({"data": plain, "test": data}, "have no classes"),
        ({"test": plain}, "have no classes"),
        ({"data": f"{data}:x_test"}, "no test pictures"),
        ({"test": data}, "are training pictures too"),
        ({"n": 2}, "do not cover 3 classes"),
        ({"baseline": tiny_gan(channels=1, classes=4)}, "does not draw the classes"),
        ({"baseline": renamed}, "does not draw the classes"),
        ({"baseline": gan.of_class(1)}, "does not draw the classes"),
        ({"baseline": teacher(size=32)}, "draws 32 pixels"),
        ({"gan": tiny_gan(channels=1, classes=5)}, "draws 5 classes, and .* has 3"),
        ({"data": f"{data}:x_test", "test": f"{data}:x_test"}, "are training pictures too"),
    ):
        with pytest.raises(GanlabError, match=word) as caught:
            augment(**{"gan": gan, "data": data, "n": 30, **changes})  # type: ignore[arg-type]
        assert caught.value.hint


def test_pictures_of_a_class_that_the_gan_does_not_draw_are_told(tmp_path: Path) -> None:
    gan = teacher()
    pictures = smooth_pictures(30, channels=1)
    np.savez(
        tmp_path / "x.npz", x_train=pictures, y_train=np.arange(30) % 3, x_test=pictures[:9], y_test=np.arange(9) % 4
    )
    with pytest.raises(GanlabError, match="a class that nothing is learnt of"):
        augment(gan=gan, data=str(tmp_path / "x.npz"), n=30)


def test_a_gan_that_was_trained_on_the_test_pictures_is_told_of(tmp_path: Path) -> None:
    from ganlab_augment.investigation import _trained_on

    mnist = mnist_folder(tmp_path / "mnist", packed=False)
    npz = labelled(tmp_path, x_test=smooth_pictures(5), y_test=np.zeros(5, int))
    cases = ((f"{mnist}/", mnist, 1), (f"{mnist}:train", mnist, 0), (mnist, f"{mnist}:train", 1), (npz, npz, 0))
    for trained, given, told in cases:
        gan = teacher()
        gan.card = replace(gan.card, facts={"training": {"data": str(trained)}})
        images = open_images(str(given))
        test = split_of(images).test
        assert test is not None
        assert ["flatters" in note for note in _trained_on(gan, test)] == [True] * told


def test_a_note_on_many_classes_says_that_it_names_some_of_them(tmp_path: Path) -> None:
    from ganlab_augment.investigation import _classes

    names = [f"class {number:02}" for number in range(14)]
    pictures = smooth_pictures(28, channels=1)
    for count in (14, 12):
        data = tmp_path / f"{count}.npz"
        np.savez(data, x_train=pictures, y_train=np.array(names)[np.arange(28) % count])
        (note,) = _classes(tiny_gan(channels=1, classes=count), open_images(str(data)), 28)[1]
        assert ("class 11 and 2 more." in note) == (count == 14)
        assert "class 11" in note


def test_memory_does_not_grow_with_the_samples() -> None:
    """What is kept of the samples is their nearest alone."""
    gan = teacher()
    seen: list[int] = []

    class Counted(Samples):
        def blocks(self):  # type: ignore[no-untyped-def]
            for block in super().blocks():
                seen.append(block.numel())
                yield block

    asked = Questions(Samples("asked", "error", gan, 5, 0), torch.rand(5, 256))
    nearest_neighbour(Counted("GAN", "error", gan, 5000, 0), [asked])
    assert sum(seen) == 5000 * 256
    assert max(seen) <= 2048 * 256


def test_broken_pictures_stop_it_or_are_left_out_and_counted(tmp_path: Path) -> None:
    gan = teacher()
    latents = gan.latents_in_turn(60, seed=77)
    for row, (picture, label) in enumerate(zip(gan.image.to_uint8(gan.generate(latents)), latents.labels, strict=True)):
        folder = tmp_path / ("test" if row % 4 == 3 else "train") / str(int(label))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture[..., 0]).save(folder / f"{row:02}.png")
    for broken in ("train/0/00.png", "test/0/03.png"):
        (tmp_path / broken).write_bytes(b"no picture")
    with pytest.raises(GanlabError, match=r"0[03]\.png"):
        augment(gan=gan, data=str(tmp_path), n=30)
    result = augment(gan=gan, data=str(tmp_path), n=30, shown=2, skip_broken=True)
    assert (result.metrics["error"].n, sum("that do not decode" in note for note in result.notes)) == (14, 2)
