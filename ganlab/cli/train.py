"""``ganlab train``: from a data set to a checkpoint. Imports torch only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganlab.errors import GanlabError
from ganlab.wording import option_name

if TYPE_CHECKING:
    from ganlab.architectures.settings import NetworkSettings
    from ganlab.gan import Gan

RESUMABLE = {"resume", "epochs", "decay_epochs", "device", "data", "workers", "skip_broken"}  # a resumed run's options
NETWORK = ("size", "width", "channels", "kernel", "z_dim", "affine", "classes_as")  # options that the networks are told
SHAPE = (*NETWORK, "arch", "conditional", "prior")  # what a GAN to start from has decided


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
    arch: Annotated[
        str,
        typer.Option(
            help="dcgan; digits, its authors' own network for MNIST, with linear layers; or mlp, all of linear "
            "layers, the appendix's baseline (Goodfellow et al. 2014). Those that plugins bring: `ganlab plugins`."
        ),
    ] = "dcgan",
    size: Annotated[
        int | None,
        typer.Option(
            help="Side in pixels: 16, 32, 64, 128 or 256 (digits: a multiple of 4, mlp: any). The paper's are 64 and, "
            "for digits, 28.",
            show_default="64; digits: 28",
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            help="Feature maps of the layer beside the picture: the usual port has 64, the paper 128. "
            "Of digits, the linear layer has 16 times as many units; of mlp, maxout units of a layer, with five times "
            "as many in the generator.",
            show_default="64; mlp: 240",
        ),
    ] = None,
    channels: Annotated[int, typer.Option(help="3 RGB, as most pictures are; 1 grey, 4 RGBA.")] = 3,
    kernel: Annotated[
        int, typer.Option(help="4, the usual port's, which the stride of 2 divides evenly, or 5, the paper's.")
    ] = 4,
    affine: Annotated[
        bool | None,
        typer.Option(
            help="Let BatchNorm scale and shift. The appendix's conditional networks do not.",
            show_default="affine; no-affine with --conditional",
        ),
    ] = None,
    conditional: Annotated[
        bool,
        typer.Option("--conditional", help="Tell both networks the class of every picture, as the paper's appendix."),
    ] = False,
    classes_as: Annotated[
        str, typer.Option(help="What a class is to the networks: one-hot (paper), or embedding, which is learnt.")
    ] = "one-hot",
    prior: Annotated[
        str, typer.Option(help="Law of z: uniform on [-1, 1] as in the paper, normal, or uniform01 on [0, 1].")
    ] = "uniform",
    z_dim: Annotated[int, typer.Option(help="Dimensions of z. The paper's is 100.")] = 100,
    epochs: Annotated[
        int,
        typer.Option(
            help="Passes over the data, each in another order and without the last pictures that fill no batch. "
            "The usual port's are 25."
        ),
    ] = 25,
    batch: Annotated[
        int, typer.Option(help="Pictures in a step, of all processes together. The paper's is 128.")
    ] = 128,
    lr: Annotated[float, typer.Option(help="Adam's learning rate, from the paper.")] = 2e-4,
    beta1: Annotated[float, typer.Option(help="Adam's first momentum: 0.9 oscillates (paper, section 4).")] = 0.5,
    decay_epochs: Annotated[
        int,
        typer.Option(
            help="Let the learning rate fall evenly to 0 over the last so many of the epochs: the game comes to rest. "
            "Paper: 0, none."
        ),
    ] = 0,
    weight_decay: Annotated[
        float,
        typer.Option(
            help="Add so much of each weight to its gradient, which holds weights small. The authors' code for MNIST: "
            "2.5e-5. Paper: 0."
        ),
    ] = 0.0,
    flip: Annotated[
        bool,
        typer.Option(
            "--flip",
            help="Mirror pictures at random, which doubles few ones; not for digits or writing. The paper does not.",
        ),
    ] = False,
    noise: Annotated[
        float,
        typer.Option(help="Gaussian noise on what the discriminator sees; 0.1 steadies drawn pictures. Paper: 0."),
    ] = 0.0,
    average: Annotated[
        float,
        typer.Option(
            help="Keep a running average of the generator's weights, e.g. 0.999, over fewer steps while few are done. "
            "Paper: 0, none."
        ),
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
            help="fp32; tf32, for GPUs; or bf16: twice as fast on CPUs with AVX-512 bf16 or AMX, far slower on others; "
            "digits differ. auto: fp32, on a GPU tf32."
        ),
    ] = "auto",
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic",
            help="On a GPU the same bits every time, so that --resume is exact there too; slower. CPUs always are.",
        ),
    ] = False,
    compile_: Annotated[
        bool,
        typer.Option(
            "--compile/--no-compile",
            help="Let torch compile both networks first, for a minute: then a tenth slower on CPUs, untried on GPUs.",
        ),
    ] = False,
    sync_batch_norm: Annotated[
        bool,
        typer.Option(
            "--sync-batch-norm/--local-batch-norm",
            help="Where torchrun starts several processes: BatchNorm over the joined batch, as one process has it, or "
            "over each process's share, which is faster.",
        ),
    ] = True,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that decode pictures on the first pass.", show_default="one on each core"),
    ] = None,
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
    from ganlab.networks.devices import usual_precision
    from ganlab.training import starting
    from ganlab.training.joining import joined
    from ganlab.training.pictures import Reading
    from ganlab.training.settings import TrainSettings

    with joined() as processes:
        reading = Reading(workers, skip_broken)
        if resume is not None:
            _refuse_changes(context)
            lengths = {name: context.params[name] for name in ("epochs", "decay_epochs") if _given(context, name)}
            starting.resume(resume, data, lengths, reading, device, processes)
            return
        if data is None:
            raise GanlabError("There is no DATA to train on.", "Try: ganlab train rooms")
        gan = None if start is None else _starting_point(context, start)
        settings = TrainSettings(
            data=data,
            limit=limit,
            keep=None if keep is None else str(keep),
            network=_network(context, arch, conditional) if gan is None else _network_of(gan),
            law=prior if gan is None else gan.prior.law,
            epochs=epochs,
            batch=batch,
            lr=lr,
            beta1=beta1,
            decay_epochs=decay_epochs,
            weight_decay=weight_decay,
            flip=flip,
            noise=noise,
            average=average,
            seed=seed,
            precision=usual_precision(processes.device(device)) if precision == "auto" else precision,
            deterministic=deterministic,
            compile=compile_,
            sync_batch_norm=sync_batch_norm,
            start="" if gan is None else gan.hash,
        )
        told = conditional if gan is None else gan.classes is not None
        starting.start(settings, reading, device, out, gan, told, processes, chosen=precision == "auto")


def _given(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _network(context: typer.Context, arch: str, conditional: bool) -> NetworkSettings:
    """The networks' shape as the options say it; what they leave open is the architecture's own default.

    Raises:
        GanlabError: no such architecture, an option that it does not have, or that needs --conditional.
    """
    from dataclasses import fields

    from ganlab.architectures import trainable

    kind = trainable(arch)
    known = {entry.name for entry in fields(kind)}
    given = {name: context.params[name] for name in NETWORK if _given(context, name)}
    for name in given:
        if name not in known:
            raise GanlabError(f"A {kind.title} has no {option_name(name)}.", "Leave it out, or choose another --arch.")
    if "classes_as" in given and not conditional:
        raise GanlabError("--classes-as says how classes go in, and there are none.", "Add --conditional.")
    if conditional and "affine" in known:
        given = {"affine": False} | given
    return kind(**given)


def _network_of(gan: Gan) -> NetworkSettings:
    """The shape of a GAN to start from; its classes are those that the pictures are found to have."""
    from dataclasses import replace

    from ganlab.architectures import settings_of

    return replace(settings_of(gan), classes=0)


def _starting_point(context: typer.Context, spec: str) -> Gan:
    """The GAN to start from, whose shape no option may contradict."""
    from ganlab.gan import Gan

    given = [name for name in SHAPE if _given(context, name)]
    if given:
        raise GanlabError(f"{option_name(given[0])} is decided by the GAN of --start.", "Leave out one of the two.")
    gan = Gan.from_spec(spec)
    if gan.discriminator is None:  # told before the pictures are read, which may take long
        raise GanlabError(f"{gan.name} has no discriminator to go on with.", "Start from a GAN that has both.")
    return gan


def _refuse_changes(context: typer.Context) -> None:
    """A resumed run has its choices already; another choice would make it another run."""
    changed = [name for name in context.params if _given(context, name) and name not in RESUMABLE]
    if changed:
        raise GanlabError(
            f"{option_name(changed[0])} cannot change while a run goes on.", "Leave it out, or start a new run."
        )
