"""What an operator may set about the e-mail's looks and words, and the arithmetic of contrast."""

from __future__ import annotations

import re
from dataclasses import dataclass

PAPER, PAPER_DARK = "#ffffff", "#14181d"
"""The backgrounds of the e-mail in light and dark, as `base.css.j2` and `dark.css.j2` have them."""

LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, for text of ordinary size."""

_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours like "#1f2328", 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True, slots=True)
class Look:
    """The operator's choices.

    `accent` and `accent_dark` colour titles, links and rules on the light and the dark background, as "#rrggbb".
    `logo_text` is what the header line says, empty for the name. `contact` is an address or a sentence for the footer,
    `footer` a paragraph of the operator's own, `postal_address` one line. `thumbnails` shows papers' pictures,
    `machine_summaries` the source's own summaries where it has them, `llm_summaries` those that were written for the
    edition. `text_width` wraps the text part at so many characters, 0 leaves it to the reader's program. Raises
    ValueError with one sentence for a value that cannot be used: a colour that is none or reads worse than 4.5 to 1, an
    empty name.
    """

    name: str = "Trending Papers"
    tagline: str = "The day’s research papers, chosen for what you follow"
    accent: str = "#0b5394"
    accent_dark: str = "#79b8ff"
    contact: str = ""
    postal_address: str = ""
    text_width: int = 0
    logo_text: str = ""
    footer: str = ""
    thumbnails: bool = False
    machine_summaries: bool = False
    llm_summaries: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name: the newsletter needs a name")
        for key in ("name", "logo_text", "tagline", "contact", "footer", "postal_address"):
            if re.search(r"\{[{%]", getattr(self, key)):
                raise ValueError(f"{key}: leave out “{{{{” and “{{%”, which look like a template that was not filled")
        for key, colour, paper in (
            ("accent", self.accent, PAPER),
            ("accent_dark", self.accent_dark, PAPER_DARK),
        ):
            if not _HEX_COLOUR.fullmatch(colour):
                raise ValueError(f"{key}: {colour!r} is not a colour like #0b5394")
            if (ratio := contrast(colour, paper)) < LEAST_CONTRAST:
                other = "darker" if key == "accent" else "lighter"
                raise ValueError(
                    f"{key}: {colour} on {paper} has a contrast of {ratio:.1f}; choose a {other} colour "
                    f"(at least {LEAST_CONTRAST})"
                )
        if self.text_width and self.text_width < 40:
            raise ValueError(f"text_width: {self.text_width} is too narrow; choose 0 (no wrapping) or at least 40")
