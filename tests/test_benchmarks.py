"""What the benchmarks of training reckon with, without measuring anything."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEventAvg

from ganlab.architectures.dcgan import DcganSettings
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer
from tests.kit import tiny_settings

pytestmark = pytest.mark.usefixtures("one_thread")

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """The benchmark that the test names."""
    monkeypatch.setattr(sys, "path", [str(FOLDER), str(FOLDER / "judge"), *sys.path])
    return importlib.import_module(request.param)


def row(name: str, device: DeviceType, cpu: float, gpu: float, *, annotation: bool = False) -> FunctionEventAvg:
    made = FunctionEventAvg()
    made.key, made.device_type, made.is_user_annotation = name, device, annotation
    made.self_cpu_time_total, made.self_device_time_total = cpu, gpu  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("script", ["profile_step"], indirect=True)
def test_a_kernel_s_time_is_counted_once(script: ModuleType) -> None:
    """As torch's profile of a GPU has it: rows of operators with their kernels' time, and of the kernels themselves."""
    rows = [
        row("aten::conv", DeviceType.CPU, 50, 700),
        row("aten::mul", DeviceType.CPU, 20, 100),
        row("cudaLaunchKernel", DeviceType.CPU, 30, 0),
        row("implicit_gemm", DeviceType.CUDA, 0, 700),
        row("elementwise", DeviceType.CUDA, 0, 100),
        row("Optimizer.step#Adam.step", DeviceType.CUDA, 0, 800, annotation=True),
    ]
    assert script.kernel_time(rows) == 800
    assert script.operator_times(rows, True) == {"aten::conv": 700, "aten::mul": 100, "cudaLaunchKernel": 0}
    assert script.operator_times(rows, False) == {"aten::conv": 50, "aten::mul": 20, "cudaLaunchKernel": 30}


@pytest.mark.parametrize("script", ["profile_step"], indirect=True)
def test_the_profile_names_operators(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    left = torch.randn(300, 300)
    done: list[torch.Tensor] = []
    script.report(lambda: done.append(torch.mm(left, left)), "cpu", 3, 1.0)
    assert len(done) == 6, "as many to warm up as are counted"
    printed = capsys.readouterr().out
    assert "ProfilerStep" not in printed
    (row,) = [line for line in printed.splitlines() if "aten::mm" in line]
    assert float(row.split()[1]) > 0


@pytest.mark.parametrize("script", ["profile_step"], indirect=True)
def test_what_is_short_and_what_is_long_is_told_alike(script: ModuleType) -> None:
    assert [script.three(value) for value in (0.012345, 12.345, 3067.4)] == ["0.0123", "12.3", "3,070"]


@pytest.mark.parametrize("script", ["quality"], indirect=True)
def test_the_interval_of_a_paired_difference_is_students(script: ModuleType) -> None:
    theirs, ours = [2.673, 2.109, 2.451], [2.351, 2.447, 2.468]
    mean, half = script.paired(ours, theirs)
    low, high = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (mean - half, mean + half) == pytest.approx((low, high))


@pytest.mark.parametrize("script", ["training_step"], indirect=True)
def test_either_side_says_how_it_computes(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    options = script.parsed(["--batch", "2", "--device", "cpu", "--precision", "bf16", "--deterministic"])
    for make, how in ((script.make_reference_turn, "float32"), (script.make_ganlab_turn, "bf16, deterministic")):
        turn, said = make(options)
        turn()
        assert said == f"{how}, {torch.get_num_threads()} threads"
    assert torch.backends.cudnn.benchmark, "the example that the reference repeats asks for it"


@pytest.mark.parametrize("script", ["training_step"], indirect=True)
def test_what_is_asked_of_a_step_is_trained_so(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[TrainSettings] = []
    monkeypatch.setattr(script, "Trainer", lambda settings, device: made.append(settings) or Trainer(settings, device))
    for words in ([], ["--compile"], ["--deterministic"]):
        script.make_ganlab_turn(script.parsed(["--batch", "2", "--device", "cpu", *words]))
    assert [(settings.compile, settings.deterministic) for settings in made] == [
        (False, False),
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("script", ["training_step"], indirect=True)
def test_a_turn_on_a_folder_is_an_epoch_of_its_jpegs(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = script.parsed(["--batch", "2", "--device", "cpu", "--jpegs", "--pictures", "5", "--workers", "0"])
    script.take_from_folder(options, tmp_path)
    assert options.turn == 2
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(script.ReferenceLoop, "step", lambda loop, real: seen.append(real))
    monkeypatch.setattr(script.Trainer, "advance", lambda trainer, pictures: seen.append(pictures) or Silent())
    for make, values in ((script.make_reference_turn, 127.5), (script.make_ganlab_turn, 1)):
        turn, _ = make(options)
        turn()
        turn()
        shown = [tuple(np.asarray(picture).ravel() * values) for part in seen for picture in part]
        seen.clear()
        assert len(shown) == 8
        assert [len(set(epoch)) for epoch in (shown[:4], shown[4:])] == [4, 4]
        assert 4 <= len(set(shown)) <= 5


class Silent:
    def numbers(self) -> None:
        """A step's losses, which nobody asks for here."""


