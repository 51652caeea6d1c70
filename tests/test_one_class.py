"""Training that is told classes needs several, and says why there is one alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganlab.errors import GanlabError
from ganlab.training import starting
from tests.kit import smooth_pictures, tiny_settings


def refused(data: Path, labels: np.ndarray, limit: int | None, run: Path) -> GanlabError:
    np.savez(data, x_train=smooth_pictures(len(labels)), y_train=labels)
    with pytest.raises(GanlabError) as error:
        starting.start(tiny_settings(str(data), limit=limit), starting.Reading(0, False), "cpu", run, conditional=True)
    assert not run.exists()
    return error.value


def test_a_limit_that_ends_within_the_first_class_of_a_sorted_set_is_what_is_told(tmp_path: Path) -> None:
    error = refused(tmp_path / "sorted.npz", np.repeat([0, 1], 10), 10, tmp_path / "run")
    assert "The first 10 pictures of" in error.message
    assert "are all of one class, '0'" in error.message
    assert "sorted by class" in error.message
    assert "larger --limit" in error.hint


@pytest.mark.parametrize("limit", [None, 50])
def test_a_set_of_one_class_is_told_as_such_whatever_the_limit(tmp_path: Path, limit: int | None) -> None:
    error = refused(tmp_path / "one.npz", np.zeros(20, int), limit, tmp_path / "run")
    assert "All pictures of" in error.message
    assert "--limit" not in error.message + error.hint
