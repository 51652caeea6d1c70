"""ganlab opens up pretrained GANs: train a DCGAN or bring your own, then ask what it has learnt.

Every public name is imported when it is first used, so that ``import ganlab`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME_OF = {
    "Analysis": "analyses",
    "Boxes": "labels",
    "Card": "gan",
    "CheckpointFormat": "checkpoints",
    "Dataset": "data",
    "Figure": "results",
    "Gan": "gan",
    "GanlabError": "errors",
    "ImageSpec": "gan",
    "Images": "data",
    "Labeler": "labels",
    "Latents": "latents",
    "Layer": "gan",
    "Metric": "results",
    "PictureName": "labels",
    "Prior": "latents",
    "Range": "parameters",
    "Result": "results",
    "Table": "results",
    "analysis": "analyses",
    "concept_name": "labels",
    "figures": "",
    "plots": "",
    "hookimpl": "hookspecs",
    "load_gan": "checkpoints",
    "load_result": "results",
    "open_images": "data",
    "progress": "progressbar",
    "random_bits": "latents",
    "save_gan": "checkpoints",
    "save_result": "results",
}

__all__ = sorted(_HOME_OF)

if TYPE_CHECKING:
    from ganlab import figures, plots
    from ganlab.analyses import Analysis, analysis
    from ganlab.checkpoints import CheckpointFormat, load_gan, save_gan
    from ganlab.data import Dataset, Images, open_images
    from ganlab.errors import GanlabError
    from ganlab.gan import Card, Gan, ImageSpec, Layer
    from ganlab.hookspecs import hookimpl
    from ganlab.labels import Boxes, Labeler, PictureName, concept_name
    from ganlab.latents import Latents, Prior, random_bits
    from ganlab.parameters import Range
    from ganlab.progressbar import progress
    from ganlab.results import Figure, Metric, Result, Table, load_result, save_result


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'ganlab' has no attribute {name!r}")
    home = _HOME_OF[name]
    value = getattr(import_module(f"ganlab.{home}"), name) if home else import_module(f"ganlab.{name}")
    globals()[name] = value  # also undoes the import system's habit of binding the submodule to this name
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
