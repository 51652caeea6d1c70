"""Nearest neighbours against brute force, the test of copying against generators that do and do not copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from ganlab import Directions, Gan, GanlabError, ImageSpec, Nearest, Prior, open_images
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from ganlab_neighbors import neighbors
from ganlab_neighbors.membership import ALPHA, LEFT_OUT, Pool, closeness, compare
from ganlab_neighbors.sets import Role, draw_sets
from ganlab_neighbors.spaces import Features, Shifted

SIZE = 16


def brute(queries: np.ndarray, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances and ids of the k nearest in float64, smaller ids first among equals."""
    squared = np.array([((candidates.astype(np.float64) - query) ** 2).sum(1) for query in queries.astype(np.float64)])
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(squared, order, 1), order


def searched(queries: np.ndarray, candidates: np.ndarray, k: int, block: int = 37, count: int = 8) -> Nearest:
    nearest = Nearest(torch.from_numpy(queries), k, Directions(torch.from_numpy(candidates[::5]), count))
    for first in range(0, len(candidates), block):
        part = candidates[first : first + block]
        nearest.update(torch.from_numpy(part), np.arange(first, first + len(part)))
    return nearest


def smooth(n: int, seed: int, size: int = SIZE) -> np.ndarray:
    """Pictures (n, size, size, 3) uint8 with large shapes, as photographs have."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 60, (n, 4, 4, 3)).repeat(size // 4, 1).repeat(size // 4, 2)
    return np.clip(128 + coarse + rng.normal(0, 12, (n, size, size, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["smooth", "noise", "far from zero", "flat", "twins"])
def test_search_is_brute_force(kind: str) -> None:
    rng = np.random.default_rng(3)
    if kind == "smooth":
        vectors = smooth(400, 1).reshape(400, -1).astype(np.float32)
    elif kind == "noise":  # the bound is of no use: everything has to be compared
        vectors = rng.normal(0, 1, (400, 700)).astype(np.float32)
    elif kind == "far from zero":  # rounding is large beside the distances
        vectors = (1e4 + rng.normal(0, 1e-2, (400, 700))).astype(np.float32)
    elif kind == "flat":  # all in the plane of two directions: nothing is left beside the projection
        vectors = (rng.normal(0, 1, (400, 2)) @ rng.normal(0, 1, (2, 700))).astype(np.float32)
    else:
        vectors = rng.integers(0, 3, (400, 5)).astype(np.float32)  # distances of many pairs are equal
    queries, candidates = vectors[:30], vectors[30:]
    nearest = searched(queries, candidates, 5)
    squared, ids = brute(queries, candidates, 5)
    np.testing.assert_allclose(nearest.squared, squared, rtol=1e-12)
    assert np.array_equal(nearest.ids, ids)


def test_search_compares_few(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    compare = Nearest._compare

    def count(self: Nearest, rows: torch.Tensor, *others: Any) -> None:
        compared.append(len(rows))
        compare(self, rows, *others)

    monkeypatch.setattr(Nearest, "_compare", count)
    vectors = smooth(3000, 2).reshape(3000, -1).astype(np.float32)
    nearest = searched(vectors[:50], vectors[50:], 5, block=500, count=48)
    assert 0 < sum(compared) < 0.2 * 50 * 2950
    assert np.array_equal(nearest.ids, brute(vectors[:50], vectors[50:], 5)[1])


def test_search_with_fewer_candidates_than_asked_for() -> None:
    vectors = smooth(9, 4).reshape(9, -1).astype(np.float32)
    nearest = searched(vectors[:3], vectors[3:], 8, block=4)
    assert (nearest.ids[:, 6:] == -1).all()
    assert np.isinf(nearest.squared[:, 6:]).all()
    assert np.array_equal(nearest.ids[:, :6], brute(vectors[:3], vectors[3:], 6)[1])


def test_another_search_of_the_same_queries_knows_nothing_of_the_first_and_shares_what_is_large() -> None:
    vectors = smooth(90, 6).reshape(90, -1).astype(np.float32)
    first = searched(vectors[:10], vectors[10:50], 5)
    kept = first.squared.copy()
    second = first.again()
    second.update(torch.from_numpy(vectors[50:]), np.arange(40))
    squared, ids = brute(vectors[:10], vectors[50:], 5)
    np.testing.assert_allclose(second.squared, squared, rtol=1e-12)
    assert np.array_equal(second.ids, ids)
    assert np.array_equal(first.squared, kept)
    assert second.projected is first.projected


def test_of_several_windows_the_nearest_counts() -> None:
    vectors = smooth(300, 5).reshape(300, -1).astype(np.float32)
    queries, candidates = vectors[:60].reshape(20, 3, -1), vectors[60:]
    nearest = searched(queries, candidates, 5)
    squared = np.stack([brute(queries[:, w], candidates, 240)[0] for w in range(3)])
    each = [((candidates.astype(np.float64)[None] - queries[:, w, None]) ** 2).sum(-1) for w in range(3)]
    expected = np.sort(np.min(each, axis=0), axis=1)[:, :5]
    assert squared.shape == (3, 20, 240)
    np.testing.assert_allclose(nearest.squared, expected, rtol=1e-12)
    assert all(len(set(row)) == 5 for row in nearest.ids.tolist())


@pytest.mark.parametrize("seed", range(5))
def test_windows_that_are_alike_do_not_count_a_candidate_twice(seed: int) -> None:
    """What one window found first is among the pairs of the others: counted with them, it would take another's place.

    Distances are whole numbers, so that equal ones are many.
    """
    rng = np.random.default_rng(seed)
    queries = rng.integers(0, 4, (40, 1, 12)) + rng.integers(0, 2, (40, 3, 12))
    candidates = rng.integers(0, 5, (300, 12)).astype(np.float32)
    nearest = searched(queries.astype(np.float32), candidates, 4, block=100, count=2)
    each = ((candidates.astype(np.int64)[None, None] - queries[:, :, None]) ** 2).sum(-1).min(1)  # (40, 300)
    order = np.argsort(each, axis=1, kind="stable")[:, :4]
    assert np.array_equal(nearest.ids, order)
    assert np.array_equal(nearest.squared, np.take_along_axis(each, order, 1))


@pytest.mark.parametrize("windows", [1, 3])
def test_only_what_may_be_among_the_nearest_is_computed_exactly(windows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a first block nearly all is nearer than the first few: most of it is told apart roughly."""
    kept: list[int] = []
    keep = Nearest._keep
    monkeypatch.setattr(
        Nearest, "_keep", lambda self, rows, *others: [kept.append(len(rows)), keep(self, rows, *others)]
    )
    vectors = np.random.default_rng(0).normal(0, 1, (2060, 300)).astype(np.float32)  # directions say little of these
    queries = vectors[:60].reshape(60 // windows, windows, 300) if windows > 1 else vectors[:60]
    searched(queries, vectors[60:], 5, block=1000, count=4)
    assert sum(kept) < 60 * 5 * 2 * 3


def test_bound_is_never_above_the_distance() -> None:
    """Where float32 is at its worst, the lowered bound stays below the true distance of every pair."""
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1.0, 300.0):
        vectors = torch.from_numpy((5 + scale * rng.normal(0, 1, (200, 1500))).astype(np.float32))
        directions = Directions(vectors, 20)
        seen = directions.project(vectors)
        promise = (seen.coefficients @ seen.coefficients.T).double()
        half = seen.squared.double() * (1 - directions.bound_error) / 2
        bound = 2 * (half[:, None] + half - promise)
        true = torch.cdist(vectors.double(), vectors.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
        assert (bound <= true + 1e-12).all()
        between = ~torch.eye(200, dtype=torch.bool)
        assert (bound[between] > 0).all()  # and says something


def test_rough_distances_hold_the_true_one_between_them() -> None:
    """Where float32 is at its worst, also where vectors lie close together and far out."""
    rng = np.random.default_rng(0)
    for scale, middle in ((1e-3, 5), (1.0, 5), (300.0, 5), (1e-2, 1e4)):
        sides = middle * rng.choice([-1, 1], (80, 1))  # so that far out is far from their mean, too
        vectors = torch.from_numpy((sides + scale * rng.normal(0, 1, (80, 1500))).astype(np.float32))
        nearest = Nearest(vectors, 1, Directions(vectors, 20))
        rows, columns = (each.flatten() for each in torch.meshgrid(*[torch.arange(80)] * 2, indexing="ij"))
        at_best, at_worst = nearest._roughly(rows, columns, nearest.directions.project(vectors))
        true = torch.cdist(vectors.double(), vectors.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
        half = -true.flatten() / 2
        assert (at_worst.double() <= half).all()
        assert (half <= at_best.double()).all()


def test_closeness() -> None:
    distances = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.0, 2.0, 3.0], [1.0, 2.0, 4.0], [0.0, 0.0, 1.0]])
    training = np.array([[1, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1], [1, 0, 0]], bool)
    np.testing.assert_allclose(closeness(distances, training), [1 / 3, -1 / 2, 1, 3 / 5, 0])


