"""The hooks: everything a plugin can bring. This page is the reference.

A plugin is a module named by an entry point of the group ``ganlab``. The entry point's name is the command,
the first line of the module's docstring its help::

    [project.entry-points.ganlab]
    pca = "ganlab_pca"

The module imports public names of ``ganlab`` only, and torch inside functions, so that ``ganlab --help``
stays fast. It marks the hooks it fills with ``@ganlab.hookimpl``; each takes no arguments and returns a list.
Data sets, labelers, formats and architectures are collected from all plugins whenever one has to be found, so
return light objects and do the work in their methods. ``ganlab plugins new`` writes a plugin to start from,
``ganlab plugins check`` tries one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typer import Typer

    from ganlab.analyses import Analysis
    from ganlab.architectures import Architecture
    from ganlab.checkpoints import CheckpointFormat
    from ganlab.data import Dataset, DatasetFormat
    from ganlab.labels.labelers import Labeler

hookspec = HookspecMarker("ganlab")
hookimpl = HookimplMarker("ganlab")


@hookspec
def register_analyses() -> list[Analysis]:  # type: ignore[empty-body]
    """Investigations: functions marked with ``@ganlab.analysis``.

    Called when the plugin's command runs. One analysis is ``ganlab NAME``, several are ``ganlab NAME
    ANALYSIS``::

        @analysis
        def pca(gan: Gan, layer: Annotated[str, "layer whose activations are decomposed"] = "auto") -> Result:
            \"\"\"The main directions of a layer's activations.\"\"\"

        @hookimpl
        def register_analyses():
            return [pca]
    """


@hookspec
def register_architectures() -> list[Architecture]:  # type: ignore[empty-body]
    """Networks that a checkpoint's card can name under ``[architecture]``.

    Called when a checkpoint is opened or networks are built::

        @hookimpl
        def register_architectures():
            return [Architecture("mlp", "the baseline GAN without convolutions", build_mlp)]
    """


@hookspec
def register_checkpoint_formats() -> list[CheckpointFormat]:  # type: ignore[empty-body]
    """Formats of checkpoints, named before a colon: ``--gan chainer:snapshot.npz``.

    ``CheckpointFormat.load`` gives a ``Gan``, or a ``Stored`` of the file's weights where the file does not say how its
    networks are built: the rest is then worked out. ``CheckpointFormat.rewrite`` writes edited ones back. Called when a
    checkpoint is opened or exported::

        @hookimpl
        def register_checkpoint_formats():
            return [CheckpointFormat("chainer", ...)]
    """


@hookspec
def register_datasets() -> list[Dataset | DatasetFormat]:  # type: ignore[empty-body]
    """Sets of pictures: drawn ones that have a name, ``ganlab train rooms``, and formats that files of pictures have.

    A ``Dataset`` draws. A ``DatasetFormat`` recognises a path and opens it as ``Images``, everywhere pictures are
    opened: ``ganlab train PATH``, ``NAME:PATH`` where several formats recognise it, ``PATH:PART`` for a part. The
    smallest way to make ``Images`` is to subclass ``StoredImages``: say how many there are, and what is kept of each.
    Called when pictures are opened::

        @hookimpl
        def register_datasets():
            return [Dataset("rooms", ...), DatasetFormat("lsun", ...)]
    """


@hookspec
def register_labelers() -> list[Labeler]:  # type: ignore[empty-body]
    """Judges that see concepts in pictures: ``--labeler rooms``.

    Called when a labeler has to be found by its name::

        @hookimpl
        def register_labelers():
            return [RoomLabeler()]
    """


@hookspec
def register_commands() -> list[Typer | Callable[..., Any]]:  # type: ignore[empty-body]
    """Commands that are no investigation: a page to draw on, a converter.

    Called when the plugin's command runs. Each is a function with Typer's annotations or a ``typer.Typer``;
    analyses and commands together follow one rule: a single one is ``ganlab NAME``, several are ``ganlab NAME
    COMMAND``::

        @hookimpl
        def register_commands():
            return [mark]
    """