@pytest.mark.parametrize("script", ["reference_loop"], indirect=True)
def test_the_reference_scales_and_cuts_as_the_example_does(script: ModuleType, tmp_path: Path) -> None:
    pixels = np.zeros((128, 256, 3), np.uint8)
    pixels[:, 64:192] = 255  # the middle
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (picture,) = script.Pictures(tmp_path, 1)
    assert picture.shape == (3, 64, 64)
    assert picture[:, :, 1:-1].unique().tolist() == [1.0]


@pytest.mark.parametrize("script", ["stepping"], indirect=True)
def test_a_turn_is_a_step_on_a_cpu_and_many_on_a_gpu(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: done.append(f"waited for {device}"))
    for device in ("cpu", "cuda:1"):
        script.repeat(lambda: done.append("step"), device, script.steps_a_turn(device))
    assert done == ["step"] + ["step"] * 50 + ["waited for cuda:1"]


@pytest.mark.parametrize("script", ["stepping"], indirect=True)
def test_the_feed_shows_every_picture_in_the_order_of_training(script: ModuleType) -> None:
    trainer = Trainer(tiny_settings(batch=2, network=DcganSettings(64, 3, 2, 4)), "cpu")
    feed, pictures = script.fed(trainer), script.random_pictures(2)
    shown = np.concatenate([next(feed) for _ in range(script.BATCHES)])
    assert np.array_equal(shown, pictures[trainer.draws.order(0, len(pictures))])
    assert np.array_equal(next(feed), shown[:2])


@pytest.mark.parametrize("script", ["blind_faces"], indirect=True)
def test_observers_agree_jointly_where_they_say_the_same_of_all(script: ModuleType) -> None:
    unsure = np.nan
    first, second, third = [[1, 0, 1, unsure], [1, 1, 0, 1]], [[1, 1, 1, 1], [1, 1, 0, 1]], [[1, 0, 0, 1], [0, 1, 1, 1]]
    seen = np.array([first, second, third])
    assert script.pairs(seen) == pytest.approx([2 / 3, 1 / 3, 1 / 4])
    assert script.pairs(seen[:, [0]]) == pytest.approx([2 / 3, 2 / 3, 1 / 2])
    judged = np.array([[True, True, True, True], [True, True, False, False]])
    looked = script.Looked(("smile", "woman"), seen, judged)
    assert looked.most.tolist() == [[True, False, True, True], [True, True, False, True]]
    assert looked.agrees.tolist() == [[True, False, True, True], [True, True, True, False]]
    assert np.array_equal(looked.of(("woman", "smile")).judged, judged[::-1])


@pytest.mark.parametrize("script", ["blind_faces"], indirect=True)
def test_the_measured_turn_fits_what_an_observer_saw(script: ModuleType) -> None:
    sides, yaw = np.array([-1, -1, -1, 0, 0, np.nan, 1]), np.array([-0.9, -0.1, 0.1, 0.2, 0.3, 0.9, -0.4])
    assert script.fits(sides, yaw).tolist() == [True, True, True, True, False, False]


@pytest.mark.parametrize("script", ["dedup"], indirect=True)
def test_the_stages_that_are_timed_are_those_of_the_analysis(script: ModuleType) -> None:
    steps, spent = script.dedup_steps, {}
    before = {name: getattr(steps, name) for name in script.STAGES}
    with script.timed(spent):
        assert all(getattr(steps, name) is not function for name, function in before.items())
    assert all(getattr(steps, name) is function for name, function in before.items())
    assert list(spent) == ["whole"]
