"""The e-mail in a real browser: what fits, what a thumb hits, what can be read, what is asked of the network.

C in a test name stands for style rules, A for accessibility, D for dark mode, I for the inbox.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html import unescape

import pytest
from browsing import DESKTOP, PHONE, Window, chromium, without_styles
from golden_edition import GOLDEN
from inliners import INLINERS
from mail_builders import EDITIONS, edition, rendered
from playwright.sync_api import Dialog

from newsletter.languages import Language
from newsletter.rendering import Look
from newsletter.rendering.look import PAPER, PAPER_DARK, contrast

pytestmark = pytest.mark.chromium

ALL = [*EDITIONS, "golden"]
every_edition = pytest.mark.parametrize("name", ALL)
HEBREW = replace(edition("right to left"), language=Language("he"), left_out=3)
LEAST_CONTRAST = 4.5
THUMB, POINTER = 44, 24
"""CSS pixels: WCAG 2.2, success criteria 2.5.5 and 2.5.8, for the height."""


@pytest.fixture(scope="module")
def window() -> Iterator[Window]:
    with chromium() as browser:
        yield Window(browser.new_context(device_scale_factor=2).new_page())


@pytest.fixture(scope="module")
def desk(window: Window) -> Window:
    """Another page, to take pictures of the first one apart."""
    return Window(window.page.context.new_page())


@cache
def mail(name: str) -> str:
    match name:
        case "golden":
            return GOLDEN.parts().html
        case "hebrew":
            return HEBREW.parts().html
        case _:
            return rendered(name).html


def look(name: str) -> Look:
    return GOLDEN.look if name == "golden" else edition(name).look


# Size


@pytest.mark.parametrize("styled", [True, False], ids=["styled", "style blocks removed"])
@pytest.mark.parametrize("name", [*ALL, "hebrew"])
def test_c1_no_sideways_scrolling(window: Window, name: str, styled: bool) -> None:
    markup = mail(name) if styled else without_styles(mail(name))
    window.show(markup)
    for width in (280, 320, PHONE, 600):
        window.page.set_viewport_size({"width": width, "height": 800})
        root = "document.documentElement"
        scroll, client = window.measure(f"[{root}.scrollWidth, {root}.clientWidth]")
        assert client == width
        assert scroll <= client, f"{name} at {width} px is {scroll} px wide"


LINKS = """() => [...document.querySelectorAll('a')].map(link => {
    const boxes = [link, ...link.children].map(one => one.getBoundingClientRect())
    const first = link.getClientRects()[0]
    const top = Math.min(...boxes.map(box => box.top)), bottom = Math.max(...boxes.map(box => box.bottom))
    const hits = [top + 1, (top + bottom) / 2, bottom - 1].map(y => document.elementFromPoint(first.left + 5, y))
    return [link.innerText, bottom - top, hits.every(hit => link.contains(hit))]
})"""


@every_edition
def test_a8_a_thumb_hits_every_link_on_a_phone(window: Window, name: str) -> None:
    window.show(mail(name), width=PHONE)
    window.grow()
    links = window.measure(LINKS)
    assert len(links) >= 4
    assert [(text, height) for text, height, _ in links if height < THUMB] == []
    assert [text for text, _, hit in links if not hit] == []  # something else lies over it


@every_edition
def test_a8_a_pointer_hits_every_link_elsewhere(window: Window, name: str) -> None:
    for markup, width in ((mail(name), DESKTOP), (without_styles(mail(name)), PHONE)):
        window.show(markup, width=width)
        assert [(text, height) for text, height, _ in window.measure(LINKS) if height < POINTER] == []


@every_edition
def test_c11_no_table_is_too_tall_for_word(window: Window, name: str) -> None:
    window.show(mail(name), width=600)
    script = "Math.max(...[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().height))"
    assert window.measure(script) < 1_790


# Colour

COLOURS = """() => {
    const found = new Map()
    const note = (element, text) => {
        let behind = element
        while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement
        const pair = [getComputedStyle(element).color, behind ? getComputedStyle(behind).backgroundColor : 'none']
        found.set(pair.join(), [...pair, text])
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const range = document.createRange()
    while (texts.nextNode()) {
        range.selectNode(texts.currentNode)
        if (texts.currentNode.data.trim() && range.getClientRects().length)
            note(texts.currentNode.parentElement, texts.currentNode.data.trim())
    }
    for (const image of document.images) note(image, image.alt)
    return [...found.values()]
}"""

Colour = tuple[int, ...]


def colours(window: Window) -> list[tuple[Colour, Colour, str]]:
    """Colour of the letters, colour behind them, and an example, of all that is shown, the words for images too."""
    found = []
    for text, behind, example in window.measure(COLOURS):
        assert re.fullmatch(r"rgb\(.*\)", text), f"{text}: {example}"
        assert re.fullmatch(r"rgb\(.*\)", behind), f"{behind}: {example}"
        found.append((numbers(text), numbers(behind), example))
    assert len(found) >= 2
    return found


def numbers(colour: str) -> Colour:
    return tuple(map(int, re.findall(r"\d+", colour)))


def written(colour: Colour) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour)


def inverted(colour: Colour) -> Colour:
    return tuple(255 - channel for channel in colour)


def turned(colour: Colour) -> Colour:
    """`hue-rotate(180deg)`: the matrix of Filter Effects 1, section 8.5, for cos = -1 and sin = 0."""
    red, green, blue = colour
    rows = ((-0.574, 1.43, 0.144), (0.426, 0.43, 0.144), (0.426, 1.43, -0.856))
    return tuple(round(min(255, max(0, a * red + b * green + c * blue))) for a, b, c in rows)


@pytest.mark.parametrize("name", [*ALL, "hebrew"])
def test_a6_d1_d3_every_text_can_be_read_in_every_palette(window: Window, name: str) -> None:
    window.show(mail(name))
    light = colours(window)
    window.page.emulate_media(color_scheme="dark")
    dark = colours(window)
    window.page.emulate_media(color_scheme="light")
    window.measure("for (const name of ['ogsc', 'ogsb']) document.documentElement.dataset[name] = ''")
    outlook = colours(window)
    window.show(without_styles(mail(name)), dark=True)
    plain = colours(window)
    inversion = [(inverted(text), inverted(behind), example) for text, behind, example in light]
    palettes = {
        "light": light,
        "dark": dark,
        "Outlook.com's dark": outlook,
        "without style blocks": plain,
        "inverted": inversion,
        "inverted, with hues turned back": [(turned(text), turned(behind), said) for text, behind, said in inversion],
    }
    for palette, found in palettes.items():
        for text, behind, example in found:
            ratio = contrast(written(text), written(behind))
            assert ratio >= LEAST_CONTRAST, f"{palette}: {ratio:.2f} for {example!r}"
    assert {written(behind) for _, behind, _ in light + plain} == {PAPER}
    assert {written(behind) for _, behind, _ in dark + outlook} == {PAPER_DARK}
    assert set(dark) == set(outlook)


SPOTS = """() => {
    const spots = [], range = document.createRange()
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) {
        range.selectNode(texts.currentNode)
        const box = range.getClientRects()[0]
        if (texts.currentNode.data.trim().length > 3 && box)
            spots.push([box.left, box.top, box.width, box.height, texts.currentNode.data.trim()])
    }
    return spots
}"""
# The paper of a text is the colour that most of its points have; its ink, the one that differs most from it. Letters
# have soft edges, so a thin stroke never quite has its colour: what is measured is a little less than what there is.
INKS = """async ([picture, spots]) => {
    const image = new Image()
    image.src = picture
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = image.width
    canvas.height = image.height
    const drawing = canvas.getContext('2d', {willReadFrequently: true})
    drawing.drawImage(image, 0, 0)
    return spots.map(([left, top, width, height, text]) => {
        const points = drawing.getImageData(2 * left, 2 * top, 2 * width, 2 * height).data
        const counts = new Map()
        for (let at = 0; at < points.length; at += 4) {
            const colour = points[at] << 16 | points[at + 1] << 8 | points[at + 2]
            counts.set(colour, (counts.get(colour) ?? 0) + 1)
        }
        const split = colour => [colour >> 16, colour >> 8 & 255, colour & 255]
        const by = [...counts].sort((one, other) => other[1] - one[1]).map(([colour]) => split(colour))
        const far = colour => colour.reduce((sum, channel, index) => sum + Math.abs(channel - by[0][index]), 0)
        return [by.reduce((one, other) => far(other) > far(one) ? other : one), by[0], text]
    })
}"""


@pytest.mark.parametrize("drawn", ["light", "dark", "inverted"])
def test_a6_d3_the_ink_on_the_screen_has_contrast(window: Window, desk: Window, drawn: str) -> None:
    window.show(without_images(mail("golden")), width=600, dark=drawn == "dark")
    window.grow()
    spots = window.measure(SPOTS)
    if drawn == "inverted":  # drawn by the browser's own filter, laid over the whole
        window.measure(
            "document.body.insertAdjacentHTML('beforeend', '<div style=\"position: absolute; inset: 0; height: "
            "' + document.documentElement.scrollHeight + 'px; backdrop-filter: invert(1) hue-rotate(180deg)\"></div>')"
        )
    picture = "data:image/png;base64," + base64.b64encode(window.page.screenshot()).decode()
    desk.page.unroute_all()  # a data: address leads nowhere
    inks = desk.measure(INKS, [picture, spots])
    assert len(inks) > 60
    papers = {written(tuple(behind)) for _, behind, _ in inks}
    assert papers == {{"light": PAPER, "dark": PAPER_DARK, "inverted": "#000000"}[drawn]}
    for ink, behind, text in inks:
        assert contrast(written(tuple(ink)), written(tuple(behind))) >= LEAST_CONTRAST, text


def without_images(markup: str) -> str:
    return re.sub(r"<img[^>]*>", "", markup)


# Images, direction, network


def test_i11_images_off_leaves_their_words(window: Window) -> None:
    for markup in (mail("golden"), without_styles(mail("golden"))):
        for width in (280, PHONE, DESKTOP):
            window.show(markup, width=width)
            images = window.measure("[...document.images].map(i => [i.naturalWidth, i.alt, i.offsetWidth])")
            assert len(images) == 2
            for natural, words, shown in images:
                assert natural == 0
                assert words.startswith("A picture from the paper: ")
                assert 20 < shown <= width
            assert window.measure("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("styled", [True, False], ids=["styled", "style blocks removed"])
def test_i11_images_on_keep_their_shape_and_the_column(window: Window, styled: bool) -> None:
    wide = '<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="600"><rect width="9" height="9"/></svg>'
    assert window.page.context.browser
    with window.page.context.browser.new_context() as apart:  # or the other tests' images would come from its memory
        fetching = Window(apart.new_page())
        fetching.page.route(
            "https://pictures.example.org/*", lambda way: way.fulfill(body=wide, content_type="image/svg+xml")
        )
        fetching.show(mail("golden") if styled else without_styles(mail("golden")))
        for width in (280, PHONE, DESKTOP):
            fetching.page.set_viewport_size({"width": width, "height": 800})
            column = fetching.measure("document.querySelector('h1').getBoundingClientRect().width")
            shapes = fetching.measure("[...document.images].map(i => [i.width, i.height])")
            assert shapes == [[round(column), round(column / 2)]] * 2
            assert fetching.measure("document.documentElement.scrollWidth") <= width


PLACES = """() => {
    const range = document.createRange()
    const place = selector => {
        range.selectNodeContents(document.querySelector(selector))
        const box = range.getBoundingClientRect()
        return [box.left, box.right]
    }
    const why = getComputedStyle(document.querySelector('.why'))
    return {
        name: place('.masthead p'), links: place('.aside p'), column: place('.column'), words: place('h1'),
        edges: [why.borderLeftWidth, why.borderRightWidth],
    }
}"""


@pytest.mark.parametrize("styled", [True, False], ids=["styled", "style blocks removed"])
def test_a_right_to_left_language_mirrors_the_mail(window: Window, styled: bool) -> None:
    shown = {}
    for language in (HEBREW.language, edition("right to left").language):
        markup = replace(HEBREW, language=language).parts().html
        window.show(markup if styled else without_styles(markup))
        shown[language.code] = window.measure(PLACES)
    hebrew, english = shown["he"], shown["en"]
    assert (hebrew["edges"], english["edges"]) == (["0px", "3px"], ["3px", "0px"])
    assert english["name"][0] == english["words"][0] == english["column"][0]
    assert hebrew["name"][1] == hebrew["words"][1] == hebrew["column"][1]
    assert english["links"][1] == english["column"][1]
    assert hebrew["links"][0] == hebrew["column"][0]
    assert hebrew["links"][1] < hebrew["name"][0]


@every_edition
def test_nothing_is_asked_of_the_network_and_nothing_goes_wrong(window: Window, name: str) -> None:
    for dark in (False, True):
        window.show(mail(name), dark=dark)
        window.measure("new Promise(requestAnimationFrame)")
        pictures = {unescape(src) for src in re.findall(r'<img[^>]* src="([^"]*)"', mail(name))}
        assert set(window.asked) == pictures
        assert [said for said in window.said if "ERR_FAILED" not in said or not pictures] == []
        assert bool(pictures) == look(name).thumbnails


def test_no_script_of_a_paper_runs(window: Window) -> None:
    opened: list[str] = []

    def note(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    window.page.on("dialog", note)
    window.show("<script>alert('seen')</script>")
    assert opened == ["seen"]
    window.show(mail("hostile"))
    window.measure("new Promise(requestAnimationFrame)")
    window.page.remove_listener("dialog", note)
    assert opened == ["seen"]
    assert window.measure("document.scripts.length + document.images.length") == 0


# What the clients see


def test_d1_dark_screens_get_the_dark_palette(window: Window) -> None:
    for dark, paper in ((False, PAPER), (True, PAPER_DARK)):
        window.show(mail("many"), dark=dark)
        assert written(numbers(window.measure("getComputedStyle(document.body).backgroundColor"))) == paper


def test_i2_the_preheader_is_not_seen(window: Window) -> None:
    for markup in (mail("many"), without_styles(mail("many"))):
        window.show(markup)
        assert window.measure("document.querySelector('.preheader').getClientRects().length") == 0


COMPUTED = """() => [...document.querySelectorAll('body, body *')].map(element => {
    const style = getComputedStyle(element)
    return [...style].map(name => name + ':' + style.getPropertyValue(name)).join(';')
})"""


@pytest.mark.parametrize("inliner", INLINERS)
@pytest.mark.parametrize(("width", "dark"), [(PHONE, False), (DESKTOP, True)], ids=["phone", "dark desktop"])
def test_inlining_cannot_be_seen(window: Window, inliner: str, width: int, dark: bool) -> None:
    """The document before inlining, styled by its blocks alone, and after it: every property of every element."""
    trips: list[str] = []

    def spy(document: str) -> str:
        trips.extend([document, INLINERS[inliner](document)])
        return trips[1]

    replace(GOLDEN, look=replace(GOLDEN.look, thumbnails=False)).compiled(spy)
    computed = []
    for markup in trips:
        window.show(markup, width=width, dark=dark)
        computed.append(window.measure(COMPUTED))
    assert len(computed[0]) > 150
    assert computed[0] == computed[1]
