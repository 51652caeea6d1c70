"""What a labeler's card says about trust stands beside the numbers that it counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from ganlab import Labeler, Result
from ganlab_arithmetic import arithmetic
from ganlab_features import features
from ganlab_probe import probe
from ganlab_turn import turn
from tests.planted import Truth, planted_gan
from tests.planted_faces import Reader, chosen, planted_faces
from tests.probe_kit import drawn_boxes
from tests.test_features import planted

SAID = "right in 70% of samples"


def warned(labeler: type[Labeler]) -> Labeler:
    """The same labeler with a caution on its card."""

    class Warned(labeler):  # type: ignore[valid-type, misc]
        card = MappingProxyType({**labeler.card, "trust": SAID})

    return Warned()


def test_the_weak_judge_that_ships_says_so() -> None:
    caution = Labeler.from_spec("rooms-real").cautions
    assert len(caution) == 1
    assert "68% [58, 76] of 100 originals" in caution[0]


def probed(labeler: Labeler, folder: Path) -> Result:
    return probe(planted_gan(), "window", drop=True, n=20, fresh=20, labeler=labeler)


def marked(labeler: Labeler, folder: Path) -> Result:
    """The labeler says where windows are, and nothing else."""
    return probe(planted_gan(), "window", layer="paper", n=20, labeler=labeler)


def added(labeler: Labeler, folder: Path) -> Result:
    gan = planted_faces()
    return arithmetic(
        gan, "smiling_woman - neutral_woman + neutral_man", exemplars=chosen(gan), labeler=labeler, draws=20, pool=300
    )


def turned(labeler: Labeler, folder: Path) -> Result:
    gan = planted_faces()
    return turn(gan, "left", "right", exemplars=chosen(gan), by="yaw", labeler=labeler, n=10, pool=200)


def filters(labeler: Labeler, folder: Path) -> Result:
    np.save(folder / "data.npy", np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8))
    return features(planted(), str(folder / "data.npy"), labeler=labeler, filters=2, top=2, n=20, layer="3")


@pytest.mark.parametrize(
    ("analysis", "labeler"), [(probed, Truth), (marked, Truth), (filters, Truth), (added, Reader), (turned, Reader)]
)
def test_a_weak_judge_is_said_to_be(
    analysis: Callable[[Labeler, Path], Result], labeler: type[Labeler], tmp_path: Path
) -> None:
    plain, cautioned = analysis(labeler(), tmp_path), analysis(warned(labeler), tmp_path)
    assert [note for note in cautioned.notes if SAID in note] == [
        f"How far to trust the labeler {labeler.name!r}: {SAID}"
    ]
    assert not any("trust" in note for note in plain.notes)
    assert plain.summary == cautioned.summary


def test_a_judge_that_was_given_is_spoken_of_once_also_where_boxes_say_it_all() -> None:
    """Nobody outside can see whether an analysis asked it."""
    gan = planted_gan()
    result = probe(gan, "window", boxes=drawn_boxes(gan), layer="paper", labeler=warned(Truth))
    assert sum(SAID in note for note in result.notes) == 1
