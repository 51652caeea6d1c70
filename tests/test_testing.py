"""The published contract: each broken promise fails with its own words, and kept ones pass."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import torch

from ganlab.analyses import analysis
from ganlab.data import Images
from ganlab.gan import Gan
from ganlab.results import Metric, Result
from ganlab.testing import check_analysis, tiny_gan


def test_a_tiny_gan_has_pictures_that_differ() -> None:
    gan = tiny_gan()
    images = gan.generate(gan.latents(16))
    assert images.shape == (16, 3, 16, 16)
    assert images.std(dim=0).mean() > 0.2
    assert gan.score(images).std() > 0.01
    assert tiny_gan().hash == gan.hash != tiny_gan(seed=1).hash
    assert tiny_gan(size=32, channels=1, prior="normal").image.size == 32


def test_a_tiny_gan_touches_no_random_state() -> None:
    before = torch.get_rng_state()
    tiny_gan()
    assert torch.equal(torch.get_rng_state(), before)


Deed = Callable[[Gan], object]


def _print(gan: Gan) -> None:
    print("hello")


def _complain(gan: Gan) -> None:
    print("hello", file=sys.stderr)


def _write(gan: Gan) -> None:
    Path("left.txt").write_text("x")


def _overwrite(gan: Gan) -> None:
    os.close(os.open("left.bin", os.O_WRONLY | os.O_CREAT))


def _make_folder(gan: Gan) -> None:
    Path("folder").mkdir()


def _move(gan: Gan) -> None:
    os.chdir("/")


def _set_variable(gan: Gan) -> None:
    os.environ["GANLAB_TEST_LEFTOVER"] = "1"


def _leave_hook(gan: Gan) -> None:
    gan.generator.up8.register_forward_hook(lambda *_: None)


def _leave_global_hook(gan: Gan) -> None:
    torch.nn.modules.module.register_module_forward_hook(lambda *_: None)


def _change_weight(gan: Gan) -> None:
    with torch.no_grad():
        next(gan.generator.parameters())[0] += 1


def _change_statistics(gan: Gan) -> None:
    gan.discriminator.down4.norm.running_mean += 1  # type: ignore[union-attr, operator]


def _train(gan: Gan) -> None:
    gan.generator.up8.train()


def _want_gradient(gan: Gan) -> None:
    gan.generator.requires_grad_(True)


def _replace_module(gan: Gan) -> None:
    gan.generator.up8.act = torch.nn.LeakyReLU().eval()


def _draw_python(gan: Gan) -> None:
    random.random()


def _draw_numpy(gan: Gan) -> None:
    np.random.rand()  # noqa: NPY002


def _draw_torch(gan: Gan) -> None:
    torch.rand(1)


def _seed_torch(gan: Gan) -> None:
    torch.manual_seed(7)


def _no_gradients(gan: Gan) -> None:
    torch.set_grad_enabled(False)


def _threads(gan: Gan) -> None:
    torch.set_num_threads(1 if torch.get_num_threads() > 1 else 2)


@pytest.fixture
def settings() -> object:
    """Put back what the deeds change."""
    folder, threads, variables = os.getcwd(), torch.get_num_threads(), dict(os.environ)
    yield
    os.chdir(folder)
    torch.set_num_threads(threads)
    torch.set_grad_enabled(True)
    torch.nn.modules.module._global_forward_hooks.clear()
    os.environ.clear()
    os.environ.update(variables)


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("deed", "words"),
    [
        (_print, "printed 'hello"),
        (_complain, "printed 'hello"),
        (_write, "wrote .*left.txt: put it into Result.files"),
        (_overwrite, "wrote .*left.bin"),
        (_make_folder, "wrote .*folder"),
        (_move, "changed the current folder"),
        (_set_variable, "changed the environment variables"),
        (_leave_hook, r"changed the hooks on the generator's up8 \(forward_hooks\)"),
        (_leave_global_hook, r"changed torch's global hooks \(_global_forward_hooks\)"),
        (_change_weight, "changed the weights of the generator: up4.conv.weight"),
        (_change_statistics, "changed the weights of the discriminator: down4.norm.running_mean"),
        (_train, r"changed the mode \(train or eval\) of the generator's up8"),
        (_want_gradient, "changed requires_grad of the generator"),
        (_replace_module, "changed the class of the generator's up8.act"),
        (_draw_python, "changed the global random state of Python"),
        (_draw_numpy, "changed the global random state of numpy"),
        (_draw_torch, "changed the global random state of torch"),
        (_seed_torch, "changed the global random state of torch"),
        (_no_gradients, "changed torch's gradient mode"),
        (_threads, "changed torch's number of threads"),
    ],
)
def test_a_broken_promise_fails_in_its_own_words(deed: Deed, words: str) -> None:
    @analysis
    def doing(gan: Gan) -> Result:
        """Help."""
        deed(gan)
        return Result("Done.", {})

    with pytest.raises(AssertionError, match=words):
        check_analysis(doing)


@analysis
def honest(gan: Gan, n: Annotated[int, "how many"] = 2) -> Result:
    """Help."""
    with gan.record("up8") as recording:
        gan.generate(gan.latents(n))
    warnings.warn("did not converge", UserWarning, stacklevel=1)
    value = float(recording["up8"].mean())
    return Result("Done.", {"mean": Metric(value, no_control="a plain mean")}, arrays={"up8": recording["up8"].numpy()})


def test_an_honest_analysis_passes_and_its_warnings_are_kept() -> None:
    with pytest.warns(UserWarning, match="did not converge"):
        result = check_analysis(honest, n=3)
    assert result.arrays["up8"].shape == (3, 4, 8, 8)


def test_gans_in_a_list_are_watched_and_sources_named_by_path_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @analysis
    def leaky(
        gans: Annotated[list[Gan], "several"],
        images: Annotated[Images, "pictures"],
        leave: Annotated[bool, "leave a hook"] = True,
    ) -> Result:
        """Leaves a hook."""
        if leave:
            _leave_hook(gans[1])
        return Result(f"{len(images)} pictures.")

    monkeypatch.chdir(tmp_path)
    np.save("pictures.npy", np.zeros((3, 16, 16, 3), np.uint8))
    assert check_analysis(leaky, gans=[tiny_gan(), tiny_gan()], images="pictures.npy", leave=False).summary[0] == "3"
    with pytest.raises(AssertionError, match="changed the hooks on the generator of GAN 2's up8"):
        check_analysis(leaky, gans=[tiny_gan(), tiny_gan()], images="pictures.npy")


@pytest.mark.parametrize("part", ["summary", "metric", "array"])
def test_two_runs_must_agree(part: str) -> None:
    runs: list[int] = []

    @analysis
    def drifting(gan: Gan) -> Result:
        """Help."""
        runs.append(len(runs))
        result = Result("Done.", {}, arrays={"a": np.zeros(1)})
        if part == "summary":
            result.summary = f"Run {len(runs)}."
        elif part == "metric":
            result.metrics["m"] = Metric(len(runs), no_control="a count")
        else:
            result.arrays["a"][0] = len(runs)
        return result

    with pytest.raises(AssertionError, match="differs between two runs"):
        check_analysis(drifting)


def test_a_result_without_control_is_a_broken_promise() -> None:
    @analysis
    def bare(gan: Gan) -> Result:
        """Help."""
        return Result("Done.", {"m": Metric(1.0)})

    with pytest.raises(AssertionError, match=r"needs either control= .* or no_control="):
        check_analysis(bare)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        (
            {"a": Metric(1.0, control="b"), "b": Metric(2.0, control="a")},
            "'a' .* against each other .*: 'a' -> 'b' -> 'a'",
        ),
        (
            {"a": Metric(1.0, control="b"), "b": Metric(2.0, control="c"), "c": Metric(2.0, control="a")},
            "'a' .* against each other .*: 'a' -> 'b' -> 'c' -> 'a'",
        ),
        ({"a": Metric(0.55, 0.6, 0.7, no_control="x")}, "'a' .* it is 0.55, outside of its interval 0.6 to 0.7"),
        ({"a": Metric(0.55, 0.4, 0.5, no_control="x")}, "'a' .* it is 0.55, outside"),
    ],
)
def test_numbers_that_cannot_be_are_broken_promises(metrics: dict[str, Metric], words: str) -> None:
    @analysis
    def odd(gan: Gan) -> Result:
        """Help."""
        return Result("Done.", metrics)

    with pytest.raises(AssertionError, match=words):
        check_analysis(odd)


def test_an_error_of_its_own_comes_through() -> None:
    @analysis
    def failing(gan: Gan) -> Result:
        """Help."""
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        check_analysis(failing)
    with pytest.raises(AssertionError, match="is no analysis"):
        check_analysis(failing.function)  # type: ignore[arg-type]


class Source:
    """What ends the process where it is opened, if it is called so."""

    @classmethod
    def from_spec(cls, spec: str) -> Source:
        return sys.exit() if spec == "end" else cls()


@analysis
def ending(source: Annotated[Source, "anything"]) -> Result:
    """Help."""
    sys.exit(0)


@pytest.mark.parametrize(("spec", "code"), [("end", "None"), ("go on", "0")])
def test_ending_the_process_is_a_broken_promise(spec: str, code: str) -> None:
    with pytest.raises(AssertionError, match=rf"'ending' ended the process \(sys.exit\({code}\)\)"):
        check_analysis(ending, source=spec)
