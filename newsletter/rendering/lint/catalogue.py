"""Every check by its id, in the order in which findings are listed, with one sentence of what it asks for."""

from __future__ import annotations

from collections.abc import Mapping

CHECKS: Mapping[str, str] = {
    # The message
    "M1": "From, To, Subject, Date and Message-ID each stand in the header once.",
    # The document's shell
    "H1": "The HTML begins with <!DOCTYPE html>, in this spelling and once.",
    "H2": "The html element and every direct child of body have lang and dir, because programs strip html.",
    "H3": "The body has xml:lang, the only one that Outlook on Windows reads.",
    "H4": "There is a title, and it is the subject.",
    "H5": "UTF-8 is declared in the first 1,024 bytes and in the part's Content-Type.",
    "H6": "There is a viewport meta, and it does not forbid zooming.",
    "H7": "Metas and :root both declare color-scheme light dark.",
    "H8": "Apple's reformatting and the automatic links on dates and numbers are switched off.",
    "H9": "Outlook on Windows is told 96 pixels an inch, and no width stands in an attribute alone.",
    "H10": 'A wrapper with role="article", aria-roledescription="email", the subject as its label, lang and dir.',
    "H11": "Every conditional comment that is opened is closed.",
    "H12": "The document is whole: it ends with </html>.",
    "H13": "No placeholder, None, nan, undefined or empty address was left unfilled, in either part.",
    # Accessibility
    "A1": 'Every table has role="presentation", border, cellpadding and cellspacing 0, and no header cells.',
    "A2": "There is one h1, first, and no level of headings is skipped.",
    "A3": "Every image has an alt text, and not an empty one if it is a link.",
    "A4": "Every link has a text.",
    "A5": "A link's text says where it leads, and no text (or label) to more than three addresses.",
    "A6": "Text has a contrast of 4.5:1 (3:1 if large) in every palette.",
    "A7": "Links in running text are underlined.",
    "A8": "A link that stands alone is 24 pixels high, a button 44 on small screens, as far as the rules tell.",
    "A9": "The e-mail's text is 16 pixels, and none is below 13.",
    "A10": "Only elements are used that mail programs keep.",
    "A11": "No id stands twice, and no link leads to a place in the mail itself.",
    "RTL": "Text that runs from right to left says so, by dir=auto on a block; nothing relies on logical properties.",
    # Style rules
    "C1": "Without any style block, nothing is wider than 280 pixels.",
    "C2": "All style blocks together hold at most 16,000 bytes, better 8,192.",
    "C3": "No at-rule inside another, no @import, no @font-face, no nesting, nothing that cannot be read.",
    "C4": "Style blocks stand in the head, each for one concern.",
    "C5": "Embedded rules that must beat inline ones say !important, in lower case after a space; inline ones never.",
    "C6": "Nothing is built on var(), calc(), flex, grid, gap, position, float or rem.",
    "C7": "Sizes are in px, em or per cent, and no property is set twice in one style attribute.",
    "C8": "Media queries ask only for the width in px or for the colour scheme.",
    "C9": "What Outlook on Windows leaves out is not relied on: see the details after the colon.",
    "C10": "Colours are written with six hexadecimal digits.",
    "C11": "No table is so tall that Word would split it.",
    "C12": "No script, no event attribute, no embedded or foreign document; links lead to http(s) or mailto only.",
    "C13": "Every colour written into an element has an answer in the rules for dark screens.",
    # Dark screens
    "D1": "There are rules for prefers-color-scheme: dark.",
    "D2": "There are rules for Outlook.com ([data-ogsc], [data-ogsb]), and they say what those for dark screens say.",
    "D3": "In the light palette text is dark on a light ground, so that it survives a forced inversion.",
    "D5": "No colour scheme is declared to the exclusion of the other.",
    # What an inbox shows and needs
    "I1": "The subject has 25 to 60 characters, on one line, in composed Unicode, without mark-up.",
    "I2": "The first element of the body is the preheader, hidden, 60 to 130 characters, and not the subject again.",
    "I3": "Filler follows the preheader only if it is short, and at most 40 times.",
    "I4": "After the h1 comes a sentence about what is in the mail.",
    "I5": "The text part begins with the preheader.",
    "I6": "List-Unsubscribe and List-Id are there; with an https link and a signature, one click too, all signed.",
    "I7": "Both parts have a link to leave, the HTML one before the first paper too.",
    "I9": "The HTML has at most 100,000 bytes raw and encoded, better 80,000.",
    "I10": "There is no JSON-LD.",
    "I11": "Images are https or cid, have their width, are of a kind that all programs show, and do not track.",
    "I12": "The mail names its list.",
    # The text part
    "T1": "It is multipart/alternative, text first, HTML last, none empty, with the same papers in the same order.",
    "T2": "Neither part shows tags, entities, Markdown or TeX that the other does not.",
    "T3": "The text part is not format=flowed.",
    "T4": "An address in the text part stands alone on its line, and our own without tracking parameters.",
    "T5": "No line on the wire is longer than 998 octets, in the body better 78.",
    "T6": 'No line of the text part is "-- ", after which programs hide what follows.',
    "T7": "Superscripts and subscripts in Unicode are short.",
    # Client support
    "support": "What is used is supported by all fifteen mail programs, or the mail reads well without it.",
}


def place(check: str) -> int:
    """Where the findings of a check (an id, with or without a detail) stand in the list."""
    return _PLACES[check.partition(":")[0]]


_PLACES = {check: number for number, check in enumerate(CHECKS)}
