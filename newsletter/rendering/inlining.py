"""Writing the style rules into the elements, behind one small function: `inline(html) -> html`.

Any function may stand in for the shipped one that keeps to this: every element, attribute, text and comment comes out
as it went in, in the same order (`<tbody>` may be added); the rules of unmarked style blocks become `style` attributes
as the cascade has it, and the blocks go; blocks marked `data-premailer="ignore" data-css-inline="keep"` and conditional
comments come out byte for byte; the document still begins with `<!DOCTYPE html>`; nothing is fetched.
"""

from __future__ import annotations

import logging
import warnings


def premailer_inline(html: str) -> str:
    """`html` with the rules of its inlinable style blocks written into the elements, by premailer.

    Blocks marked `data-premailer="ignore"` come out as they are. Nothing is fetched, as long as no rule is an @import,
    which cssutils would follow (`checks.check_before_inlining` refuses them). Takes about 4 ms for 26 kB.
    premailer and cssutils are imported here because that takes longer than all the rest of a small run.
    """
    from premailer.premailer import Premailer, cssutils

    # Both switches of cssutils are global to the process. Short colours (#fff) are not understood by every client.
    cssutils.ser.prefs.minimizeColorHash = False
    inliner = Premailer(
        html,
        keep_style_tags=False,  # True would send all base rules twice
        strip_important=False,  # True, its default, ends every media query
        remove_classes=False,  # the small-screen and dark rules need them
        exclude_pseudoclasses=True,
        include_star_selectors=False,
        disable_basic_attributes=["width", "height", "bgcolor", "align", "valign"],
        align_floating_images=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
        cache_css_parsing=True,
        remove_unset_properties=True,
        capitalize_float_margin=False,
        base_url=None,
        preserve_internal_links=True,
        preserve_inline_attachments=True,
        allow_network=False,
        allow_loading_external_files=False,
        method="html",
    )
    with warnings.catch_warnings():
        # premailer 3.10 calls re.split(pattern, text, 1), which Python 3.13 deprecates.
        warnings.filterwarnings("ignore", message="'maxsplit' is passed as positional", category=DeprecationWarning)
        return str(inliner.transform(pretty_print=False))  # pretty printing adds white space between inline elements