def honest_pool(rng: np.random.Generator, n: int, size: int, hubs: bool) -> Pool:
    """Samples whose neighbours are of both sets by chance; with hubs, few pictures are everybody's nearest."""
    members = rng.integers(0, 20 if hubs else 2 * size, (n, 8))
    rows = np.where(members % 2 == 0, members, -1 - members)
    if hubs:  # which of the two sets a hub is in is itself chance
        turned = rng.random(20) < 0.5
        rows = np.where(turned[members], members, -1 - members)
    return Pool(np.sort(rng.normal(10, 1, (n, 8)) ** 2, axis=1), rows, size, size)


@pytest.mark.parametrize("hubs", [False, True])
def test_level_is_kept_and_a_sign_test_would_not(hubs: bool) -> None:
    """Under exchangeable sets p is uniform, also where many samples share a neighbour; the naive test is not."""
    rng = np.random.default_rng(8)
    ours, against, naive = [], [], []
    for seed in range(30):
        pool = honest_pool(rng, 80, 200, hubs)
        groups = {"samples": slice(0, 60), LEFT_OUT: slice(60, 80)}
        answer = compare({"pixels": pool}, groups, seed)["samples"]
        ours.append(answer.p)
        against.append(answer.p_against)
        naive.append(stats.binomtest(int(pool.labels[:60, 0].sum()), 60, alternative="greater").pvalue)
    assert np.mean(np.array(ours) < 0.1) <= 0.25
    assert np.mean(np.array(against) < 0.1) <= 0.25
    if hubs:
        assert np.mean(np.array(naive) < 0.01) > 0.1


