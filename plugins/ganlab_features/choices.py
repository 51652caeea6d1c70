"""The options, together."""

from __future__ import annotations

from dataclasses import dataclass

from .guided import Rule


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of :func:`ganlab_features.features`, which explains them."""

    filters: int
    which: list[int] | None
    top: int
    layer: str
    rule: Rule
    judged: str
    n: int
    share: float
    limit: int | None
    skip_broken: bool
    seed: int
