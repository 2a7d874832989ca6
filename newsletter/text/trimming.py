"""A sentence taken out of its place: without what ties it to the one before, and shorter where it has to be."""

from __future__ import annotations

import re
from collections.abc import Iterator


def _one_of(lines: str) -> str:
    """A pattern for any of the phrases in `lines`; only for the eye are they on several."""
    return "(?:" + "|".join(line.strip() for line in lines.strip().splitlines()) + ")"


_PAPER = r"(?:[\w-]+ )?(?:paper|work|study|article|survey|review|report|thesis|letter|tutorial)"
_WE = rf"(?:we|i|our|this {_PAPER}|it is)\b"
"""How the main clause begins in which authors say what they did."""
_PROPOSE = r"(?:propose|introduce|present|develop|design)"
_TRY = r"(?:compare|evaluate|test|validate|benchmark|conduct|perform)d?"
_SHOW = r"(?:show|demonstrate|indicate|reveal|confirm|verify|validate|suggest|prove|find|observe)(?:s|ed|n)?"
_STUDIES = r"(?:experiments?|results?|evaluations?|analys[ei]s|studies|study|simulations?|findings?|tests|ablations?)"

_CONNECTIVES = _one_of(r"""
    but|however|even so|yet|nevertheless|nonetheless|still|instead|rather|conversely
    (?:in|by) contrast|on the (?:contrary|other hand)|at the same time
    moreover|furthermore|additionally|in addition|besides|also|further|similarly|likewise|meanwhile|in parallel
    as an? (?:added |additional )?(?:bonus|benefit|byproduct)|(?:more )?interestingly
    therefore|thus|hence|so|accordingly|consequently|subsequently|as such|in (?:turn|response)
    as (?:a|the) (?:result|consequence)
    first(?:ly)?|second(?:ly)?|third(?:ly)?|fourth(?:ly)?|next|then|lastly|finally|last but not least|to begin(?: with)?
    (?:more )?(?:specifically|concretely|precisely|particularly|importantly|notably|crucially|critically|generally)
    formally|technically|empirically|experimentally|theoretically|practically|conceptually|collectively|intuitively
    in particular|in fact|indeed|for (?:instance|example)|that is|in other words|to be (?:specific|precise)|of note
    overall|in (?:summary|conclusion|short|brief|sum|total)|to (?:conclude|summari[sz]e|sum up)
    (?:taken |all )?together|altogether|to (?:the best of )?our knowledge|here(?:in)?
    in (?:this|such a) (?:way|regard|respect|context|setting|direction|vein|light|manner|spirit)
    (?:in|by) (?:doing so|so doing)|to do (?:so|this|that)|with (?:this|that|these)(?: \w+)?(?: in mind)?
    to(?:wards?)? (?:this|that|these)(?: \w+)?|for (?:this|that|these) (?:purpose|end|aim|goal|reason)s?
    to (?:achieve|accomplish|reali[sz]e|attain|enable|facilitate) (?:this|that|it)
""")
"""They say how a sentence hangs on the one before, and nothing of their own."""

_BARE_CONNECTIVES = (
    r"(?:finally|thus|hence|therefore|then|next|first|second|third|lastly|also|here(?:in)?|and|but|so|further)"
)
"""The same without a comma, before "we"."""

_EASTERN_CONNECTIVES = (
    "(?:为此|因此|然而|此外|但是|具体来说|具体而言|最后|首先|其次|另外|同时"
    "|為此|具體來說|最後|同時|そこで|しかし|また|さらに|そのため)"
)

_POINTER = _one_of(r"""
    (?:this|these|those|such|them|it|its|their|other|another|further)\b(?! as\b| that\b| of\b)
    the (?:above|aforementioned|latter|former|issues?|problems?|challenges?|gaps?)\b(?! of\b| in\b)
""")
"""Points at something that was said before."""

