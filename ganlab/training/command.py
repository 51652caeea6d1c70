"""``ganlab train``: from a data set to a checkpoint. Imports torch only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from ganlab.gan import Gan

RESUMABLE = {"resume", "epochs", "device", "data", "workers", "skip_broken"}  # what a resumed run may be told
SHAPE = ("size", "width", "channels", "kernel", "z_dim", "prior")  # what a GAN to start from has decided


def train(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            help="Folder (searched deep), zip, tar, .npy/.npz, CIFAR, LSUN and others (docs/data.md), or a drawn set: "
            "rooms, rooms:5000.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Side in pixels: 16, 32, 64, 128 or 256. The paper's is 64.")] = 64,
    width: Annotated[
        int, typer.Option(help="Feature maps of the layer beside the picture. The usual port has 64, the paper 128.")
    ] = 64,
    channels: Annotated[int, typer.Option(help="3 RGB, as most pictures are; 1 grey, 4 RGBA.")] = 3,
    kernel: Annotated[
        int, typer.Option(help="4, the usual port's, which the stride of 2 divides evenly, or 5, the paper's.")
    ] = 4,
    prior: Annotated[str, typer.Option(help="Law of z: uniform on [-1, 1] as in the paper, or normal.")] = "uniform",
    z_dim: Annotated[int, typer.Option(help="Dimensions of z. The paper's is 100.")] = 100,
    epochs: Annotated[int, typer.Option(help="Passes over the data. The usual port's are 25.")] = 25,
    batch: Annotated[int, typer.Option(help="Pictures in a step. The paper's is 128.")] = 128,
    lr: Annotated[float, typer.Option(help="Adam's learning rate, from the paper.")] = 2e-4,
    beta1: Annotated[float, typer.Option(help="Adam's first momentum: 0.9 oscillates (paper, section 4).")] = 0.5,
    noise: Annotated[
        float,
        typer.Option(help="Gaussian noise on what the discriminator sees; 0.1 steadies drawn pictures. Paper: 0."),
    ] = 0.0,
    average: Annotated[
        float, typer.Option(help="Keep a running average of the generator's weights, e.g. 0.999. Paper: 0, none.")
    ] = 0.0,
    limit: Annotated[
        int | None, typer.Option(help="Only the first N pictures; without it, all.", show_default=False)
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Only the pictures named in this list, such as dedup's keep.txt.", show_default=False),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="GAN",
            help="Begin with the weights of this GAN, a name or a folder, and take its shape and prior. "
            "Without it, with random weights, as in the paper.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Weights, order and z all follow from it; any number is as good.")] = 0,
    precision: Annotated[
        str,
        typer.Option(
            help="fp32, or bf16: twice as fast on CPUs with AVX-512 bf16 or AMX, far slower on others; digits differ."
        ),
    ] = "fp32",
    workers: Annotated[
        int, typer.Option(help="Threads that decode pictures on the first pass; more pay where there are more cores.")
    ] = 2,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out pictures that do not decode; without it they stop the run.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda, cuda:1 or mps.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="A new folder for the run. Default: runs/train/DATA-0001.", show_default=False)
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of an interrupted run: go on exactly where it was.", show_default=False)
    ] = None,
) -> None:
    """Train a DCGAN by the recipe of Radford, Metz and Chintala (2015)."""
    from ganlab.architectures.dcgan import DcganSettings, dcgan_settings
    from ganlab.training import runs
    from ganlab.training.settings import TrainSettings

    reading = runs.Reading(workers, skip_broken)
    if resume is not None:
        _refuse_changes(context)
        runs.resume(resume, data, epochs if _given(context, "epochs") else None, reading, device)
        return
    if data is None:
        raise GanlabError("There is no DATA to train on.", "Try: ganlab train rooms")
    gan = None if start is None else _starting_point(context, start)
    settings = TrainSettings(
        data=data,
        limit=limit,
        keep=None if keep is None else str(keep),
        network=DcganSettings(size, channels, width, z_dim, kernel) if gan is None else dcgan_settings(gan),
        law=prior if gan is None else gan.prior.law,
        epochs=epochs,
        batch=batch,
        lr=lr,
        beta1=beta1,
        noise=noise,
        average=average,
        seed=seed,
        precision=precision,
        start="" if gan is None else gan.hash,
    )
    runs.start(settings, reading, device, out, gan)


def _given(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _starting_point(context: typer.Context, spec: str) -> Gan:
    """The GAN to start from, whose shape no option may contradict."""
    from ganlab.gan import Gan

    given = [name for name in SHAPE if _given(context, name)]
    if given:
        option = "--" + given[0].replace("_", "-")
        raise GanlabError(f"{option} is decided by the GAN of --start.", "Leave out one of the two.")
    gan = Gan.from_spec(spec)
    if gan.discriminator is None:  # told before the pictures are read, which may take long
        raise GanlabError(f"{gan.name} has no discriminator to go on with.", "Start from a GAN that has both.")
    return gan


def _refuse_changes(context: typer.Context) -> None:
    """A resumed run has its choices already; another choice would make it another run."""
    changed = [name for name in context.params if _given(context, name) and name not in RESUMABLE]
    if changed:
        option = "--" + changed[0].replace("_", "-")
        raise GanlabError(f"{option} cannot change while a run goes on.", "Leave it out, or start a new run.")