class Replay(torch.nn.Module):
    """A generator that gives back stored pictures: the ones whose number its z holds."""

    def __init__(self, pictures: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("stored", ImageSpec(SIZE, 3).from_uint8(pictures))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        rows = ((z[:, 0] * 0.5 + 0.5) * len(self.stored)).long().clamp(0, len(self.stored) - 1)
        return self.stored[rows]


def replaying(pictures: np.ndarray) -> Gan:
    return Gan(Replay(pictures), prior=Prior(4), image=ImageSpec(SIZE, 3))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pictures")
    pictures = smooth(1100, 11)
    parts = {"train": pictures[:500], "held": pictures[500:900], "few": pictures[500:600], "honest": pictures[900:]}
    parts["all"] = pictures
    for name, part in parts.items():
        np.save(folder / f"{name}.npy", part)
    return {name: str(folder / f"{name}.npy") for name in parts}


def test_contract_of_plugins() -> None:
    import ganlab_neighbors

    check_plugin(ganlab_neighbors)


def test_contract_of_analyses(files: dict[str, str]) -> None:
    result = check_analysis(neighbors, gan=tiny_gan(), data=files["honest"], heldout=files["few"], n=20, shown=2)
    assert {"nearer_pixels", "nearer_shifted", "nearer_features"} <= set(result.metrics)
    assert {"pairs-pixels", "pairs-shifted", "pairs-features"} <= set(result.figures)


def test_a_copier_is_caught_and_its_copies_come_first(files: dict[str, str]) -> None:
    rng = np.random.default_rng(5)
    train, honest = np.load(files["train"]), np.load(files["honest"])
    copied = rng.permutation(len(train))[:40]
    changed = np.clip(train[copied] + rng.normal(0, 6, train[copied].shape), 0, 255).astype(np.uint8)
    result = neighbors(replaying(np.concatenate([changed, honest, honest[:160]])), files["train"], files["held"], n=150)
    assert result.metrics["p"].value < ALPHA
    assert result.metrics["p_left_out"].value >= ALPHA
    assert "copies:" in result.summary
    first = dict(zip(result.tables["closest"].columns, result.tables["closest"].rows[0], strict=True))
    assert first["ratio"] < 0.5
    assert first["ratio"] == pytest.approx(first["distance to training"] / first["distance to held-out"])
    assert int(str(first["nearest training picture"]).split()[-1]) in copied


def test_an_honest_generator_raises_no_alarm(files: dict[str, str]) -> None:
    result = neighbors(replaying(np.load(files["honest"])), files["train"], files["held"], n=150)
    assert result.metrics["p"].value >= ALPHA
    assert result.metrics["p_copier"].value < ALPHA
    assert result.summary.startswith("No sign")


@pytest.mark.parametrize("darkened", [1, 3])
def test_sets_of_different_kinds_give_no_answer(files: dict[str, str], tmp_path: Path, darkened: int) -> None:
    """Whichever of the two sets the samples are like."""
    np.save(tmp_path / "dark.npy", np.load(files["held"]) // 3)
    gan = replaying(np.load(files["honest"]) // darkened)
    result = neighbors(gan, files["train"], str(tmp_path / "dark.npy"), n=100, space=["pixels"])
    assert (result.metrics["p"].value < ALPHA) == (darkened == 1)
    assert result.metrics["p_left_out"].value < ALPHA
    assert result.summary.startswith("No answer")


@pytest.mark.parametrize(("train", "held"), [("train", "few"), ("few", "held"), ("all", None)])
def test_the_test_holds_equally_many_of_both(files: dict[str, str], train: str, held: str | None) -> None:
    """Of unequal sets the larger would hold the nearest picture more often whatever the samples are."""
    other = None if held is None else open_images(files[held])
    sets = draw_sets(open_images(files[train]), other, ImageSpec(SIZE, 3), 15, 0)
    own, far = sets.training.roles, sets.heldout.roles
    tested, heldout, left_out = (own == Role.TESTED).sum(), (far == Role.HELDOUT).sum(), (own == Role.LEFT_OUT).sum()
    size = {"train": 500, "few": 100, "held": 400, "all": 1100}
    there = (size[train], size[held]) if held else (550, 550)
    assert left_out == 15
    assert tested == heldout == min(there[0] - 15, there[1])


def test_without_heldout_half_is_split_off_and_said_to_be(files: dict[str, str]) -> None:
    result = neighbors(tiny_gan(), files["all"], n=150, space=["pixels"])
    assert any("random half of DATA" in note for note in result.notes)
    assert "only pictures that it was not trained on can tell" in result.summary
    train = set(result.arrays["pixels-training"].tolist())
    assert not train & set(result.arrays["pixels-heldout"].tolist())


def test_without_discriminator_features_are_left_out_and_named(files: dict[str, str]) -> None:
    gan = replaying(smooth(50, 1))
    result = neighbors(gan, files["honest"], files["few"], n=25)
    assert any("no discriminator" in note for note in result.notes)
    with pytest.raises(GanlabError, match="no discriminator"):
        neighbors(gan, files["train"], files["held"], n=25, space=["features"])


@pytest.mark.parametrize(("train", "held"), [(30, None), (100, 10), (10, 100)])
def test_too_few_pictures_are_told(tmp_path: Path, train: int, held: int | None) -> None:
    np.save(tmp_path / "a.npy", smooth(train, 1))
    np.save(tmp_path / "b.npy", smooth(held or 1, 2))
    with pytest.raises(GanlabError, match="Too few") as error:
        neighbors(tiny_gan(), str(tmp_path / "a.npy"), str(tmp_path / "b.npy") if held else None, n=20)
    assert error.value.hint


def test_broken_pictures_stop_or_are_left_out_and_named(tmp_path: Path) -> None:
    from PIL import Image

    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        for number, picture in enumerate(smooth(120, seed)):
            Image.fromarray(picture).save(tmp_path / name / f"{number:03}.png")
    (tmp_path / "a" / "017.png").write_bytes(b"no picture")
    folders = str(tmp_path / "a"), str(tmp_path / "b")
    with pytest.raises(GanlabError, match="017"):
        neighbors(tiny_gan(), *folders, n=20, space=["pixels"])
    result = neighbors(tiny_gan(), *folders, n=20, space=["pixels"], skip_broken=True)
    assert any("017.png" in note for note in result.notes)


@pytest.mark.parametrize(("channels", "prior"), [(1, "normal"), (4, "uniform")])
def test_other_pictures_and_priors(files: dict[str, str], channels: int, prior: str) -> None:
    gan = tiny_gan(size=32, channels=channels, prior=prior)
    result = neighbors(gan, files["honest"], files["few"], n=20)
    assert 0 <= result.metrics["nearer_features"].value <= 1


def test_a_shifted_copy_is_at_no_distance() -> None:
    gan = tiny_gan(size=SIZE)
    space, pictures = Shifted(gan), smooth(5, 3)
    moved = np.roll(pictures, (1, -1), axis=(1, 2))
    nearest = Nearest(space.queries(moved), 1, Directions(space.candidates(pictures)))
    nearest.update(space.candidates(pictures), np.arange(5))
    assert nearest.ids[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert nearest.squared.max() == 0


def test_features_are_the_layers_maxima_on_a_grid() -> None:
    gan, pictures = tiny_gan(size=32), smooth(70, 3, 32)
    space = Features(gan, pictures)
    vectors = space.candidates(pictures)
    with gan.record(*space.layers, side="discriminator") as recording:
        gan.score(gan.image.from_uint8(pictures))
    first = recording[space.layers[0]]
    cell = first[3, 2, : first.shape[2] // 4, : first.shape[3] // 4].max()
    torch.testing.assert_close(vectors[3, 2 * 16] / space.scales[0], cell)
    torch.testing.assert_close(vectors.square().sum(1).mean(), torch.tensor(float(len(space.layers))))


def test_a_discriminator_whose_layers_share_an_activation_compares_too() -> None:
    class Judge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 4, 2, 1), nn.Conv2d(4, 8, 4, 2, 1)
            self.act, self.last = nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 8)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.last(self.act(self.second(self.act(self.first(images))))).flatten()

    space = Features(Gan(None, Judge(), image=ImageSpec(32)), smooth(5, 3, 32))
    assert space.layers == ["first", "second"]
    assert space.candidates(smooth(4, 3, 32)).shape == (4, 4 * 4 * (4 + 8))