_OPENINGS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:and |but )?{_CONNECTIVES},\s*(?:and )?",
        rf"{_BARE_CONNECTIVES} (?={_WE})",
        r"\((?:\d|[ivx]{1,4}|[a-d])\) |(?:[1-9]|i{1,3})[.)]+ (?=\w)",  # the number in a list
        rf"(?:in|with|through|as part of) (?:this|the present|the current|our) {_PAPER}"
        rf"(?:, (?:(?:however|therefore|thus), )?| (?={_WE}))",
        # The headings of medical abstracts; "AIM: To compare" would not be a sentence without.
        r"(?:(?-i:[A-Z][A-Z/&' ]{3,40})|background|objectives?|methods?|results?|findings|conclusions?): (?!to )",
        r"(?-i:(?:CONCLUSIONS?|Conclusions?|RESULTS?|Results|METHODS?|OBJECTIVES?|BACKGROUND|Background) (?=[A-Z]))",
        # "To avert this problem, we", "Motivated by these findings, we", "While such models excel, we"
        rf"(?!{_WE})[a-z]+ (?=[^,;:]{{0,90}}\b{_POINTER})(?!(?:this|our) {_PAPER})[^;:]{{2,160}}?, (?={_WE})",
        r"we (?:go|take this) (?:one|a) step (?:further|forward): ",
        # "Extensive experiments on A, B and C show that", "They suggest that", "We evaluate on A and find that"
        r"(?:(?:our|the|these|extensive|comprehensive|experimental|empirical|thorough|additional|numerical|and) )*"
        rf"{_STUDIES}\b[^;]{{0,140}}? {_SHOW}(?: that,? | (?=(?:our|the proposed) [^.,;]{{0,50}}?"
        r" (?:outperform|achieve|surpass|exceed|improve|reduce|match)e?s?\b))",
        rf"(?:it|they|this|these \w+|our (?:results|findings|experiments)) (?:\w+ )?{_SHOW} that ",
        rf"we (?:\w+ly |first )?{_TRY}\b[^;]{{3,180}}? (?:and|to) {_SHOW} that ",
        rf"{_EASTERN_CONNECTIVES}[，、,]\s*",
    )
)
_MOST_OPENINGS = 4

_ADVERB = re.compile(
    rf"^(We|I|This {_PAPER}) (?:also|further|then|thus|hence|therefore|additionally|furthermore|finally|instead|next"
    r"|first|subsequently|consequently|accordingly|moreover) (?=\w)"
)
# "We compare A with B and show better C": the trial goes, what it showed stays.
_TRIAL = re.compile(
    rf"^We (?:\w+ly |first )?{_TRY}\b[^;]{{3,180}}? and (?=(?:show|achieve|find|demonstrate|observe)\b)"
)
# "We address this issue and introduce A", "We tackle these problems by introducing A": A is the news.
_POINTING_DEED = re.compile(
    rf"^(We|This {_PAPER}) (?:\w+ ){{1,4}}?(?={_POINTER})(?!this {_PAPER})[^,;:]{{3,70}}?"
    rf" (?:and (?={_PROPOSE}s?\b)|by (?=(?:propos|introduc|present|develop|design)ing\b))"
)
_DOING = re.compile(rf"^(?:(We)|This {_PAPER}) (?:(propos|introduc)|(present|develop|design))ing\b")
_POINTING_PURPOSE = re.compile(
    r",? (?:(?:designed |able )?to (?:\w+ly )?|for |by |that (?:\w+ly )?|which (?:\w+ly )?|)"
    r"(?:address|solv|tackl|overcom|mitigat|avert|avoid|alleviat|remed|handl|resolv|fill|bridg|clos|achiev|exploit)"
    r"(?:e|es|s|y|ies|ing)? (?:all |both )?(?:this|these|such|those|the above)(?: [\w-]+){1,3}(?=\.$)"
)

# Why the authors did it, before what they did: "Motivated by the need for X, we", "To reduce Y, we".
_REASON = re.compile(
    r"(?:to|towards?|motivated|inspired|driven|guided|encouraged|drawing|building|based|intending|observing|noting"
    r"|recogni[sz]ing|considering|given|moving|unlike|in contrast|different|compared|despite|while|whereas|although"
    r"|though|since|as|because|due|owing|in order|in light|in view|in agreement|in response|with the"
    r"|utili[sz]ing|leveraging|employing)\b"
    rf"[^.;:]{{3,220}}?, (?={_WE}|(?-i:[A-Z][\w+-]*[A-Z0-9][\w+-]*) (?:\w+ly )?[a-z]+s\b)",
    re.IGNORECASE,
)
# What it is good for, behind what they did: ", enabling fast search in large archives". No comma may follow, else
# it might stand in the middle of the clause; but for lists, which are known by how they begin.
_AFTERTHOUGHT = re.compile(
    r", (?:"
    r"(?:which|where|whose|thereby|thus|hence|while \w+ing|and \w+ing|\w+ing|in an?|without|with)\b(?! and\b| or\b)"
    r"[^,;:()]{12,}"
    r"|an? [^,;:()]{20,}"
    r"|(?:including|such as|covering|spanning|depending|ranging|namely|either)\b[^;:()]{12,}"
    r")$"
    r"|,? (?:while \w+ing|when compared|compared (?:to|with)|in comparison (?:to|with))\b[^,;:()]{8,}$"
)
# A list of parts: ", which consists of: (1) an encoder, (2) ...". Not where the list is the object: "we find that: 1)".
_ENUMERATION = re.compile(
    r"(?:, (?:which|that|consisting|comprising|including|namely)\b[^,;:]{0,40}"
    r"|(?<! of)(?<! by)(?<! is)(?<! as)(?<! to)(?<! are)(?<! for)(?<! that)(?<! include)(?<! includes))"
    r": \(?(?:1|i|a)[.)].*$"
)
_ASIDE = re.compile(r" \((?:e\.g\.|i\.e\.|cf\.|see|for example|such as)[^()]*\)| \([^()\d]+ [^()\d]+\)")
_LEAST_LEFT = 60

