"""Directions in Z along which one layer's activations vary most.

GANSpace (Härkönen et al. 2020, section 3) for GANs whose first layers are not a mapping network: principal components
of a layer's activations over many samples, carried back to Z by least squares.
"""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Gan, Range, Result, analysis, hookimpl


@analysis
def directions(
    gan: Gan,
    layer: Annotated[str, "layer to decompose; auto is the first hidden one"] = "auto",
    components: Annotated[int, "how many directions", Range(1, 64)] = 6,
    n: Annotated[int, "samples whose activations are decomposed", Range(8)] = 1000,
    pictures: Annotated[int, "samples to show, each a figure", Range(1, 16)] = 2,
    label: Annotated[int | None, "class to draw, for a conditional GAN"] = None,
    seed: Annotated[int, "names the samples", Range(0)] = 0,
) -> Result:
    """Find the directions in Z along which a layer's activations vary most.

    A row of the figure is one component, a column goes from -2 to 2 standard deviations along it. Three numbers say
    whether the components are worth looking at, each beside the same number for something that should fail: the
    variance they explain (against a random basis, and the same GAN untrained), how far a step along a direction moves
    the layer along its component, and how much it changes the picture (both against random directions of equal length).
    """
    from .report import report
    from .space import find_space

    name = gan.hidden_layers()[0].name if layer == "auto" else layer
    space = find_space(gan, name, components, gan.latents(n, seed=seed, label=label))
    return report(gan, space, first_fresh=n, shown=pictures, label=label, seed=seed)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [directions]
