"""How numbers are written for a person."""

from __future__ import annotations

from typing import Any


def number(value: Any) -> str:
    """Three digits that count, no exponent where it can be helped, commas; "" for None, text as it is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    size = abs(float(f"{value:.3g}"))  # as it will be read
    if 1000 <= size < 1e9:
        return number(round(value))
    return f"{value or 0.0:{'.3f' if 1e-3 <= size < 1 else '.3g'}}"  # no zero has a sign
