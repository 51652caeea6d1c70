"""The classifier: its features against a pass by hand, its splits, controls and refusals."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from ganlab import Gan, GanlabError, Result, open_images
from ganlab.results.intervals import of_a_further_draw
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_classify import classify, investigation
from ganlab_classify.features import Pictures, layer_names, of_discriminator, of_pixels
from ganlab_classify.labelled import check_per_class, draw, open_task, stratified
from ganlab_classify.learning import Outcome, Plan, learn

pytestmark = pytest.mark.usefixtures("one_thread")

RNG = np.random.default_rng(0)
FEW = [0.1, 1.0]


def stripes_and_plains(count: int, seed: int, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Three classes that no linear function of pixels tells: stripes lying, stripes upright, none; light or dark.

    Every picture's negative is as likely as itself, so the mean of each class is the same grey.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    wave = np.where(np.arange(size) // 2 % 2, 1.0, -1.0)
    patterns = np.stack(
        [np.broadcast_to(wave[:, None], (size, size)), np.broadcast_to(wave, (size, size)), np.ones((size, size))]
    )
    signs = rng.choice([-1.0, 1.0], count)[:, None, None]
    grey = 128 + 60 * signs * patterns[labels] + rng.normal(0, 12, (count, size, size))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=3), labels


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An npz with pictures to learn from and to test on."""
    file = tmp_path_factory.mktemp("stripes") / "stripes.npz"
    (x, y), (x_test, y_test) = stripes_and_plains(240, 1), stripes_and_plains(90, 2)
    np.savez(file, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    return str(file)


@pytest.fixture(scope="module")
def found(data: str) -> Result:
    return classify(gan=tiny_gan(seed=3), data=data, c=FEW)


def test_a_killed_one_leaves_nothing(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(features: np.ndarray, *more: object) -> None:
        assert features.any()
        assert not list(tmp_path.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(investigation, "learn", killed)
    with pytest.raises(KeyboardInterrupt):
        classify(gan=tiny_gan(), data=data, c=FEW)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_features_are_those_of_a_pass_by_hand(channels: int) -> None:
    gan = tiny_gan(32, channels=channels)
    images = gan.generate(gan.latents(5))
    names = layer_names(gan, None)
    blocks, x = [], images
    for name, block in gan.discriminator.named_children():
        x = block(x)
        if name != "logit":
            blocks.append(functional.adaptive_max_pool2d(x, 4).flatten(1))
    assert names == ["down16", "down8", "down4"]
    torch.testing.assert_close(of_discriminator(gan, names)(images), torch.cat(blocks, 1))
    assert of_pixels(images).shape == (5, channels * 32 * 32)
    assert of_pixels(torch.zeros(2, channels, 64, 64)).shape == (2, channels * 32 * 32)


def test_statistics_are_those_of_the_pictures_and_the_gan_keeps_its_own() -> None:
    gan = tiny_gan()
    before = {name: value.clone() for name, value in gan.discriminator.state_dict().items()}
    images = torch.from_numpy(RNG.normal(size=(64, 3, 16, 16)).astype(np.float32))
    other = gan.with_statistics_of([images[:32], images[32:]])
    normed = other.discriminator.down4.conv(other.discriminator.down8(images))
    norm = other.discriminator.down4.norm
    means = torch.stack([normed[:32].mean((0, 2, 3)), normed[32:].mean((0, 2, 3))]).mean(0)
    torch.testing.assert_close(norm.running_mean, means, atol=1e-5, rtol=1e-4)
    assert not norm.training
    for name, value in gan.discriminator.state_dict().items():
        assert torch.equal(value, before[name])


def test_plugin_keeps_the_contract() -> None:
    import ganlab_classify

    check_plugin(ganlab_classify)


def test_analysis_keeps_the_contract(data: str) -> None:
    result = check_analysis(classify, gan=tiny_gan(seed=3), data=data, per_class=6, draws=2, c=FEW)
    assert len(result.tables["draws"].rows) == 2
    assert result.arrays["told"].shape == (2, 90)


def test_features_tell_what_pixels_cannot(found: Result) -> None:
    value = {name: metric.value for name, metric in found.metrics.items()}
    assert value["accuracy"] > 0.9
    assert value["accuracy_pixels"] < 0.6
    assert value["accuracy_guessing"] == pytest.approx(1 / 3)
    assert value["above_pixels"] == pytest.approx(100 * (value["accuracy"] - value["accuracy_pixels"]))
    assert found.metrics["above_pixels"].low > 8
    assert set(found.figures) >= {"accuracy", "confusion"}


def test_the_confusion_holds_what_was_told(found: Result) -> None:
    confusion, truth, told = (found.arrays[name] for name in ("confusion", "truth", "told"))
    assert confusion.sum() == 90
    assert np.trace(confusion) / 90 == pytest.approx(found.metrics["accuracy"].value)
    assert confusion[1, 2] == ((truth == 1) & (told[0] == 2)).sum()


@pytest.mark.parametrize("few", [True, False])
def test_the_held_out_pictures_choose_c_and_the_test_pictures_do_not(few: bool) -> None:
    """The classes of the held-out pictures are all wrong here, those of the test pictures all right."""
    labels = np.arange(90) % 2
    features = np.random.default_rng(0).normal(0, 0.1, (90, 5)).astype(np.float32)
    features[:, 0] += 2 * labels - 1
    rows, choose, test = np.split(np.arange(90), [40, 65])
    labels[choose] = 1 - labels[choose]
    found = learn(features, Plan(labels, 2, [rows, rows[:20]], choose, None if few else rows, test), FEW, "planted")
    assert list(found.tried.values()) == [0, 0]
    assert found.right.all()


@pytest.mark.parametrize("per_class", [None, 60])
def test_nothing_is_learnt_from_test_pictures_nor_in_draws_from_those_that_choose_c(
    data: str, per_class: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither weights nor mean and deviation."""
    plans: list[Plan] = []
    samples: list[np.ndarray] = []
    learning, extracting = investigation.learn, investigation._extract

    def seen(features: np.ndarray, plan: Plan, *others: object) -> Outcome:
        plans.append(plan)
        return learning(features, plan, *others)

    def scaled(gan: Gan, names: list[str], pictures: Pictures, sample: np.ndarray, chunk: int) -> object:
        samples.append(sample)
        return extracting(gan, names, pictures, sample, chunk)

    monkeypatch.setattr(investigation, "learn", seen)
    monkeypatch.setattr(investigation, "_extract", scaled)
    classify(gan=tiny_gan(seed=3), data=data, per_class=per_class, draws=2, c=[0.1])
    for plan in plans:
        learnt = set(np.concatenate(plan.learn))
        assert not learnt & (set(plan.choose) | set(plan.test))
        assert plan.again is None or not set(plan.again) & set(plan.test)
        assert all(set(sample) <= learnt for sample in samples)


def test_both_discriminators_normalise_by_the_pictures_and_the_control_is_of_the_seed(
    data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Gan] = []
    looking = investigation.of_discriminator
    monkeypatch.setattr(investigation, "of_discriminator", lambda gan, names: seen.append(gan) or looking(gan, names))
    gan = tiny_gan(seed=3)
    classify(gan=gan, data=data, c=[0.1], seed=5)
    shown = gan.image.from_uint8(np.load(data)["x_train"])
    for found, whose in zip(seen, (gan, gan.untrained(5)), strict=True):
        assert torch.equal(found.discriminator.down4.conv.weight, whose.discriminator.down4.conv.weight)
        with found.record("down4.conv", side="discriminator") as recording:
            found.score(shown)
        maps, norm = recording["down4.conv"], found.discriminator.down4.norm
        assert ((norm.running_mean - maps.mean((0, 2, 3))).abs() < 0.2 * maps.std((0, 2, 3))).all()
        torch.testing.assert_close(norm.running_var, maps.var((0, 2, 3)), rtol=0.2, atol=0)


def test_labels_that_mean_nothing_are_not_learnt(tmp_path: Path) -> None:
    """The whole experiment's control: with labels drawn at random the test pictures are told by chance."""
    x, _ = stripes_and_plains(300, 4)
    np.savez(tmp_path / "x.npz", images=x, labels=np.random.default_rng(5).integers(0, 3, 300))
    value = classify(gan=tiny_gan(), data=str(tmp_path / "x.npz"), c=[0.1]).metrics["accuracy"].value
    assert abs(value - 1 / 3) < 0.17


def test_folders_name_classes_and_parts(tmp_path: Path) -> None:
    for place in ("train/cat", "train/train", "test/cat", "test/train", "else/cat"):
        (tmp_path / place).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (16, 16), (number * 40, len(place) * 9, 0)).save(tmp_path / place / f"{number}.png")
    task = open_task(open_images(str(tmp_path)), None, 0)
    assert task.classes == ("cat", "train")
    assert (len(task.train), len(task.test)) == (6, 6)
    assert all(task.test.images.name(row).startswith("test/") for row in task.test.rows)
    assert "3 pictures" in task.notes[0]
    given = open_task(open_images(str(tmp_path / "train")), open_images(str(tmp_path / "test")), 0)
    assert (given.classes, len(given.train), len(given.test)) == (("cat", "train"), 6, 6)


def test_without_test_pictures_a_part_of_each_class_is_drawn(tmp_path: Path) -> None:
    x, y = stripes_and_plains(90, 6)
    np.savez(tmp_path / "x.npz", images=x, labels=y + 9)
    task = open_task(open_images(str(tmp_path / "x.npz")), None, 0)
    assert task.classes == ("9", "10", "11")
    assert np.bincount(task.test.labels).tolist() == [6, 6, 6]
    assert not set(task.train.rows) & set(task.test.rows)
    assert "at random" in task.notes[0]


def test_draws_are_balanced_differ_and_stay_the_same() -> None:
    labels = np.repeat([0, 1, 2], [50, 80, 70])
    first, second = draw(labels, 10, 0, 0), draw(labels, 10, 1, 0)
    assert np.bincount(labels[first]).tolist() == [10, 10, 10]
    assert set(first) != set(second)
    np.testing.assert_array_equal(draw(labels, 10, 1, 0), second)
    counts = np.bincount(np.concatenate([draw(labels, 10, number, 0) for number in range(200)]), minlength=200)
    assert counts.min() > 5
    assert counts.max() < 70
    assert stratified(labels, 0.1, 0, 1).sum() == 20
    with pytest.raises(GanlabError, match="50 pictures of 'a'"):
        check_per_class(labels, "abc", 51)


def test_intervals() -> None:
    right = np.arange(100)[None] < 70
    other = Outcome(1, {}, 1.0, right, np.roll(right, 10))
    one = Outcome(1, {}, 1.0, right, right)
    low, high = one.interval()
    assert (low, high) == pytest.approx((0.604, 0.781), abs=1e-3)  # Wilson's
    assert one.above(other)[0] == 0
    assert one.above(other)[2] == pytest.approx(196 * np.sqrt(0.2 / 100), rel=0.06)  # ten pictures each way
    several = Outcome(1, {}, 1.0, right, np.stack([np.arange(100) < 60, np.arange(100) < 64]))
    assert several.interval() == pytest.approx((0.62 - 12.706 * 0.02828 * 1.5**0.5, 1), abs=1e-3)  # of one degree
    assert several.above(several) == (0, 0, 0)


@pytest.mark.parametrize("draws", [2, 3, 10])
def test_a_further_draw_lies_in_its_interval_19_times_of_20(draws: int) -> None:
    values = np.random.default_rng(draws).normal(0.6, 0.02, (4000, draws + 1))
    ends = np.array([of_a_further_draw(row[:-1], -np.inf, np.inf) for row in values])
    inside = (ends[:, 0] <= values[:, -1]) & (values[:, -1] <= ends[:, 1])
    assert inside.mean() == pytest.approx(0.95, abs=0.015)
    assert of_a_further_draw(np.array([0.97, 1, 0.99, 1, 0.98]), 0, 1)[1] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": ["nowhere"]}, "no layer called 'nowhere'"),
        ({"per_class": 99}, "not 99"),
        ({"test": "SELF"}, "training pictures too"),
        ({"test": "OTHER"}, "nothing is learnt of"),
        ({"data": "PLAIN"}, "have no classes"),
        ({"data": "ONE"}, "one class"),
    ],
)
def test_wrong_options_are_told(data: str, tmp_path: Path, options: dict, words: str) -> None:
    x, _ = stripes_and_plains(12, 7)
    np.savez(tmp_path / "other.npz", images=x, labels=np.full(12, 7))
    np.save(tmp_path / "plain.npy", x)
    files = {
        "SELF": data,
        "OTHER": tmp_path / "other.npz",
        "PLAIN": tmp_path / "plain.npy",
        "ONE": tmp_path / "other.npz",
    }
    given = {name: str(files[value]) if isinstance(value, str) else value for name, value in options.items()}
    with pytest.raises(GanlabError) as error:
        classify(gan=tiny_gan(), **{"data": data, "c": [0.1], **given})
    assert words in error.value.message
    assert error.value.hint


def test_a_figure_that_shows_some_of_the_classes_says_so(
    found: Result, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Shown are" not in found.figures["accuracy"].caption
    monkeypatch.setattr("ganlab_classify.report.MOST_CLASSES", 2)
    some = classify(gan=tiny_gan(seed=3), data=data, c=[0.1])
    assert "the first 2 of 3 classes" in some.figures["accuracy"].caption


def test_a_gan_without_a_discriminator_is_refused(data: str) -> None:
    with pytest.raises(GanlabError, match="no discriminator"):
        classify(gan=tiny_gan(seed=3).alone("generator"), data=data)


def test_without_weights_that_can_be_drawn_anew_there_is_no_untrained_control(data: str) -> None:
    class Fixed(nn.Conv2d):
        def reset_parameters(self) -> None:
            nn.init.constant_(self.weight, 0.1)

    judge = nn.Sequential(Fixed(3, 4, 4, 4, bias=False), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 4), nn.Flatten(0))
    result = classify(gan=Gan(None, judge, image=tiny_gan().image), data=data, c=[0.1])
    assert result.metrics["accuracy"].control == "accuracy_pixels"
    assert any("no untrained control" in note for note in result.notes)


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(6):
            Image.new("RGB", (16, 16), (number * 40, 0, ord(label))).save(tmp_path / label / f"{number}.png")
    (tmp_path / "a/3.png").write_bytes(b"no picture")
    with pytest.raises(GanlabError, match=r"a/3\.png"):
        classify(gan=tiny_gan(), data=str(tmp_path), c=[0.1])


def test_pictures_of_any_size_become_the_gans(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (10, 20, 30)).save(tmp_path / "a.png")
    pictures = Pictures(tiny_gan(16, channels=1), [(open_images(str(tmp_path)), np.array([0]))])
    assert pictures.read([0]).shape == (1, 16, 16, 1)
    assert next(pictures.batches(np.array([0]), 4)).shape == (1, 1, 16, 16)


def test_batches_go_on_from_one_set_to_the_next(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(7, dtype=np.uint8)[:, None, None].repeat(16, 1).repeat(16, 2))
    np.save(tmp_path / "b.npy", np.arange(50, 55, dtype=np.uint8)[:, None, None].repeat(16, 1).repeat(16, 2))
    first, second = (open_images(str(tmp_path / name)) for name in ("a.npy", "b.npy"))
    pictures = Pictures(tiny_gan(16, channels=1), [(first, np.array([6, 1, 2, 4])), (second, np.array([0, 3, 4]))])
    chunks = list(pictures.arrays(range(7), 3))
    assert [chunk[:, 0, 0, 0].tolist() for chunk in chunks] == [[6, 1, 2], [4, 50, 53], [54]]
    assert pictures.read([5, 0, 6])[:, 0, 0, 0].tolist() == [53, 6, 54]


def test_activations_that_overflow_are_told(data: str) -> None:
    gan = tiny_gan(seed=3)
    first = next(module for module in gan.discriminator.modules() if isinstance(module, torch.nn.Conv2d))
    with torch.no_grad():
        first.weight.mul_(1e39)
    with pytest.raises(GanlabError, match="features of the discriminator are no numbers"):
        classify(gan=gan, data=data, c=[0.1])


def test_broken_pictures_stop_it_or_are_left_out_and_the_labels_stay_in_line(tmp_path: Path) -> None:
    (x, y), (x_test, y_test) = stripes_and_plains(60, 1), stripes_and_plains(30, 2)
    for part, pictures, labels in (("train", x, y), ("test", x_test, y_test)):
        for row, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
            (tmp_path / part / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(tmp_path / part / str(label) / f"{row:02}.png")
    gan, broken = tiny_gan(seed=3), [tmp_path / "train/0/00.png", tmp_path / "test/1/01.png"]
    for file in broken:
        file.rename(file.with_suffix(".away"))
    without = classify(gan=gan, data=str(tmp_path), c=FEW)
    for file in broken:
        file.write_bytes(b"no picture")
    with pytest.raises(GanlabError, match=r"0[01]\.png") as caught:
        classify(gan=gan, data=str(tmp_path), c=FEW)
    assert "--skip-broken" in caught.value.hint
    result = classify(gan=gan, data=str(tmp_path), c=FEW, skip_broken=True)
    assert result.metrics == without.metrics
    assert [note.split(" of /")[0] for note in result.notes if note.startswith("Left out")] == [
        "Left out 1 of 60 pictures",
        "Left out 1 of 30 pictures",
    ]
