"""The published contract of architectures: built small, on two seeds, where the global random states differ."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from ganlab.plugins import import_file
from ganlab.testing import check_plugin
from tests.plugin_kit import forget_modules
from tests.test_docs import plugin_sources
from tests.test_trainable_plugins import shown

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    forget_modules()


def module_of(source: str, folder: Path) -> ModuleType:
    file = folder / "demo_networks.py"
    file.write_text(source)
    return import_file(file, "demo_networks")


def flat() -> str:
    """The example of the docs that is not trained."""
    return next(source for source in plugin_sources() if 'Architecture("flat"' in source)


FORKED = "with torch.random.fork_rng(devices=[]):"
SEEDED = "torch.manual_seed(seed)"


def spoilt(*changes: tuple[str, str]) -> str:
    """The example of the docs that is trained, with changes."""
    source = shown()
    for before, after in changes:
        assert before in source
        source = source.replace(before, after)
    return source


@pytest.mark.parametrize("source", [shown(), flat()], ids=["thin", "flat"])
def test_what_the_docs_show_keeps_it_and_no_random_state_changes(source: str, folder: Path) -> None:
    module = module_of(source, folder)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # type: ignore[index, union-attr]  # noqa: NPY002
    check_plugin(module)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index, union-attr]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(SEEDED, "pass")], "one seed gives its generator other weights when it is built again"),
        ([(SEEDED, "torch.manual_seed(7)")], "two seeds give its generator the same weights"),
        ([(FORKED, "if True:")], r"build\(\) changes the global random state of torch"),
        (
            [(FORKED, "import numpy; numpy.random.rand()\n        " + FORKED)],
            r"build\(\) changes the global random state of numpy",
        ),
        ([("tanh=nn.Tanh(), ", "")], "the generator draws pictures from -.* to .*, not within -1 and 1"),
        ([("logit=nn.Flatten(0)", "logit=nn.Flatten(1)")], r"the discriminator answers \(2, 1\), not \(2,\)"),
        ([("labels=None", "labels=None, more=1 / 0")], r"it cannot be built of .*'size': 16.*ZeroDivisionError"),
        (
            [("torch.cat([features,", "torch.cat([features[:1],")],
            r"its generator fails on two latents \(RuntimeError: .*Sizes of tensors must match",
        ),
        (
            [("    def build(", "    def __post_init__(self):\n        1 / 0\n\n    def build(")],
            "its settings fail where they may refuse .ZeroDivisionError",
        ),
        (
            [
                (
                    "    def build(",
                    "    def __post_init__(self):\n        from ganlab import GanlabError\n"
                    "        raise GanlabError('Never.', 'Give up.')\n\n    def build(",
                )
            ],
            r"it refuses all settings, its own defaults, too \(Never\)",
        ),
    ],
)
def test_networks_that_break_their_promise(changes: list[tuple[str, str]], words: str, folder: Path) -> None:
    with pytest.raises(AssertionError, match=f"he architecture 'thin' breaks its promise: .*{words}"):
        check_plugin(module_of(spoilt(*changes), folder))


VIEWING = """        class View(nn.Module):
            def forward(self, maps):
                return maps.view(len(maps), -1)

        class Layers"""
LOOKS = "nn.Sequential(nn.Conv2d(3, 2, 3), View(), nn.Linear(392, 1), nn.Flatten(0))"


def test_maps_are_tried_as_they_lie_in_training(folder: Path) -> None:
    """A view of them fails only there."""
    source = spoilt(("        class Layers", VIEWING), ("layers(pixels, 1, logit=nn.Flatten(0))", LOOKS))
    with pytest.raises(AssertionError, match=r"its discriminator fails .*view size.*, where maps lie channels last"):
        check_plugin(module_of(source, folder))


@pytest.mark.parametrize("size", [28, 64])
def test_sizes_and_widths_that_are_refused_are_not_tried(size: int, folder: Path) -> None:
    refused = (
        "    def __post_init__(self):\n        from ganlab import GanlabError\n"
        f"        if self.size != {size} or self.width % 16:\n            raise GanlabError('No.', 'Another.')\n\n"
    )
    check_plugin(module_of(spoilt(("    def build(", refused + "    def build(")), folder))
    with pytest.raises(AssertionError, match="draws pictures from"):
        check_plugin(
            module_of(spoilt(("    def build(", refused + "    def build("), ("tanh=nn.Tanh(), ", "")), folder)
        )


def test_one_that_is_not_trained_is_tried_where_it_takes_the_usual_settings(folder: Path) -> None:
    with pytest.raises(AssertionError, match="'flat' breaks its promise: one seed gives its generator other weights"):
        check_plugin(module_of(flat().replace(SEEDED, "pass"), folder))
    check_plugin(module_of(flat().replace(SEEDED, "settings['depth']"), folder))
    with pytest.raises(AssertionError, match=r"'flat' breaks its promise: build\(\) is to return a generator"):
        check_plugin(module_of(flat().replace("return generator, discriminator", "return generator"), folder))
