"""The inliners that keep to the contract of `newsletter.rendering.inlining`, and how inlined styles are compared."""

from __future__ import annotations

from collections.abc import Callable

import css_inline
import tinycss2

from newsletter.rendering.inlining import premailer_inline

_CSS_INLINE = css_inline.CSSInliner(
    inline_style_tags=True,
    keep_style_tags=False,  # True would send all base rules twice; blocks marked "keep" stay in any case
    keep_at_rules=False,  # they stand in marked blocks; True would move them before the charset
    keep_link_tags=False,
    load_remote_stylesheets=False,
    base_url=None,
)


def css_inline_inline(html: str) -> str:
    """`html` inlined by css-inline, which parses as browsers do: it adds `<tbody>`. Rules of marked blocks that stand
    outside at-rules are written into the elements as well as kept. Raises UnicodeEncodeError for a lone surrogate."""
    return _CSS_INLINE.inline(html)


INLINERS: dict[str, Callable[[str], str]] = {"premailer": premailer_inline, "css-inline": css_inline_inline}


def declarations(style: str) -> dict[str, str]:
    """Property -> value of a style attribute or a rule's body, free of the writer's spaces, quotes and letter case."""
    parsed = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    assert all(one.type == "declaration" for one in parsed), style
    found = {}
    for one in parsed:
        value = " ".join(tinycss2.serialize(one.value).split()).replace(", ", ",")
        found[one.lower_name] = (value.lower() if value.startswith("#") else value) + one.important * " !important"
    return found
