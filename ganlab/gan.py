"""A GAN opened up: draw from it, score with it, record and edit its layers, remove its filters for good."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganlab.card import Card, lacking
from ganlab.classes import class_names, class_number
from ganlab.errors import GanlabError
from ganlab.networks.batches import in_batches
from ganlab.networks.devices import check_device
from ganlab.networks.layers import Layer, all_layers, ended_with, feature_layers, hidden_layers, trace_side
from ganlab.networks.weights import gather_statistics, opened, owned, weights_digest

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from ganlab.imagespec import ImageSpec
    from ganlab.latents import Latents, Prior
    from ganlab.networks.activations import Edit, Recording

Side = Literal["generator", "discriminator"]

STATISTICS = 256  # samples by which an untrained generator normalises
UNSEEN = 2**62  # the index of the first: nobody looks at them as samples


class Gan:
    """A generator, perhaps its discriminator, the prior of z and what the pictures are; or a discriminator alone.

    The networks are frozen, in eval mode and do nothing in place; of those that are given unfrozen, as somebody trains
    them, it keeps copies. One thread at a time: what a block records or edits, it does for all of them.

    GANs that are derived from one another share their frozen networks, so that what is recorded or edited through one
    is in all that draw or score with that network. Only :meth:`to` copies, and :meth:`without` and
    :meth:`with_statistics_of` the network that they change.

    Args:
        generator: z (n, dim) -> images (n, c, h, w) in ``image``'s range; None when the checkpoint has none.
            Where there are ``classes``, it is called with z and the class of each (n,) int64.
        discriminator: images -> logits (n,), above 0 for real; None when the checkpoint has none.
            One whose ``forward`` insists on a second input is called with images and the class of each (n,) int64.
            Where it puts out several logits a picture, :meth:`score` takes their mean.
        prior: the law of z; needed where there is a generator.
        image: size, channels and range of the pictures.
        card: what the checkpoint is.
        device: where the networks run: "cpu", "cuda", "cuda:1", "mps".
        classes: how many classes a conditional generator knows, or None.
        label: the class it draws where none is named, or None.
        folder: where its labels lie: the checkpoint's folder, or that of a file of weights which has marks of it
            beside it; else None.
    """

    def __init__(
        self,
        generator: nn.Module | None,
        discriminator: nn.Module | None = None,
        *,
        prior: Prior | None = None,
        image: ImageSpec,
        card: Card | None = None,
        device: str = "cpu",
        classes: int | None = None,
        label: int | None = None,
        folder: Path | None = None,
    ) -> None:
        from ganlab.networks.conditional import told_where_it_insists  # late: it needs torch at once

        if generator is None and discriminator is None:
            raise GanlabError("A GAN needs a network.", "Give it a generator, a discriminator or both.")
        if generator is not None and prior is None:
            raise GanlabError("A generator needs the prior of its z.", "For example prior=Prior(100).")
        self.generator = None if generator is None else opened(owned(generator), device)
        if discriminator is not None:
            discriminator = opened(told_where_it_insists(owned(discriminator), classes, label), device)
        self.discriminator = discriminator
        self._prior = prior
        self.image = image
        self.card = card or Card()
        self.device = device
        self.classes = classes
        self.label = label
        self.folder = folder

    @classmethod
    def from_spec(cls, spec: str) -> Gan:
        """The GAN a person named on the command line; see :func:`ganlab.load_gan`."""
        from ganlab.checkpoints import load_gan

        return load_gan(spec)

    def __repr__(self) -> str:
        shape = f"{self.image.channels}x{self.image.size}x{self.image.size}"
        draws = "no generator" if self._prior is None else f"z {self._prior.dim} {self._prior.law}"
        return f"Gan({self.name!r}, {shape}, {draws}, {self.hash})"

    @property
    def name(self) -> str:
        """What it is called, as its card says."""
        return self.card.name

    @property
    def conditional_discriminator(self) -> bool:
        """Whether the discriminator is told the class of the picture that it scores.

        One of an ``[architecture]`` that is trained with ``classes`` is, and one whose ``forward`` insists on it.
        """
        from ganlab.networks.conditional import teller_of

        return teller_of(self.discriminator) is not None

    @property
    def class_names(self) -> list[str]:
        """What the classes are called, in their order, as the card says; else their numbers. Empty without classes.

        Raises:
            GanlabError: the card names more or fewer, or something else than names.
        """
        return class_names(self.card.facts, self.classes or 0, self.name)

    @property
    def hash(self) -> str:
        """12 hexadecimal digits of the generator's weights: with a seed and an index they name a picture.

        Of a discriminator alone, of its weights.
        """
        network = self.network("discriminator" if self.generator is None else "generator")
        return weights_digest(network.state_dict())[:12]

    @property
    def prior(self) -> Prior:
        """The law of z.

        Raises:
            GanlabError: there is no generator.
        """
        if self._prior is None:
            raise lacking(self.card, "generator")
        return self._prior

    def network(self, side: Side) -> nn.Module:
        """The generator or the discriminator.

        Raises:
            GanlabError: there is none.
        """
        network = self.generator if side == "generator" else self.discriminator
        if network is None:
            raise lacking(self.card, side)
        return network

    def to(self, device: str) -> Gan:
        """The same GAN on another device.

        Raises:
            GanlabError: this machine has no such device.
        """
        check_device(device)
        return self._with(copy.deepcopy(self.generator), copy.deepcopy(self.discriminator), device=device)

    def latents(self, n: int, *, seed: int = 0, first: int = 0, label: int | str | None = None) -> Latents:
        """The latents ``first`` to ``first + n - 1`` of a seed, all of one class for a conditional GAN.

        Args:
            label: the class, by number or name; None for the one that this GAN draws.

        Raises:
            GanlabError: a class that it does not draw, or none where it needs one.
        """
        import torch

        number = class_number(self.label if label is None else label, self.class_names, self.name)
        latents = self.prior.sample(n, seed, first)
        if number is None:
            return latents
        return replace(latents, labels=torch.full((n,), number, device="cpu"))

    def latents_in_turn(self, n: int, *, seed: int = 0, first: int = 0) -> Latents:
        """As :meth:`latents`, but of all classes in turn: index ``i`` of a seed is of class ``i`` modulo their number.

        Where there are no classes, or ``label`` says one, just that.

        Raises:
            GanlabError: there is no generator, or a seed or an index is out of range.
        """
        import torch

        if self.classes is None or self.label is not None:
            return self.latents(n, seed=seed, first=first)
        latents = self.latents(n, seed=seed, first=first, label=0)
        return replace(latents, labels=torch.from_numpy(latents.index % self.classes))

    def generate(self, latents: Latents | torch.Tensor | np.ndarray) -> torch.Tensor:
        """Pictures of these points of Z.

        Args:
            latents: named latents, or z as (n, dim).

        Returns:
            (n, c, h, w) float32 on the CPU, in ``image``'s range.

        Raises:
            GanlabError: there is no generator, z has other dimensions, or classes are missing or too many.
        """
        import torch

        from ganlab.latents import Latents

        network = self.network("generator")
        z, labels = (latents.z, latents.labels) if isinstance(latents, Latents) else (torch.as_tensor(latents), None)
        if z.ndim != 2 or z.shape[1] != self.prior.dim:
            raise GanlabError(
                f"z has the shape {tuple(z.shape)}, but {self.name!r} draws from (n, {self.prior.dim}).",
                "Take z from gan.latents(n, seed=0).",
            )
        if labels is None and self.label is not None:
            labels = torch.full((len(z),), self.label, device="cpu")
        if (labels is None) != (self.classes is None):
            what = "has no classes" if labels is not None else "needs the class of every picture"
            raise GanlabError(f"The GAN {self.name!r} {what}.", "Take latents from gan.latents(n, label=...).")
        return in_batches(network, (z.float(), labels), self._shape, self.device, self.name)

    def score(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """The discriminator's logits (n,) of pictures (n, c, h, w) in ``image``'s range; above 0 for real.

        Args:
            labels: (n,) the class each is scored as, by a discriminator that is told it; default: ``label``'s.

        Raises:
            GanlabError: there is no discriminator, or it takes pictures of another shape.
        """
        network = self.network("discriminator")
        if images.ndim != 4 or images.shape[1:] != self._shape:
            raise GanlabError(
                f"The pictures have the shape {tuple(images.shape)}, "
                f"but the discriminator of {self.name!r} takes {('n', *self._shape)}.",
                "gan.image says what pictures this GAN knows; gan.image.from_uint8 makes them.",
            )
        logits = in_batches(network, (images.float(), labels), (), self.device, self.name)
        return logits if logits.ndim == 1 else logits.flatten(1).mean(1)

    def layers(self, side: Side = "generator") -> list[Layer]:
        """Every layer that runs, in the order in which it first ends, with the shape it puts out for one picture."""
        return all_layers(self.network(side), trace_side(self, side))

    def hidden_layers(self, side: Side = "generator") -> list[Layer]:
        """The hidden feature maps after their activation, from input to output, each under its shortest name.

        A block that puts out its activation's own tensor stands for it: ``up16`` rather than ``up16.act``. Of an
        activation that runs several times a pass, as one that layers share does, the maps that go into it are named.
        Empty where no module alone makes such maps.
        """
        return hidden_layers(self.network(side), trace_side(self, side))

    def feature_layers(self, side: Side = "discriminator") -> list[Layer]:
        """The layers that describe what a network is given: :meth:`hidden_layers`, or all before the last.

        The latter where no module alone makes hidden maps: every innermost layer that runs once a pass and neither
        says the class nor repeats what came before. Empty where there are none.
        """
        return feature_layers(self.network(side), trace_side(self, side))

    def record(self, *layers: str, side: Side = "generator") -> AbstractContextManager[Recording]:
        """Keep what these layers put out inside a with-block: ``recording["up8"]`` is (n, maps, h, w) on the CPU.

        Where :meth:`edit` is entered first, the edited features are kept.

        Raises:
            GanlabError: an unknown layer; on reading, a layer that did not run, or that put out several shapes.
        """
        from ganlab.networks import activations

        return activations.record(self.network(side), *layers)

    def edit(self, edits: Mapping[str, Edit], side: Side = "generator") -> AbstractContextManager[None]:
        """Change what layers put out inside a with-block.

        Args:
            edits: by layer, a function of the features (n, ...) and the rows (n,), which pictures of the whole call
                these are, to features of the same shape. The features are its own to change.

        Raises:
            GanlabError: an unknown layer, an edit that changes the shape, or, on leaving, a layer that never ran.
        """
        from ganlab.networks import activations

        return activations.edit(self.network(side), edits)

    def replay(self, recording: Recording, rows: np.ndarray) -> AbstractContextManager[None]:
        """Inside the with-block, ``generate`` begins where a recording of :meth:`layers_until` ends.

        Args:
            recording: of these layers of the generator, while latents were drawn.
            rows: (n,) which of those latents each ``generate`` in the block is called with.
        """
        from ganlab.networks import activations

        return activations.replay(self.network("generator"), recording, rows)

    def layers_until(self, layer: str, side: Side = "generator") -> list[str]:
        """The outermost layers that have ended when ``layer`` ends, itself included: all that later ones need of them.

        Raises:
            GanlabError: an unknown layer, or one that runs several times a pass.
        """
        from ganlab.networks import activations

        network = self.network(side)
        activations.find_layer(network, layer)
        return ended_with(network, trace_side(self, side), layer)

    def without(self, layer: str, filters: Sequence[int] | np.ndarray) -> Gan:
        """A GAN whose generator lacks these feature maps of a layer, for good.

        Whatever consumes the maps gets zero weights for them, which is exactly what zeroing the maps does, needs no
        hook and can be saved.

        Raises:
            GanlabError: an unknown layer or map, or maps that something without weights for them consumes.
        """
        from ganlab.networks.surgery import without

        return self.with_networks(without(self, layer, filters), self.discriminator)

    def of_class(self, label: int | str) -> Gan:
        """The same conditional GAN, drawing this class (its number or name) wherever none is named, in every analysis.

        Raises:
            GanlabError: it draws no classes, or not this one.
        """
        number = class_number(label, self.class_names, self.name)
        card = replace(self.card, name=f"{self.name}, class {number}")
        return self._with(self.generator, self.discriminator, card=card, label=number)

    def renamed(self, name: str, summary: str) -> Gan:
        """The same networks under another name: for an edited GAN that is going to be saved."""
        return self.with_card(replace(self.card, name=name, summary=summary))

    def with_card(self, card: Card, folder: Path | None = None) -> Gan:
        """The same networks with another card.

        Args:
            folder: where the labels of its pictures lie; None for nowhere.
        """
        return self._with(self.generator, self.discriminator, card=card, folder=folder)

    def with_networks(self, generator: nn.Module | None, discriminator: nn.Module | None) -> Gan:
        """Other networks of the same kind with this GAN's card; labels of its pictures are none of theirs."""
        return self._with(generator, discriminator, folder=None)

    def alone(self, side: Side) -> Gan:
        """This network without the other.

        Raises:
            GanlabError: there is none.
        """
        network = self.network(side)
        return self._with(network, None) if side == "generator" else self._with(None, network, prior=None)

    def untrained(self, seed: int) -> Gan:
        """The same networks with fresh initial weights: the control for what training brought.

        As the card's ``[architecture]`` builds them, or, without one, as their layers initialise themselves. Every
        BatchNorm of the generator has the mean and variance of samples of its own, as when training began: with those
        that a layer begins with, 0 and 1, its pictures would be all but one flat grey. Those of the discriminator need
        pictures: see :meth:`with_statistics_of`.

        Args:
            seed: of the weights, and of the samples.

        Raises:
            GanlabError: a network keeps weights that no layer knows how to draw anew.
        """
        from ganlab.architectures import untrained

        card = replace(self.card, name=f"{self.name}-untrained")
        fresh = self._with(*untrained(self, seed), card=card, folder=None, label=None)  # samples of all classes

        def draw() -> None:
            fresh.generate(fresh.latents_in_turn(STATISTICS, seed=seed, first=UNSEEN))

        if fresh.generator is not None:
            gather_statistics(fresh.generator, draw)
        return fresh._with(fresh.generator, fresh.discriminator, label=self.label)

    def with_statistics_of(self, batches: Iterable[torch.Tensor]) -> Gan:
        """The same networks, but every BatchNorm of the discriminator with the mean and variance of these pictures.

        Trained, it kept those of real and generated pictures mixed; untrained, none, so that it normalises nothing,
        which is not the network that training began with.

        Args:
            batches: pictures (n, c, h, w) in ``image``'s range, at least two at a time; the plain mean over all
                batches is kept.

        Raises:
            GanlabError: there is no discriminator.
        """
        fresh = self._with(self.generator, copy.deepcopy(self.network("discriminator")))

        def meet() -> None:
            for images in batches:
                fresh.score(images)

        gather_statistics(fresh.network("discriminator"), meet)
        return fresh

    @property
    def _shape(self) -> tuple[int, int, int]:
        """Of one picture."""
        return self.image.channels, self.image.size, self.image.size

    def _with(self, generator: nn.Module | None, discriminator: nn.Module | None, **changes: Any) -> Gan:
        kept = {name: getattr(self, name) for name in ("image", "card", "device", "classes", "label", "folder")}
        return Gan(generator, discriminator, **({"prior": self._prior} | kept | changes))
