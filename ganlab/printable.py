"""Other people's text, made safe for a terminal."""

from __future__ import annotations

# C0 but tab and newline, delete, C1, and all with Unicode's property Bidi_Control
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_WRITTEN = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS if chr(code) not in "\t\n"
}


def printable(text: str) -> str:
    """The text with its control characters spelt out: none recolours a line, erases it or turns it round."""
    return text.translate(_WRITTEN)
