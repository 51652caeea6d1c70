"""ganlab opens up pretrained GANs: train a DCGAN or bring your own, then ask what it has learnt.

Every public name is imported when it is first used, so that ``import ganlab`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# public name -> the module it lives in; a name that is a module itself lives nowhere else
_HOME_OF = {
    "Analysis": "analyses",
    "Architecture": "architectures",
    "Box": "labels.marks",
    "Boxes": "labels.boxes",
    "BrokenPicture": "data",
    "Card": "card",
    "CheckpointFormat": "checkpoints",
    "Dataset": "data",
    "DatasetFormat": "data",
    "Directions": "nearest",
    "Exemplars": "labels.exemplars",
    "Figure": "results",
    "Gan": "gan",
    "GanlabError": "errors",
    "Hints": "recovery.hints",
    "ImageSpec": "imagespec",
    "Images": "data",
    "Kind": "recovery.stored",
    "Labeler": "labels.labelers",
    "Latents": "latents",
    "Layer": "networks.layers",
    "Metric": "results",
    "Nearest": "nearest",
    "NetworkSettings": "architectures",
    "Part": "recovery.stored",
    "PictureName": "labels.pictures",
    "Prior": "latents",
    "Range": "parameters",
    "Result": "results",
    "Section": "results",
    "Side": "gan",
    "Stored": "recovery.stored",
    "StoredImages": "data",
    "StoredNetwork": "recovery.stored",
    "Table": "results",
    "Twins": "data",
    "analysis": "analyses",
    "check_name": "results.faults",
    "check_apart": "data",
    "classes_of": "data",
    "concept_name": "labels.concepts",
    "fast_bfloat16": "networks.devices",
    "counted": "wording",
    "few": "wording",
    "figures": "",
    "hookimpl": "hookspecs",
    "keep_freed_memory": "networks.devices",
    "labels_of": "data",
    "latents_of": "labels.pictures",
    "load_gan": "checkpoints",
    "load_result": "runs.folders",
    "new_folder": "writing",
    "one_class": "labels.exemplars",
    "open_images": "data",
    "picture_file": "labels.pictures",
    "pooled_features": "networks.pooling",
    "progress": "progressbar",
    "shown_progress": "progressbar",
    "picture_text": "labels.pictures",
    "plain_pickle": "checkpoints.pickles",
    "random_bits": "latents",
    "read_picture": "labels.pictures",
    "said_by": "labels.vocabulary",
    "save_gan": "checkpoints",
    "save_result": "runs.folders",
    "shell_word": "shell",
    "shuffled": "latents",
    "split_of": "data",
    "suggest": "wording",
    "trained_on": "data.provenance",
    "with_unsaid": "labels.vocabulary",
    "words_of": "labels.vocabulary",
    "zeroed": "networks.surgery",
}

__all__ = sorted(_HOME_OF)

if TYPE_CHECKING:  # for editors and type checkers; "as" marks a name as exported
    from ganlab import figures as figures
    from ganlab.analyses import Analysis as Analysis
    from ganlab.analyses import analysis as analysis
    from ganlab.architectures import Architecture as Architecture
    from ganlab.architectures import NetworkSettings as NetworkSettings
    from ganlab.card import Card as Card
    from ganlab.checkpoints import CheckpointFormat as CheckpointFormat
    from ganlab.checkpoints import load_gan as load_gan
    from ganlab.checkpoints import save_gan as save_gan
    from ganlab.checkpoints.pickles import plain_pickle as plain_pickle
    from ganlab.data import BrokenPicture as BrokenPicture
    from ganlab.data import Dataset as Dataset
    from ganlab.data import DatasetFormat as DatasetFormat
    from ganlab.data import Images as Images
    from ganlab.data import StoredImages as StoredImages
    from ganlab.data import Twins as Twins
    from ganlab.data import check_apart as check_apart
    from ganlab.data import classes_of as classes_of
    from ganlab.data import labels_of as labels_of
    from ganlab.data import open_images as open_images
    from ganlab.data import split_of as split_of
    from ganlab.data.provenance import trained_on as trained_on
    from ganlab.errors import GanlabError as GanlabError
    from ganlab.gan import Gan as Gan
    from ganlab.gan import Side as Side
    from ganlab.hookspecs import hookimpl as hookimpl
    from ganlab.imagespec import ImageSpec as ImageSpec
    from ganlab.labels.boxes import Boxes as Boxes
    from ganlab.labels.concepts import concept_name as concept_name
    from ganlab.labels.exemplars import Exemplars as Exemplars
    from ganlab.labels.exemplars import one_class as one_class
    from ganlab.labels.labelers import Labeler as Labeler
    from ganlab.labels.marks import Box as Box
    from ganlab.labels.pictures import PictureName as PictureName
    from ganlab.labels.pictures import latents_of as latents_of
    from ganlab.labels.pictures import picture_file as picture_file
    from ganlab.labels.pictures import picture_text as picture_text
    from ganlab.labels.pictures import read_picture as read_picture
    from ganlab.labels.vocabulary import said_by as said_by
    from ganlab.labels.vocabulary import with_unsaid as with_unsaid
    from ganlab.labels.vocabulary import words_of as words_of
    from ganlab.latents import Latents as Latents
    from ganlab.latents import Prior as Prior
    from ganlab.latents import random_bits as random_bits
    from ganlab.latents import shuffled as shuffled
    from ganlab.nearest import Directions as Directions
    from ganlab.nearest import Nearest as Nearest
    from ganlab.networks.devices import fast_bfloat16 as fast_bfloat16
    from ganlab.networks.devices import keep_freed_memory as keep_freed_memory
    from ganlab.networks.layers import Layer as Layer
    from ganlab.networks.pooling import pooled_features as pooled_features
    from ganlab.networks.surgery import zeroed as zeroed
    from ganlab.parameters import Range as Range
    from ganlab.progressbar import progress as progress
    from ganlab.progressbar import shown_progress as shown_progress
    from ganlab.recovery.hints import Hints as Hints
    from ganlab.recovery.stored import Kind as Kind
    from ganlab.recovery.stored import Part as Part
    from ganlab.recovery.stored import Stored as Stored
    from ganlab.recovery.stored import StoredNetwork as StoredNetwork
    from ganlab.results import Figure as Figure
    from ganlab.results import Metric as Metric
    from ganlab.results import Result as Result
    from ganlab.results import Section as Section
    from ganlab.results import Table as Table
    from ganlab.results.faults import check_name as check_name
    from ganlab.runs.folders import load_result as load_result
    from ganlab.runs.folders import save_result as save_result
    from ganlab.shell import shell_word as shell_word
    from ganlab.wording import counted as counted
    from ganlab.wording import few as few
    from ganlab.wording import suggest as suggest
    from ganlab.writing import new_folder as new_folder


if not TYPE_CHECKING:  # a type checker that sees it would take any name for a public one

    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError(f"module 'ganlab' has no attribute {name!r}")
        home = _HOME_OF[name]
        value = getattr(import_module(f"ganlab.{home}"), name) if home else import_module(f"ganlab.{name}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
