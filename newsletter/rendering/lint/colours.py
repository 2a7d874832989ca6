"""Colours as "#rrggbb": read from CSS, laid over each other, inverted."""

from __future__ import annotations

from collections.abc import Iterable

from tinycss2.ast import Node
from tinycss2.color3 import RGBA, parse_color

_HUE_ROTATED = ((-0.574, 1.430, 0.144), (0.426, 0.430, 0.144), (0.426, 1.430, -0.856))
"""The matrix of hue-rotate(180deg): Filter Effects Module Level 1, "feColorMatrix", type hueRotate."""


def colour(tokens: Iterable[Node]) -> RGBA | None:
    """The first colour among the tokens of a value, with red, green, blue and alpha from 0 to 1; None without one."""
    for token in tokens:
        found = parse_color(token)
        if isinstance(found, RGBA):
            return found
    return None


def over(front: RGBA, back: str) -> str:
    """What is seen of `front`, which may be translucent, on `back`."""
    return _written(
        channel * front.alpha + below * (1 - front.alpha)
        for channel, below in zip(front[:3], _channels(back), strict=True)
    )


def inverted(shown: str) -> str:
    """What filter: invert(1) hue-rotate(180deg) makes of a colour, as programs do that turn any mail dark."""
    red, green, blue = (1 - channel for channel in _channels(shown))
    return _written(row[0] * red + row[1] * green + row[2] * blue for row in _HUE_ROTATED)


def _channels(shown: str) -> tuple[float, float, float]:
    red, green, blue = (int(shown[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _written(channels: Iterable[float]) -> str:
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, channel))):02x}" for channel in channels)
