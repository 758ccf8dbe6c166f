"""The tints of calendars, as other programs want them."""

from __future__ import annotations

from box.apps.calendar.models import Color

HEXADECIMAL = {
    Color.SPRUCE: "#2f6f5e", Color.SKY: "#2f6fab", Color.PLUM: "#7d4a86", Color.BRICK: "#a8452f",
    Color.AMBER: "#a8741f", Color.MOSS: "#5f7a2e", Color.SLATE: "#5a6673",
}  # fmt: skip


def nearest(color: str) -> Color:
    """The tint that is most like this, six hexadecimal digits after a sign; by default sky blue."""
    if not color:
        return Color.SKY
    return min(HEXADECIMAL, key=lambda one: _distance(HEXADECIMAL[one], color))


def _distance(one: str, other: str) -> int:
    parts = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return sum((a - b) ** 2 for a, b in parts)
