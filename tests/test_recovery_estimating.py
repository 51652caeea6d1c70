"""Statistics that no file holds are those of many samples, and of all classes."""

from __future__ import annotations

import pytest

from ganlab.recovery.estimating import SAMPLES, estimate_statistics
from ganlab.testing import tiny_gan

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("classes", [0, 4])
def test_statistics_are_those_of_what_the_norm_is_given_over_samples_of_all_classes(classes: int) -> None:
    gan = tiny_gan(classes=classes).alone("generator")
    with gan.record("up4.conv") as recorded:
        gan.generate(gan.latents_in_turn(SAMPLES, seed=1))
    given = recorded["up4.conv"].double()
    norm = estimate_statistics(gan).network("generator").up4.norm
    assert norm.running_mean.tolist() == pytest.approx(given.mean((0, 2, 3)).tolist(), abs=1e-5)
    assert norm.running_var.tolist() == pytest.approx(given.var((0, 2, 3)).tolist(), rel=0.01)
