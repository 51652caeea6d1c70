"""A discriminator with fewer filters than the paper's figure shows: all are shown, and nothing is refused."""

from __future__ import annotations

import numpy as np
import pytest

from ganlab import Gan
from ganlab.testing import tiny_gan
from ganlab_features import features


@pytest.fixture(scope="module")
def narrow() -> Gan:
    """Whose discriminator ends in ``down4`` of few filters."""
    return tiny_gan(size=16, width=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("data") / "pictures.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8))
    return str(file)


@pytest.mark.parametrize("filters", [None, 1000])
def test_all_are_shown_where_there_are_fewer_than_asked_for(narrow: Gan, data: str, filters: int | None) -> None:
    count = narrow.hidden_layers("discriminator")[-1].shape[0]
    assert count < 6
    result = features(narrow, data, top=2, **({} if filters is None else {"filters": filters}))
    assert result.arrays["filters"].tolist() == list(range(count))
    assert f"has {count} filters of 4x4 units, all shown" in " ".join(result.notes)
    assert "all shown" not in " ".join(features(narrow, data, top=2, filters=1).notes)
