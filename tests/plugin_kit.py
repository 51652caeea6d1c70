"""Plugins made on the spot: packages with metadata on disk, as pip would leave them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from ganlab.plugins import PluginHost

GOOD = '''"""{summary}

More about it.
"""

from ganlab import Gan, Metric, Result, analysis, hookimpl

@analysis
def {name}(gan: Gan) -> Result:
    """{summary}"""
    value = float(gan.generate(gan.latents(4)).mean())
    return Result(f"The mean is {{value:.3f}}.", {{"mean": Metric(value, no_control="a plain mean")}})

@hookimpl
def register_analyses():
    return [{name}]
'''


def good(name: str = "fine", summary: str = "What is fine.") -> str:
    """The source of a plugin that works and brings one analysis."""
    return GOOD.format(name=name, summary=summary)


def install(
    site: Path,
    name: str,
    source: str,
    *,
    requires: str = "",
    module: str = "",
    distribution: str = "",
    version: str = "1.0",
) -> str:
    """Put a distribution ``demo-NAME`` with the entry point NAME on disk.

    Returns:
        The module's name.
    """
    module = module or f"demo_{name.replace('-', '_')}"
    distribution = distribution or f"demo-{name}"
    site.mkdir(exist_ok=True)
    (site / f"{module}.py").write_text(source)
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requires}"] if requires else []
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "entry_points.txt").write_text(f"[ganlab]\n{name} = {module}\n")
    return module


def fresh_host() -> PluginHost:
    """A host that has just looked around."""
    importlib.invalidate_caches()
    return PluginHost()


def forget_modules() -> None:
    """Drop what tests imported from packages made on the spot."""
    for name in [name for name in sys.modules if name.startswith(("demo_", "ganlab_plugin_"))]:
        del sys.modules[name]
