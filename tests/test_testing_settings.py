"""Global settings of the libraries: an analysis that leaves one changed breaks its contract."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable, Iterator

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

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
    "pixels": (lambda: setattr(Image, "MAX_IMAGE_PIXELS", None), r"how many pixels PIL opens \(Image.MAX"),
    "broken pictures": (
        lambda: setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True),
        r"whether PIL opens broken pictures \(ImageFile.LOAD",
    ),
    "sys.path": (lambda: sys.path.append("elsewhere"), r"where Python looks for modules \(sys.path\)"),
    "signals": (lambda: signal.signal(signal.SIGTERM, lambda *_: None), "what handles signals"),
    "warnings": (lambda: warnings.simplefilter("ignore", ResourceWarning), "the filters of warnings: use .*catch_"),
    "rcParams": (lambda: mpl.rcParams.update({"font.size": 31.0}), "matplotlib's parameters"),
}


@pytest.fixture
def put_back() -> Iterator[None]:
    errors, precision, size = np.geterr(), torch.get_float32_matmul_precision(), mpl.rcParams["font.size"]
    benchmark = torch.backends.cudnn.benchmark
    pixels, broken, places = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(sys.path)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, sys.path[:] = pixels, broken, places
    signal.signal(signal.SIGTERM, handler)
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


def test_filters_that_come_with_an_import_or_go_again_are_no_fault() -> None:
    runs = []

    @analysis
    def careful() -> Result:
        """Import something the first time, and calm a library each time."""
        if not runs:
            warnings.simplefilter("ignore", ResourceWarning)
        runs.append(True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
        return Result("done")

    check_analysis(careful)


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
