"""Figure 5, step by step: the layer, the strongest pictures, their gradients, and the same before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ganlab import Gan, GanlabError, Images, Labeler, Metric, Result, Table

from . import figures
from .choices import Choices
from .guided import Layer, Rule, guided_gradients
from .judging import judge
from .pictures import AT_ONCE, Data, Pictures, Samples
from .strongest import Strongest, strongest
from .structure import metrics, structure

STATISTICS = 256  # pictures by which an untrained discriminator normalises
BARS = 8  # untrained discriminators that set the bar for filters: the best filter of a single one is luck


def investigate(gan: Gan, images: Images, labeler: Labeler | None, choices: Choices) -> Result:
    """Run the investigation; see :func:`ganlab_features.features`."""
    name = last_convolution(gan) if choices.layer == "auto" else _known(gan, choices.layer)
    shape = (gan.image.channels, gan.image.size, gan.image.size)
    assert gan.discriminator is not None
    layer = Layer.of(gan.discriminator, name, shape, gan.device)
    shown = _shown(choices, layer)
    data = Data(images if choices.limit is None else images.first(choices.limit), gan, choices.skip_broken)
    untrained = before_training(gan, data, choices.seed)
    fresh = untrained(choices.seed)
    assert fresh.discriminator is not None
    layers = [layer, replace(layer, network=fresh.discriminator)]
    found = strongest([gan, fresh], name, data, choices.top)
    looked = [explain(one, ranking, data, shown, choices.rule) for one, ranking in zip(layers, found, strict=True)]
    result = _result(gan, data.images, layer, looked, shown, found, len(data), choices)
    result.notes += data.notes
    labeler = labeler or Labeler.of_checkpoint(gan)
    if labeler is not None and not labeler.marks_pixels:
        result.notes.append(
            f"The labeler {labeler.name!r} labels whole pictures: nothing is said of where filters fire."
        )
    elif labeler is None:
        result.notes.append("No labeler knows this GAN's pictures, so nothing is said about concepts: see --labeler.")
    elif gan.generator is None and choices.judged == "samples":
        result.notes.append("There is no generator to draw samples, so nothing is said about concepts: --judged data.")
    else:
        pictures: Pictures = Samples(gan, choices.n, choices.seed)
        if choices.judged == "data":
            pictures = data.drawn(choices.n, choices.seed)
        bars = [untrained(choices.seed ^ number) for number in range(1, 1 + BARS)]
        judge([gan, fresh, *bars], layers, pictures, labeler, choices, result)
        result.notes += labeler.cautions
    return result


def before_training(gan: Gan, data: Data, seed: int) -> Callable[[int], Gan]:
    """From a seed the discriminator as training begins: with fresh weights, and normalising by pictures of DATA.

    Args:
        seed: of the pictures that it normalises by.
    """
    alone = gan.alone("discriminator")
    # again from the first where there are fewer: a batch of one has no variance
    drawn = data.drawn(STATISTICS, seed)
    batches = drawn.some(np.arange(STATISTICS) % len(drawn)).split(AT_ONCE)
    return lambda seed: alone.untrained(seed).with_statistics_of(batches)


@dataclass(frozen=True)
class Explained:
    """Responses of some filters: images (n, c, h, w), gradients of the same shape, units and their responses."""

    images: torch.Tensor
    gradients: torch.Tensor
    units: np.ndarray
    responses: np.ndarray


def explain(layer: Layer, ranking: Strongest, pictures: Pictures, filters: Sequence[int], rule: Rule) -> Explained:
    """The strongest responses of these filters, each with its picture and gradient, filter by filter."""
    chosen = np.array(filters)
    images = pictures.some(ranking.pictures[chosen].ravel())
    units, responses = ranking.units(chosen), ranking.responses[chosen].ravel()
    return Explained(images, guided_gradients(layer, images, units, responses, rule), units, responses)


def last_convolution(gan: Gan) -> str:
    """The last hidden feature maps of the discriminator, after their activation: ``down4`` in a DCGAN.

    In a network whose activations are no modules, the last layer with more than one unit to a map.

    Raises:
        GanlabError: there is no discriminator, or none of its layers has feature maps.
    """
    for layers in (gan.hidden_layers("discriminator"), gan.layers("discriminator")):
        maps = [layer.name for layer in layers if len(layer.shape) == 3 and layer.shape[1] * layer.shape[2] > 1]
        if maps:
            return maps[-1]
    raise GanlabError(
        f"The discriminator of {gan.name!r} has no feature maps.", "Guided backpropagation looks at convolutions."
    )


def _known(gan: Gan, name: str) -> str:
    """The layer, once and with feature maps."""
    gan.layers_until(name, "discriminator")  # an unknown layer, or one that runs several times
    shape = next(layer.shape for layer in gan.layers("discriminator") if layer.name == name)
    if len(shape) != 3:
        maps = [layer.name for layer in gan.layers("discriminator") if len(layer.shape) == 3]
        raise GanlabError(
            f"The layer {name!r} puts out no feature maps.", f"Those that do: {', '.join(maps) or 'none'}."
        )
    return name


def _shown(choices: Choices, layer: Layer) -> list[int]:
    """The filters to be shown: those asked for, else the first ones, all where there are no more."""
    count = layer.route.filters
    outside = [number for number in choices.which or [] if not 0 <= number < count]
    if outside:
        raise GanlabError(
            f"The layer {layer.name!r} has {count} filters, so none is number {outside[0]}.",
            f"Filters go from 0 to {count - 1}; mind --which.",
        )
    return list(dict.fromkeys(choices.which or range(min(choices.filters, count))))


def _result(
    gan: Gan,
    images: Images,
    layer: Layer,
    looked: list[Explained],
    shown: list[int],
    found: list[Strongest],
    seen: int,
    choices: Choices,
) -> Result:
    boxes = [[layer.fields.box(row, column) for _, row, column in one.units] for one in looked]
    structures = [
        structure(one.gradients.numpy(), one.images.numpy(), where) for one, where in zip(looked, boxes, strict=True)
    ]
    numbers = metrics(structures[0], structures[1], len(shown))
    height, width = layer.fields.largest
    result = Result(_summary(gan, layer, numbers, choices.rule), numbers)
    titles = ["trained", "untrained (the control)"]
    sides = {title: (one.images, one.gradients, one.units) for title, one in zip(titles, looked, strict=True)}
    result.figures["strongest"] = figures.strongest(gan, shown, sides, layer.fields, layer.name, choices.rule)
    result.tables["strongest"] = _strongest_table(images, found[0], shown)
    units = f"{len(layer.fields.rows)}x{len(layer.fields.columns)} units"
    every = ", all shown" if len(shown) == layer.route.filters else ""
    result.notes.append(
        f"{layer.name} has {layer.route.filters} filters of {units}{every}; each unit sees up to {height}x{width} "
        f"pixels. The rule was applied to all {layer.route.rectifiers} activations up to its end. {seen:,} pictures "
        "were looked through."
    )
    if layer.route.others:
        result.notes.append(f"Left with their own gradient: {', '.join(layer.route.others)}.")
    for one, whose in zip(looked, ("", " before training"), strict=True):
        blank = int((one.gradients.flatten(1) == 0).all(1).sum())
        if blank:
            result.notes.append(
                f"{blank} of {len(one.units)} gradients{whose} are zero everywhere and left out of the means: the rule "
                f"{choices.rule!r} lets nothing through to these units."
            )
    result.arrays |= {
        "filters": np.array(shown),
        "units": looked[0].units,
        "pictures": found[0].pictures[shown],
        "gradients": looked[0].gradients.numpy(),
    }
    return result


def _summary(gan: Gan, layer: Layer, numbers: dict[str, Metric], rule: Rule) -> str:
    head = f"Filters of {layer.name} of {gan.name}"
    if "gradient_in_tenth" not in numbers:
        return f"{head}: the {rule} gradients are zero, so nothing can be measured."
    trained, before = (numbers[f"gradient_in_tenth{end}"] for end in ("", "_untrained"))
    words = f"{head}: {trained.value:.0%} of the squared gradient lies in the strongest tenth of the pixels"
    return f"{words} ({before.value:.0%} before training{_compared(trained, before)}; even: 10%)."


def _compared(one: Metric, other: Metric) -> str:
    """What the intervals of a number and its control, where they have any, let one say."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return ""
    if one.low > other.high:
        return ", clearly less"
    return ", clearly more" if one.high < other.low else ", no clear difference"


def _strongest_table(images: Images, ranking: Strongest, shown: list[int]) -> Table:
    rows: list[list[object]] = []
    for number in shown:
        for rank, (picture, place, response) in enumerate(
            zip(ranking.pictures[number], ranking.places[number], ranking.responses[number], strict=True)
        ):
            rows.append([number, rank + 1, images.name(int(picture)), int(place[0]), int(place[1]), float(response)])
    return Table(
        ["filter", "rank", "picture", "unit row", "unit column", "response"],
        rows,
        "The pictures of the figure, trained side, and the unit of the filter that responds most.",
    )
