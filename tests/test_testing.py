"""The published contract: each broken promise fails with its own words, and kept ones pass."""

from __future__ import annotations

import ast
import builtins
import importlib
import os
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated

import numpy as np
import pytest
import torch

from ganlab.analyses import analysis
from ganlab.data import Images
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.plugins import import_file, scaffold
from ganlab.plugins.scaffold import write_plugin
from ganlab.results import Metric, Result
from ganlab.testing import check_analysis, check_plugin, tiny_gan
from tests.plugin_kit import good


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


def test_an_error_of_its_own_comes_through() -> None:
    @analysis
    def failing(gan: Gan) -> Result:
        """Help."""
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        check_analysis(failing)
    with pytest.raises(AssertionError, match="is no analysis"):
        check_analysis(failing.function)  # type: ignore[arg-type]


@pytest.fixture
def module_of(tmp_path: Path) -> Callable[[str], ModuleType]:
    def make(source: str) -> ModuleType:
        file = tmp_path / "demo_checked.py"
        file.write_text(source)
        return import_file(file, "demo_checked")

    return make


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (good().replace("register_analyses", "register_analysis"), "did you mean register_analyses"),
        (good().replace("[fine]", "[3]"), "is no Analysis"),
        (good().removeprefix('"""What is fine.\n\nMore about it.\n"""'), "needs a docstring"),
        (good() + "\nfrom ganlab.gan import Gan\n", r"line \d+: ganlab.gan is no public name"),
        (good() + "\nimport ganlab.wording\n", "ganlab.wording is no public name"),
        (good() + "\nfrom ganlab import plugins\n", "ganlab.plugins is no public name"),
        (good() + "\nimport ganlab\nx = ganlab.plugins\n", "ganlab.plugins is no public name"),
        (good() + "\nimport ganlab as g\ndef f():\n    g.wording\n", r"line \d+: ganlab.wording is no public name"),
        (good() + "\ndef f(gan):\n    gan._network('generator')\n", "gan._network is no public name"),
        (good() + "\nimport torch\n", "imports torch at once"),
        (
            good() + "\n@hookimpl\ndef register_commands():\n    return [open_page]\ndef open_page(port: int): pass\n",
            "'open-page' needs a docstring",
        ),
        (
            good()
            + '\n@hookimpl\ndef register_commands():\n    return [page]\ndef page(port: int):\n    """Help."""\n',
            "'page': port has no help",
        ),
        (
            good() + "\n@hookimpl\ndef register_commands():\n    return [two]\n"
            'def two(one: list[int], other: list[int]):\n    """Help."""\n',
            "'two' cannot be a command: TypeError",
        ),
        (
            good().replace("@analysis", "@analysis(default_gan='facez-64')"),
            "'fine': its default_gan 'facez-64' does not come with ganlab; there are .*rooms-64",
        ),
    ],
)
def test_a_plugin_that_breaks_the_contract(module_of: Callable[[str], ModuleType], source: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_plugin(module_of(source))


LABELER = """

from ganlab import Labeler


class Glad(Labeler):
    name, concepts, measures, domain = "glad", ("smile",), ("width",), "faces"

    def shows(self, images, image):
        assert images.shape[-1] == {side}, "this judge is for pictures of another side"
        return (images[:, 0, :1, 0] > 0).numpy()

    def measure(self, images, image):
        return images[:, 0, :1, 0].numpy()

    def shows_and_measure(self, images, image):
        width = images[:, 0, :1, 0].numpy()
        return {shows}, {measures}


@hookimpl
def register_labelers():
    return [Glad()]
"""


@pytest.mark.parametrize(
    ("shows", "measures", "other"),
    [
        ("width > 0", "width", ""),
        ("width > 2", "width", "shows"),
        ("width[:, :0] > 0", "width", "shows"),
        ("width > 0", "-width", "measure"),
    ],
)
def test_a_labeler_says_the_same_either_way(
    module_of: Callable[[str], ModuleType], shows: str, measures: str, other: str
) -> None:
    module = module_of(good() + LABELER.format(side=64, shows=shows, measures=measures))
    if not other:
        check_plugin(module)
        return
    with pytest.raises(AssertionError, match=rf"'glad': shows_and_measure\(\) does not say what {other}\(\) says"):
        check_plugin(module)


@pytest.mark.parametrize("side", [28, 64])
def test_a_labeler_is_asked_of_such_pictures_as_it_takes(module_of: Callable[[str], ModuleType], side: int) -> None:
    module = module_of(good() + LABELER.format(side=side, shows="1 / 0", measures="width"))
    if side == 28:
        check_plugin(module)
        return
    with pytest.raises(AssertionError, match=r"'glad': shows_and_measure\(\) fails where .* division by zero"):
        check_plugin(module)


def test_an_analysis_that_can_be_no_command_breaks_the_contract(
    module_of: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that the signature's own checks let through."""
    source = good().replace("gan: Gan", "gan: Gan, j: Annotated[list[int], 'a'], k: Annotated[list[int], 'b']")
    monkeypatch.setattr("ganlab.analyses._check_together", lambda *_: None)
    module = module_of("\n".join(['"""Help."""', "from typing import Annotated", source]))
    with pytest.raises(AssertionError, match="'fine' cannot be a command: TypeError"):
        check_plugin(module)


def test_a_new_plugin_works_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_plugin("my-spread", tmp_path / "ganlab-my-spread")
    monkeypatch.syspath_prepend(folder / "src")
    monkeypatch.syspath_prepend(folder / "tests")
    tests = importlib.import_module("test_my_spread")
    for name in [name for name in vars(tests) if name.startswith("test_")]:
        getattr(tests, name)()
    assert 'my-spread = "ganlab_my_spread"' in (folder / "pyproject.toml").read_text()


def test_a_new_plugin_hides_no_name_that_it_uses() -> None:
    module = ast.parse(scaffold.MODULE.replace("$function", "one"))
    own = {node.name for node in module.body if isinstance(node, ast.FunctionDef)} - {"one"}
    brought = {
        one.name for node in ast.walk(module) if isinstance(node, ast.Import | ast.ImportFrom) for one in node.names
    }
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)} & set(dir(builtins))
    assert {name for name in own | brought | used if name.islower()} == scaffold.USED


@pytest.mark.parametrize(
    "name", ["Capital", "two words", "class", "-x", "train", "probe", "a--b", "", "figures", "between-pairs"]
)
def test_names_a_new_plugin_cannot_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(GanlabError):
        write_plugin(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()
