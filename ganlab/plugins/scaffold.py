"""``ganlab plugins new``: a complete package of a plugin, which works before its author has written a line."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

import ganlab
from ganlab.errors import GanlabError
from ganlab.plugins import host
from ganlab.plugins.metadata import RESERVED_NAMES
from ganlab.writing import new_folder

PROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "ganlab-$name"
version = "0.1.0"
description = "What it finds out about a GAN, in one line: a plugin of ganlab"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["ganlab>=$version"]

[project.optional-dependencies]
test = ["pytest>=8.0"]

[project.entry-points.ganlab]
$name = "$module"

[tool.hatch.build.targets.wheel]
packages = ["src/$module"]
"""

README = """\
# ganlab-$name

A plugin of ganlab.

```sh
pip install -e ".[test]"
ganlab $name --help
pytest
ganlab plugins check $name
```
"""

MODULE = '''\
"""What `ganlab $name` finds out, in one line: this is its help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from ganlab import Analysis, Figure, Gan, Metric, Range, Result, analysis, figures, hookimpl

if TYPE_CHECKING:
    import torch


@analysis
def $function(
    gan: Gan,
    n: Annotated[int, "samples to compare, in pairs", Range(2)] = 64,
    seed: Annotated[int, "names the samples", Range(0)] = 0,
) -> Result:
    """Mean difference between two samples, beside that of the same networks before training."""
    latents = gan.latents(n, seed=seed)
    images = gan.generate(latents)
    found = between_pairs(images)
    control = between_pairs(gan.untrained(seed).generate(latents))
    return Result(
        summary=f"Two samples of {gan.name} differ by {found:.3f} on average, {control:.3f} before training.",
        metrics={
            "spread": Metric(found, n=n, control="spread_untrained", about="mean absolute difference of two samples"),
            "spread_untrained": Metric(control, n=n, no_control="it is the control", about="with fresh weights"),
        },
        figures={"samples": Figure(figures.grid(gan.image.shown(images[:16]), 8), "The first samples.")},
    )


def between_pairs(images: torch.Tensor) -> float:
    """Mean absolute difference between each picture (n, c, h, w) and the next."""
    return float((images[1:] - images[:-1]).abs().mean())


@hookimpl
def register_analyses() -> list[Analysis]:
    return [$function]
'''

TEST = """\
from __future__ import annotations

import $module
from ganlab.testing import check_analysis, check_plugin, tiny_gan


def test_it_keeps_the_contract_of_plugins() -> None:
    check_plugin($module)


def test_it_keeps_the_contract_of_analyses() -> None:
    result = check_analysis($module.$function, gan=tiny_gan(), n=8)
    assert result.metrics["spread"].value > result.metrics["spread_untrained"].value
"""


# names that the module uses and a function of the same name would hide
USED = {
    "analysis",
    "annotations",
    "between_pairs",
    "figures",
    "float",
    "hookimpl",
    "int",
    "list",
    "register_analyses",
    "torch",
}


def write_plugin(name: str, folder: Path) -> Path:
    """Write a package with one analysis, its tests and its packaging.

    Args:
        name: the command it will bring.
        folder: must not exist yet, or be empty.

    Returns:
        The folder.

    Raises:
        GanlabError: a name that cannot be a command or is taken, or a folder that cannot be written.
    """
    function = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise GanlabError(f"A plugin cannot be called {name!r}.", "Take small letters, digits and single hyphens.")
    if keyword.iskeyword(function):
        raise GanlabError(f"A plugin cannot be called {name!r}, which is a word of Python's own.", "Take another name.")
    if function in USED:
        raise GanlabError(
            f"A plugin to start from cannot be called {name!r}.", "Its module uses that name itself; take another."
        )
    if name in RESERVED_NAMES or name in host().entries:
        raise GanlabError(f"There is a command '{name}' already.", "`ganlab --help` lists the names that are taken.")
    module = f"ganlab_{function}"
    words = {"name": name, "module": module, "function": function, "version": ganlab.__version__}
    files = {
        "pyproject.toml": PROJECT,
        "README.md": README,
        f"src/{module}/__init__.py": MODULE,
        f"tests/test_{function}.py": TEST,
    }
    with new_folder(folder) as temporary:
        for path, template in files.items():
            (temporary / path).parent.mkdir(parents=True, exist_ok=True)
            (temporary / path).write_text(Template(template).substitute(words), encoding="utf-8")
    return folder
