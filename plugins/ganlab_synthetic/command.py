"""``ganlab synthetic``: repeat the labelers' trainings. Imports torch only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="synthetic", rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def synthetic() -> None:
    """Drawn bedrooms and faces, and the labelers that were trained on them."""


@app.command("train-labeler")
def train_labeler(
    out: Annotated[Path, typer.Option(help="A new folder for weights and card.")] = Path("rooms-labeler"),
    rooms: Annotated[int, typer.Option(min=200, help="Drawn rooms; half as many with decoys are added.")] = 20_000,
    steps: Annotated[int, typer.Option(min=1, help="Steps of 48 drawn and 48 seen pictures.")] = 3_600,
    seed: Annotated[int, typer.Option(help="Weights, order and changes follow from it.")] = 0,
) -> None:
    """Train the network that labels rooms, as the shipped one was; takes an hour on two cores."""
    from .rooms.labeler_making import make_labeler
    from .rooms.labeler_training import LabelerSettings

    make_labeler(LabelerSettings(rooms=rooms, steps=steps, seed=seed), out)
    typer.echo(f"Trained: {out}. Its figures are in {out / 'card.toml'}.")


@app.command("train-photo-labeler")
def train_photo_labeler(
    folder: Annotated[Path, typer.Argument(help="NYU Depth v2: images/NUMBER.jpg, labels40/NUMBER.png.")],
    out: Annotated[Path, typer.Option(help="A new folder for weights and card.")] = Path("rooms-real-labeler"),
    scenes: Annotated[
        str, typer.Option(help="Photographs sorted by kind of room, which the network learns to tell first.")
    ] = "",
    steps: Annotated[int, typer.Option(min=1, help="Steps of 48 photographs, taken twice.")] = 1_500,
    scene_steps: Annotated[int, typer.Option(min=1, help="Steps of 48 scenes.")] = 3_000,
    seed: Annotated[int, typer.Option(help="Weights, order and changes follow from it.")] = 0,
) -> None:
    """Train the network that labels photographs of rooms, as the shipped one was; takes half an hour on two cores."""
    from ganlab import open_images

    from .photographs.making import make_labeler
    from .photographs.settings import PhotoSettings

    settings = PhotoSettings(steps=steps, scene_steps=scene_steps, seed=seed)
    make_labeler(folder, settings, out, open_images(scenes) if scenes else None)
    typer.echo(f"Trained: {out}. Its figures are in {out / 'card.toml'}.")


@app.command("train-face-labeler")
def train_face_labeler(
    out: Annotated[Path, typer.Option(help="A new folder for weights and card.")] = Path("faces-labeler"),
    faces: Annotated[int, typer.Option(min=64, help="Drawn faces.")] = 20_000,
    steps: Annotated[int, typer.Option(min=1, help="Steps of 64 drawn and 32 seen faces.")] = 3_000,
    seed: Annotated[int, typer.Option(help="Weights, order and changes follow from it.")] = 0,
) -> None:
    """Train the network that labels faces, as the shipped one was; half an hour on two cores, the drawing besides."""
    from .faces.labeler_making import make_labeler
    from .faces.labeler_training import FaceLabelerSettings

    make_labeler(FaceLabelerSettings(faces=faces, steps=steps, seed=seed), out)
    typer.echo(f"Trained: {out}. Its figures are in {out / 'card.toml'}.")
