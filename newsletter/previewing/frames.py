"""The mail as clients draw it: one document for each kind of client, made from the message's own HTML.

Nothing in a frame can act. The page puts each document into an `iframe` with an empty `sandbox` (no scripts, no forms,
no pop-ups) under a policy that lets nothing be fetched; and here everything is taken out that would only show as an
error there: scripts, embedded documents, the addresses of links (a link that can be clicked is one that leaves a list
by mistake) and of images. An image is drawn as a grey box of its size, because opening a preview must tell nobody
that it was opened, and the layout is what there is to see.

`prefers-color-scheme` is rewritten instead of left to the frame's `color-scheme`: not every browser hands that down,
and a light frame has to stay light on a dark screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from urllib.parse import quote

from lxml.html import HtmlElement

from newsletter.previewing import word
from newsletter.previewing.markup import elements, parse, serialised

_ACTIVE = frozenset("script iframe frame base link".split())
_OPENED = frozenset("object applet embed frameset".split())
"""Elements whose content is shown where they cannot be."""

_FETCHING = frozenset("src srcset background poster data action formaction ping xlink:href".split())
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"

_BOX = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>"
    "<rect width='100%' height='100%' fill='#c8ccd1'/></svg>"
)
_OURS = (
    # A scroll bar would make the window narrower than it says.
    ":root {{ color-scheme: {scheme} !important; scrollbar-width: none; }} "
    # Links have lost their address, and with it the look a browser gives them; no rule of the mail is weaker than this.
    ":where(a) {{ color: LinkText; text-decoration: underline; }} "
)
_INVERT = "img { filter: invert(1) hue-rotate(180deg); }"
"""Clients that turn a mail's colours round leave its images alone; turned twice they are as they were."""


@dataclass(frozen=True, slots=True)
class View:
    """A kind of client: how wide its window is in px, which clients it stands for, and what it does to a mail.

    `dark`, its window is; `prefers_dark`, it says so to the mail; `inverted`, it turns all colours round.
    """

    name: str
    title: str
    width: int
    stands_for: str
    change: Callable[[HtmlElement], None] = lambda root: None
    dark: bool = False
    prefers_dark: bool = False
    inverted: bool = False
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole document to draw as `view` says."""

    view: View
    document: str


def _harmless(root: HtmlElement) -> HtmlElement:
    """`root` with nothing left that acts or fetches; its text stays."""
    for one in elements(root):
        if one.tag in _ACTIVE or (one.tag == "meta" and "http-equiv" in one.attrib):
            one.drop_tree()  # what follows it stays
            continue
        if one.tag in _OPENED:
            one.drop_tag()
            continue
        image = one.get("src") if one.tag == "img" else None
        for name in list(one.attrib):
            if name.lower() in _FETCHING or name.lower().startswith("on"):
                del one.attrib[name]
        if image is not None:
            one.set("src", image if image.startswith("data:image/") else _box(one))
        if (address := one.attrib.pop("href", None)) is not None:
            one.set("title", address)
    return root


def _box(image: HtmlElement) -> str:
    """A grey box as large as `image` says it is."""
    width, height = (number if (number := image.get(side, "")).isdecimal() else "160" for side in ("width", "height"))
    return "data:image/svg+xml," + quote(_BOX.format(width=width, height=height))


def _without_styles(root: HtmlElement) -> None:
    for style in elements(root, "style"):
        style.drop_tree()


def _without_images(root: HtmlElement) -> None:
    for image in elements(root, "img"):
        image.attrib.pop("src", None)


def _as_outlook(root: HtmlElement) -> None:
    """What Outlook.com marks the elements it turns dark with, here on the root: `ogsc` colour, `ogsb` background."""
    root.set("data-ogsc", "")
    root.set("data-ogsb", "")


WORD = View(
    "word",
    "Outlook on Windows",
    700,
    "Outlook 2016 to 2024 on Windows, which draw with Word: its conditional comments, no media queries, no rounded "
    "corners, padding in table cells only.",
    word.restyle,
    approximate=True,
)
VIEWS = (
    View(
        "desktop",
        "On a computer",
        700,
        "Gmail, Yahoo and Outlook.com in a browser, Apple Mail, Thunderbird and the new Outlook.",
    ),
    View("phone", "On a phone", 375, "Gmail, Apple Mail, Outlook and Samsung Mail on most phones."),
    View(
        "dark",
        "Dark, in our colours",
        700,
        "Clients that let the mail choose its dark colours: Apple Mail, Samsung Mail, Outlook on Mac, iOS and Android.",
        dark=True,
        prefers_dark=True,
    ),
    View("small", "On a small phone", 320, "The narrowest phones still sold, and larger ones with enlarged display."),
    View(
        "outlook-dark",
        "Outlook.com, dark",
        700,
        "Outlook.com and its apps, which mark what they turned dark with data-ogsc and data-ogsb; only the mail’s own "
        "rules for that are drawn, not what Outlook does besides.",
        _as_outlook,
        dark=True,
        approximate=True,
    ),
    View(
        "inverted",
        "Dark by inversion",
        375,
        "Gmail on an iPhone, which turns all colours round and asks nobody; Outlook on Windows does much the same.",
        inverted=True,
        approximate=True,
    ),
    WORD,
    View(
        "no-styles",
        "Without style sheets",
        375,
        "Gmail’s app with another provider’s account, Gmail in a phone’s browser, and mail that was forwarded.",
        _without_styles,
    ),
    View(
        "no-images",
        "Without images",
        700,
        "Outlook and Thunderbird until the reader allows images: their words stand in their place.",
        _without_images,
    ),
)
"""Wide beside narrow, the most read first."""


def frames(source: str) -> list[Frame]:
    """The document `source` for every view of VIEWS, in their order; the words are the same in all of them."""
    plain, for_word = (_harmless(parse(one)) for one in (source, word.conditions_met(source)))
    return [_frame(view, deepcopy(for_word if view is WORD else plain)) for view in VIEWS]


def _frame(view: View, root: HtmlElement) -> Frame:
    view.change(root)
    preferred = "dark" if view.prefers_dark else "light"
    for style in elements(root, "style"):
        style.text = _SCHEME.sub(lambda found: _ALWAYS if found[1].lower() == preferred else _NEVER, style.text or "")
    ours = root.makeelement("style")
    ours.text = _OURS.format(scheme="dark" if view.dark else "light") + (_INVERT if view.inverted else "")
    root.find("head").insert(0, ours)
    return Frame(view, serialised(root))
