"""What a training run is: every choice that its weights depend on."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ganlab.architectures import settings_from_card
from ganlab.architectures.dcgan import DcganSettings
from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError
from ganlab.latents import Prior

PRECISIONS = ("fp32", "tf32", "bf16")


@dataclass(frozen=True)
class TrainSettings:
    """The paper's recipe (section 4) by default.

    Attributes:
        data: the data set as the user named it.
        limit: only this many pictures, the first ones; None for all.
        keep: the list that named the pictures to train on, as the user gave it; the run's folder holds a copy. None for
            all.
        fingerprint: of the packed pictures; a run goes on only on the same ones.
        network: the networks' architecture and shape.
        classes: what the classes of the pictures are called, in the order in which the networks number them; none
            where they are told no classes.
        class_counts: how many pictures each has: generated classes are drawn as often.
        law: the prior of z, "uniform" on [-1, 1] (paper), "normal" or "uniform01" on [0, 1].
        epochs: passes over the data, each in another order, without the last pictures that fill no batch.
        batch: pictures in a step of all processes together, real and generated each.
        lr, beta1: of Adam, for both networks.
        decay_epochs: over the last so many of the epochs the learning rate falls step by step, evenly, to 0 after the
            last; 0 keeps it, as the paper does. The code of its authors for MNIST lets it fall over half of them.
        weight_decay: so much of each weight is added to its gradient, an L2 penalty inside Adam; 0 in the paper, 2.5e-5
            in the code of its authors for MNIST.
        flip: every picture is mirrored, left for right, half of the times that it is shown; False in the paper.
        noise: standard deviation of Gaussian noise on whatever the discriminator sees, in units of the range [-1, 1];
            0 in the paper. Sharp drawn pictures are otherwise told from samples too easily (Sønderby et al. 2016).
        average: decay of a running average of the generator's weights, which is then what samples and checkpoints hold;
            0 keeps the weights themselves, as the paper does. 0.999 evens out the oscillation of the game. The decay
            of step t, from 0, is at most (1 + t) / (10 + t).
        seed: initial weights, order of the pictures, z, noise and what dropout leaves out all follow from it.
        precision: "fp32"; "tf32" for GPUs, whose factors have 10 bits of mantissa; or "bf16" for bfloat16 autocast with
            float32 weights and loss.
        deterministic: a GPU chooses algorithms that give the same bits every time; a CPU does always.
        compile: torch compiles both networks before the first step; digits differ.
        sync_batch_norm: where several processes train together, BatchNorm's statistics are those of the joined batch;
            if not, those of each process's share.
        start: hash of the GAN whose weights the run began with; "" for random ones, as in the paper.
        threads: of torch on the CPU, in each process; results depend on it in the last bits.
        processes: that trained together when the state was written; 0 where it does not say.
    """

    data: str
    limit: int | None = None
    keep: str | None = None
    fingerprint: str = ""
    network: NetworkSettings = field(default_factory=DcganSettings)
    classes: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    law: str = "uniform"
    epochs: int = 25
    batch: int = 128
    lr: float = 2e-4
    beta1: float = 0.5
    decay_epochs: int = 0
    weight_decay: float = 0.0
    flip: bool = False
    noise: float = 0.0
    average: float = 0.0
    seed: int = 0
    precision: str = "fp32"
    deterministic: bool = False
    compile: bool = False
    sync_batch_norm: bool = True
    start: str = ""
    threads: int = 1
    processes: int = 0

    def __post_init__(self) -> None:
        Prior(self.network.z_dim, self.law)  # refuses a law that there is not
        if self.precision not in PRECISIONS:
            raise GanlabError(f"There is no precision {self.precision!r}.", f"Choose one of: {', '.join(PRECISIONS)}.")
        if self.epochs < 1:
            raise GanlabError(
                f"Training takes at least one epoch, not {self.epochs}.", "One is a pass over the pictures."
            )
        if self.batch < 2:
            raise GanlabError(
                f"A batch holds at least two pictures, not {self.batch}.", "BatchNorm needs two to have a variance."
            )
        if not (math.isfinite(self.lr) and self.lr > 0 and 0 <= self.beta1 < 1):
            raise GanlabError(
                "The learning rate must be above 0 and beta1 from 0 up to 1.", "The paper: 0.0002 and 0.5."
            )
        if not 0 <= self.weight_decay < math.inf:
            raise GanlabError(
                f"The weight decay must be at least 0, not {self.weight_decay:g}.", "Leave it out: the paper has none."
            )
        if not 0 <= self.decay_epochs <= self.epochs:
            raise GanlabError(
                f"The learning rate cannot fall over {self.decay_epochs} of {self.epochs} epochs.",
                "--decay-epochs are the last ones of --epochs: from 0 to all of them.",
            )
        if not (0 <= self.noise < math.inf and 0 <= self.average < 1):
            raise GanlabError("The noise must be at least 0, the average from 0 up to 1.", "The paper has neither: 0.")

        if not len(self.classes) == len(self.class_counts) == self.network.classes:
            raise GanlabError(
                f"The networks are told {self.network.classes} classes, and the pictures have {len(self.classes)}.",
                "Give pictures of as many classes.",
            )

    @property
    def prior(self) -> Prior:
        return Prior(self.network.z_dim, self.law)

    def lr_at(self, step: int, per_epoch: int) -> float:
        """Adam's learning rate in a step, counted from 0, where an epoch has so many."""
        left, falling = self.epochs * per_epoch - step, self.decay_epochs * per_epoch
        return self.lr * left / falling if left < falling else self.lr

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"network": self.network.to_card()}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> TrainSettings:
        values: dict[str, Any] = json.loads(text)
        known = {entry.name for entry in fields(cls)}
        network = settings_from_card(values.pop("network"))
        for name in ("classes", "class_counts"):
            values[name] = tuple(values.get(name, ()))
        return cls(network=network, **{name: value for name, value in values.items() if name in known})
