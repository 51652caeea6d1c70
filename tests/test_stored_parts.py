"""What a reader of files may call a layer, and that its mistakes are told instead of opening another network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from ganlab import Kind, Part, StoredNetwork, plugins
from ganlab.recovery.stored import AXES
from tests.kit import command
from tests.plugin_kit import forget_modules

READER = '''"""Reads nothing, and says what it has found."""

import torch
from ganlab import CheckpointFormat, Part, Stored, StoredNetwork, hookimpl


def load(path):
    weights = {"first": (1024, 16), "second": (64, 16, 4, 4), "third": (16, 3, 4, 4)}
    kinds = {"first": "linear", "second": "KIND", "third": "KIND"}
    random = torch.Generator().manual_seed(0)
    parts = [
        Part(kinds[name], name, {"weight": 0.1 * torch.randn(shape, generator=random)})
        for name, shape in weights.items()
    ]
    return Stored((StoredNetwork("", tuple(parts), side="generator"),), "made")


@hookimpl
def register_checkpoint_formats():
    return [CheckpointFormat("made", "made up", lambda path: path.suffix == ".made", load)]
'''


def test_every_kind_has_its_axes() -> None:
    assert tuple(AXES) == get_args(Kind)
    for kind, axes in AXES.items():
        assert Part(kind, "a", {"weight": torch.zeros([2] * axes)}).kind == kind
    assert Part("norm", "a", {"mean": torch.zeros(2), "variance": torch.ones(2)})


@pytest.mark.parametrize(
    ("kind", "shapes", "words"),
    [
        ("conv2d", {"weight": (2, 2, 4, 4)}, "'conv2d', which is none of convolution, conv, conv_transpose, linear"),
        ("batch_norm", {"weight": (2,)}, "'batch_norm', which is none of .*norm, embedding, prelu"),
        ("conv", {"weight": (2, 2, 4, 4), "gamma": (2,)}, "'gamma', which is none of weight, bias, mean, variance"),
        ("conv", {"weight": (2, 2)}, "is a conv: its weight has 4 axes, not 2"),
        ("linear", {"weight": (2, 2, 1, 1)}, "is a linear: its weight has 2 axes, not 4"),
        ("norm", {"weight": (1, 2)}, "is a norm: its weight has 1 axes, not 2"),
        ("linear", {"bias": (2,)}, "is a linear without a weight"),
    ],
)
def test_what_is_no_part_is_refused(kind: Any, shapes: dict[str, tuple[int, ...]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Part(kind, "layer0", {role: torch.zeros(shape) for role, shape in shapes.items()})


def test_roles_and_sides_that_nobody_knows_are_refused() -> None:
    with pytest.raises(ValueError, match="the role 'gamma'"):
        Part("linear", "a", {"weight": torch.zeros(2, 2)}, {"gamma": "a/gamma"})
    with pytest.raises(ValueError, match="'netG', not generator or discriminator"):
        StoredNetwork("", (), side="netG")  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "code"), [("conv_transpose", 0), ("conv2d", 2), ("transposed", 2)])
def test_the_author_of_a_reader_is_told_what_was_wrong(
    kind: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reader.py").write_text(READER.replace("KIND", kind))
    Path("a.made").write_text("x")
    plugins.host.cache_clear()
    try:
        ended = command(capsys, "--plugin", "reader.py", "checkpoints", "info", "a.made")
    finally:
        plugins.host.cache_clear()
        forget_modules()
    assert ended.code == code
    if code:
        assert f"the part 'second' is of the kind '{kind}', which is none of convolution, conv, " in ended.err
    else:
        assert "pictures 16x16, 3 channels" in ended.out
