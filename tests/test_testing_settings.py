"""Global settings of the libraries: an analysis that leaves one changed breaks its contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import matplotlib as mpl
import numpy as np
import pytest
import torch

from ganlab import Result, analysis
from ganlab.testing import check_analysis

pytestmark = pytest.mark.usefixtures("one_thread")


def _benchmark() -> None:
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark


DEEDS: dict[str, tuple[Callable[[], object], str]] = {
    "numpy's errors": (lambda: np.seterr(divide="ignore"), "numpy's treatment of errors"),
    "cudnn": (_benchmark, "torch's settings of cuDNN"),
    "denormals": (lambda: torch.set_flush_denormal(True), "torch's treatment of denormal numbers"),
    "precision": (lambda: torch.set_float32_matmul_precision("medium"), "torch's precision of matrix products"),
    "determinism": (lambda: torch.use_deterministic_algorithms(True), "torch's deterministic algorithms"),
    "rcParams": (lambda: mpl.rcParams.update({"font.size": 31.0}), "matplotlib's parameters"),
}


@pytest.fixture
def put_back() -> Iterator[None]:
    errors, precision, size = np.geterr(), torch.get_float32_matmul_precision(), mpl.rcParams["font.size"]
    benchmark = torch.backends.cudnn.benchmark
    yield
    np.seterr(**errors)
    torch.backends.cudnn.benchmark = benchmark
    torch.set_flush_denormal(False)
    torch.set_float32_matmul_precision(precision)
    torch.use_deterministic_algorithms(False)
    mpl.rcParams["font.size"] = size


@pytest.mark.usefixtures("put_back")
@pytest.mark.parametrize("deed", DEEDS)
def test_a_changed_setting_is_told(deed: str) -> None:
    change, words = DEEDS[deed]

    @analysis
    def careless() -> Result:
        """Change a setting for good."""
        change()
        return Result("done")

    with pytest.raises(AssertionError, match=f"changed {words}"):
        check_analysis(careless)


def test_a_gpus_random_numbers_are_watched_from_before_their_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [torch.zeros(16, dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states)

    @analysis
    def careful() -> Result:
        """Draw nothing."""
        return Result("done")

    @analysis
    def careless() -> Result:
        """Draw on a GPU."""
        states[0] = states[0] + 1
        return Result("done")

    check_analysis(careful)
    with pytest.raises(AssertionError, match="changed the global random state of torch on GPUs"):
        check_analysis(careless)
