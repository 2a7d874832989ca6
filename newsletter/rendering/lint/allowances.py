"""What is accepted, and why: the written list.

A warning whose check stands here does not count. An error is never accepted. Everything listed is used by some e-mail
of ours; a test sees to that, so that the list does not outlive its reasons.
"""

from __future__ import annotations

from collections.abc import Mapping

_WORDS = "Both parts show it alike, so these are the words of a paper and no left-over of a template."
_ENHANCED = "The style blocks only refine; every rule that matters is also written into the elements."
_DARK_ONLY = "It serves dark screens only; elsewhere the light palette stands, which survives a forced inversion."
_HIDDEN = "Several rules hide the preheader, and it reads well as a first line where none of them works."

ALLOWED: Mapping[str, str] = {
    # What papers say
    "H13:words": _WORDS,
    "I1:words": _WORDS,
    "T2:words": _WORDS,
    "T4:words": _WORDS,
    "T7:words": _WORDS,
    # Style blocks, and how they choose their elements
    "support:html-style": _ENHANCED,
    "support:css-at-media": _ENHANCED,
    "support:css-selector-attribute": _ENHANCED,
    "support:css-selector-class": _ENHANCED,
    "support:css-selector-descendant": _ENHANCED,
    "support:css-selector-grouping": _ENHANCED,
    "support:css-selector-type": _ENHANCED,
    # Dark screens
    "support:css-at-media-prefers-color-scheme": _DARK_ONLY,
    "support:css-color-scheme": _DARK_ONLY,
    "support:html-meta-color-scheme": _DARK_ONLY,
    # The preheader
    "support:css-display-none": _HIDDEN,
    "support:css-max-height": _HIDDEN,
    "support:css-overflow": _HIDDEN,
    # The weight of a large day
    "I9": "An e-mail is filled to 95,000 bytes at the most, by rule, and Gmail shows as much as 102,400.",
    # Looks
    "C9:border-a": "Without its border a button is still a coloured link, in a paragraph of links only.",
    "C9:padding-a": "Without its padding a link is as high as its line, which is enough for a mouse.",
    "C9:padding-div": "Word gives the column no inner margin, but the block for it sets the tables to 552 pixels.",
    "support:css-border-radius": "Without it the buttons have corners.",
    "support:css-height": "Its auto keeps a picture's proportions, as programs do where no height is given.",
    "support:css-overflow-wrap": "It only breaks words longer than a line, and word-break does so in most programs.",
    "support:css-sytem-ui": "It is the first of a list of fonts, and the block for Word names its own.",
    "support:css-table-layout": "It keeps long words from widening a table, which Word shrinks by itself.",
    "support:css-word-break": "It only breaks words longer than a line.",
    # What is read out
    "support:html-aria-label": "Where it is not read, the title and the first heading say the same.",
}