_CLAUSE = re.compile(
    r"[,;:，；：、،؛]|\s[–—-]+(?=\s)|\s(?=(?:which|that|while|where|whereas|by|without|thereby|and)\s)"
)
_LOOSE_END = re.compile(
    r"(?:[\s,;:，；：、،؛(\[–—-]+"
    r"|\s(?:and|or|the|an?|of|to|with|for|by|in|on|at|that|which|from|as|is|are|its|their|our|via|than|into))+$",
    re.IGNORECASE,
)
_LATE_ENOUGH = 0.75


def without_ties(sentence: str) -> str:
    """`sentence` without what it begins with to hang on the one before: "However, to this end, we show" -> "We show".

    What is left is a sentence of its own, with a capital. Where the authors say in one breath what they do about
    "this problem" and with what, the latter stays: "We address this issue by introducing A" -> "We introduce A".
    """
    text = sentence
    for _ in range(_MOST_OPENINGS):
        opening = next((found for pattern in _OPENINGS if (found := pattern.match(text)) and found.end()), None)
        if opening is None or opening.end() >= len(text):
            break
        text = _capitalised(text[opening.end() :])
    text = _POINTING_DEED.sub(r"\1 ", _TRIAL.sub("We ", _ADVERB.sub(r"\1 ", text)))
    text = _DOING.sub(_finite, text)
    return _POINTING_PURPOSE.sub("", text)


def _finite(verb: re.Match[str]) -> str:
    """ "We introducing" -> "We introduce", "This paper presenting" -> "This paper presents"."""
    stem = verb[0].removesuffix("ing") + ("e" if verb[2] else "")
    return stem if verb[1] else f"{stem}s"


def shorter_forms(text: str) -> Iterator[str]:
    """Complete sentences that say less than `text`, the longest first: no aside or list, afterthought, reason."""
    seen = {text}
    text = _ENUMERATION.sub(".", _ASIDE.sub("", text))
    reason = _REASON.match(text)
    main = reason.end() if reason else 0
    news = _capitalised(text[main:]) if reason else text
    for form in (text, _without_afterthought(text, main), news, _without_afterthought(news)):
        if form not in seen:
            seen.add(form)
            yield form


def _without_afterthought(text: str, main: int = 0) -> str:
    """`text`, whose main clause begins at `main`, up to its afterthought, unless next to nothing would be left."""
    stop = text[-1:] if text[-1:] in ".!" else ""
    found = _AFTERTHOUGHT.search(text.removesuffix(stop))
    return text[: found.start()] + stop if found and found.start() - main >= _LEAST_LEFT else text


def _capitalised(text: str) -> str:
    """With a capital, where the first word is one that is written small only inside a sentence."""
    word = re.match(r"[^\W\d_]+", text)
    ordinary = word and word[0].islower() and (len(word[0]) > 1 or word[0] in "ai") and text[word.end() :][:1] in " ,"
    return text[0].upper() + text[1:] if ordinary else text


def shortened(text: str, limit: int) -> str:
    """`text` cut to at most `limit` characters, `…` included: at a clause that ends late enough, else at a word."""
    if len(text) <= limit:
        return text
    room = limit - 1
    if room <= 0:
        return "…"[: max(limit, 0)]
    head = text[: room + 1]
    clauses = [found.start() for found in _CLAUSE.finditer(head) if found.start() >= _LATE_ENOUGH * room]
    space = head.rfind(" ")
    cut = clauses[-1] if clauses else space if space > room // 2 else room
    head = head[:cut]
    opened = head.rfind("(")
    if opened > len(head) // 2 and ")" not in head[opened:]:
        head = head[:opened]
    return (_LOOSE_END.sub("", head) or head.rstrip()) + "…"
