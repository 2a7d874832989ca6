"""A sentence taken out of its place: without what ties it to the one before, and shorter where it has to be.

The claim stays what the authors made it. A hedge ("to our knowledge", "suggest", "may") is never taken off, nor where
or on whom something was found ("on mice", "in simulation"), nor with what it was compared.
"""

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
_SOLVE = (
    r"(?:address|tackle|solve|overcome|mitigate|avert|avoid|alleviate|remedy|handle|resolve|fill|bridge|close|study"
    r"|investigate|explore)(?:e?s)?"
)
_DEED = (
    rf"(?:\w+ly )?(?:{_PROPOSE}|{_SOLVE}|devise|build|create|construct|formulate|formali[sz]e|establish|describe"
    r"|provide|release|collect|curate|adopt|extend|examine|analy[sz]e|consider|revisit|look|take|go|aim"
    r"|coin|combine|offer|compile|conduct|survey|learn(?! that)|employ|set)(?:e?s|e?d)?\b"
)
"""What authors do, and not what they found."""
_SHOW = r"(?:show|demonstrate|reveal|confirm|verify|prove|find)(?:s|e?d|n)?"
_VOID = r"(?i:(?:our|the|these|extensive|comprehensive|experimental|empirical|thorough|additional|and) )*"
_STUDIES = r"(?i:experiments?|results?|evaluations?|analys[ei]s|findings?)"

_HEDGE = re.compile(
    r"\b(?:(?:our|my) (?:best )?knowledge|may|might|could|perhaps|possibly|probably|(?:un)?likely|potentially|appear\w*"
    r"|seem\w*|suggest\w*|indicat\w*|impl(?:y|ies)|hint\w*|tend(?:s|ed)?|hypothe\w+|conjectur\w+|speculat\w+|believe\w*"
    r"|preliminar\w+|tentativ\w+|partly|partially|mostly|sometimes|only|unless|except|excluding|assum\w+|provided that"
    r"|depending|conditional|conditioned|subject to)\b",
    re.IGNORECASE,
)
"""Says how sure the authors are, or how far it holds."""

_CONNECTIVES = _one_of(r"""
    but|however|even so|yet|nevertheless|nonetheless|still|instead|rather|conversely
    (?:in|by) contrast|on the (?:contrary|other hand)|at the same time|more generally
    moreover|furthermore|additionally|in addition|besides|also|further|similarly|likewise|meanwhile|in parallel
    as an? (?:added |additional )?(?:bonus|benefit|byproduct)|(?:more )?interestingly
    therefore|thus|hence|so|accordingly|consequently|subsequently|as such|in (?:turn|response)
    as (?:a|the) (?:result|consequence)
    first(?:ly)?|second(?:ly)?|third(?:ly)?|fourth(?:ly)?|next|then|lastly|finally|last but not least|to begin(?: with)?
    (?:more )?(?:specifically|concretely|precisely|particularly|importantly|notably|crucially|critically)
    in particular|in fact|indeed|that is|in other words|to be (?:specific|precise)|of note
    overall|in (?:summary|conclusion|short|brief|sum)|to (?:conclude|summari[sz]e|sum up)
    taken together|here(?:in)?
    in this (?:regard|respect|direction|vein|light|spirit)
    (?:in|by) (?:doing so|so doing)|to do (?:so|this|that)|with (?:this|that|these)(?: \w+)? in mind
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
        r"(?:in|with|through|as part of) (?:this|our|(?:this |the )(?:present|current|short|new|technical|research))"
        r" (?:paper|work|study|article|survey|review|report|thesis|letter|tutorial)"
        rf"(?:, (?:(?:however|therefore|thus), )?| (?={_WE}))",
        # The headings of medical abstracts; "AIM: To compare" would not be a sentence without.
        r"(?:(?-i:[A-Z][A-Z/&' ]{3,40})|background|objectives?|methods?|results?|findings|conclusions?): (?!to )",
        r"(?-i:(?:CONCLUSIONS?|Conclusions?|RESULTS?|Results|METHODS?|OBJECTIVES?|BACKGROUND|Background) (?=[A-Z]))",
        # "To avert this problem, we build", "While such models excel, we study"; not "On these data, we find".
        rf"(?:to|towards?|motivated|inspired|driven|guided|encouraged|drawing|buil[dt]|building|based|given|considering"
        rf"|recogni[sz]ing|observing|noting|while|whereas|although|though|despite|since|as|because|due|owing|leveraging"
        rf"|using|rather|instead|unlike|in (?:order|light|view|response|contrast|pursuit)|with) "
        rf"(?=[^,;:]{{0,90}}\b{_POINTER})(?!(?:this|our) {_PAPER})[^;:]{{2,160}}?,"
        rf" (?={_WE} (?:(?:also|then|further|thus|first) )?{_DEED})",
        r"we (?:go|take this) (?:one|a) step (?:further|forward): ",
        # "Our extensive experiments show that", and not "Experiments on mice show that": those are said of mice.
        rf"{_VOID}{_STUDIES}"
        rf" (?:also |further |clearly )?{_SHOW}(?: that,? | (?=(?:our|the proposed) [^.,;]{{0,50}}?"
        r" (?:outperform|achieve|surpass|exceed|improve|reduce|match)e?s?\b))",
        rf"{_EASTERN_CONNECTIVES}[，、,]\s*",
    )
)
_MOST_OPENINGS = 4

_ADVERB = re.compile(
    rf"^(We|I|This {_PAPER}|Our \w+) (?:also|further|then|thus|hence|therefore|additionally|furthermore|finally|instead"
    r"|next|first|subsequently|consequently|accordingly|moreover) (?=\w)"
)
# "We address this issue and introduce A", "We tackle these problems by introducing A": A is the news.
_POINTING_DEED = re.compile(
    rf"^(We|This {_PAPER}) {_SOLVE} (?={_POINTER})(?!this {_PAPER})[^,;:]{{3,70}}?"
    rf" (?:and (?={_PROPOSE}s?\b)|by (?=(?:propos|introduc|present|develop|design)ing\b))"
)
_DOING = re.compile(rf"^(?:(We)|This {_PAPER}) (?:(propos|introduc)|(present|develop|design))ing\b")
# "Experiments on A, B and C show that D" -> "On A, B and C, D". Not where they are about A: "on the role of A".
_ON_WHAT = re.compile(
    rf"^{_VOID}(?:tests|{_STUDIES}) (on|in|across)"
    rf" (?=(?:(?! {_SHOW} )[^;:]){{0,140}}?"
    r"(?:[A-Z0-9]|(?i:\b(?:datasets?|benchmarks?|tasks|models|domains|classification)\b)))"
    rf"((?:(?! (?:of|the|how|whether) )[^;:]){{3,140}}?),? (?:also |further |clearly )?(?:{_SHOW}|validates?) that ",
)
# "We propose A to address these issues." Not "the first to address these issues", nor "able to".
_POINTING_PURPOSE = re.compile(
    rf"(?<=.)(?:,? designed)?,? (?:to (?:\w+ly )?|for |that (?:\w+ly )?)"
    rf"(?:{_SOLVE}|(?:address|solv|tackl|overcom|mitigat|avert|alleviat|resolv)ing|achieve)"
    r" (?:all |both )?(?:this|these|such|those|the above)(?: [\w-]+){1,3}(?=\.$)"
)
_PROPOSAL = re.compile(
    rf"(?:(?:we|i|this {_PAPER}) {_DEED}|an? [^.;]{{3,140}}\b(?:is|are) (?:propos|introduc|present|develop)ed\b)"
    r"(?!.*(?:\d ?%|\b(?:first|only|able|ways?|how|show\w*|f[io]und?|demonstrat\w+|prov(?:e|es|ed|ing)|observ\w+)\b))",
    re.IGNORECASE,
)
"""A sentence that offers something, and states no finding."""

# Why the authors did it, before what they did: "Motivated by the need for X, we", "To reduce Y, we".
_REASON = re.compile(
    r"(?:to|towards?|motivated|inspired|driven|guided|encouraged|drawing|building|based|intending|observing|noting"
    r"|recogni[sz]ing|considering|given|moving|unlike|in contrast|different|compared|despite|while|whereas|although"
    r"|though|since|as|because|due|owing|in order|in light|in view|in agreement|in response|with the"
    r"|utili[sz]ing|leveraging|employing)\b"
    rf"[^.;:]{{3,220}}?, (?={_WE}|(?-i:[A-Z][\w+-]*[A-Z0-9][\w+-]*) (?:\w+ly )?[a-z]+s\b)",
    re.IGNORECASE,
)
_MOTIVE = re.compile(r"(?:motivated|inspired|driven|encouraged) by\b", re.IGNORECASE)
# What came of it, behind what they did: ", enabling fast search in large archives". No comma may follow, else it might
# stand in the middle of the clause; but for lists, which are known by how they begin.
_OUTCOME = (
    r"(?:thereby |thus |hence |\w+ly |and (?:thus |thereby )?)?(?:enabl|allow|mak|lead|yield|result|highlight|underscor"
    r"|offer|provid|open|facilitat|ensur|enhanc|support|mark|bridg|advanc|contribut|help|emphasi[sz]|inform|showcas|bypass"
    r"|outperform|surpass)ing|paving the way"
)
_AND_MORE = (
    r"and (?:\w+ly )?(?:is|are|has|have|advances|achieves|shows|improves|reduces|outperforms|generali[sz]es|provides"
    r"|offers|demonstrates|enables|allows|benefits|it|our|we)"
)
_WORDS = r"(?:[^,;:()]|\([^()]*\))"
_AFTERTHOUGHT = re.compile(
    rf", (?:(?:{_OUTCOME})\b(?! and\b| or\b){_WORDS}{{12,}}|{_AND_MORE}\b[^;()]{{12,}})$"
    r"|, (?:such as|including)\b(?![^;:()]*, (?:we|i|it|they|the|this|our|which|but)\b)[^;:()]{12,}$"
    r"|,? (?:instead of|while (?:maintaining|preserving|retaining|keeping|enjoying))\b[^,;:()]{8,}$"
)
_SERIES = re.compile(r", (?:[a-z]+s|can) [a-z]")  # "reduces A, adapts to B, and is C": none of it goes
_AFTERTHOUGHT_OF_PROPOSAL = re.compile(
    r", (?:"
    r"(?:which|where|whose|thereby|thus|hence|while \w+ing|and \w+ing|\w+ing|without|with)\b(?! and\b| or\b)"
    r"[^,;:()]{12,}"
    r"|an? [^,;:()]{20,}"
    r"|(?:including|such as|covering|spanning|ranging|namely|either)\b[^;:()]{12,}|in an? [\w-]+ (?:way|manner|fashion)"
    r")$"
)
# A list of parts: ", which consists of: (1) an encoder, (2) ...". Not where the list is the object: "we find that: 1)".
_ENUMERATION = re.compile(
    r"(?:, (?:which|that|consisting|comprising|including|namely)\b[^,;:]{0,40}"
    r"|(?<! of)(?<! by)(?<! is)(?<! as)(?<! to)(?<! are)(?<! for)(?<! that)(?<! us)(?<! include)(?<! includes))"
    r": \(?(?:1|i|a)[.)].*$"
)
_ASIDE = re.compile(r" \((?:e\.g\.|i\.e\.|cf\.|see|for example|such as)[^()]*\)")
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


def is_hedge(text: str) -> bool:
    """Whether `text` says how sure the authors are, or how far a claim holds: it is not to be taken off one."""
    return bool(_HEDGE.search(text))


def without_ties(sentence: str) -> str:
    """`sentence` without what it begins with to hang on the one before: "However, to this end, we show" -> "We show".

    What is left is a sentence of its own, with a capital. Where the authors say in one breath what they do about
    "this problem" and with what, the latter stays: "We address this issue by introducing A" -> "We introduce A".
    """
    text = sentence
    for _ in range(_MOST_OPENINGS):
        opening = next((found for pattern in _OPENINGS if (found := pattern.match(text)) and found.end()), None)
        if opening is None or opening.end() >= len(text) or is_hedge(opening[0]):
            break
        text = _capitalised(text[opening.end() :])
    text = _DOING.sub(_finite, _POINTING_DEED.sub(r"\1 ", _ADVERB.sub(r"\1 ", text)))
    text = _ON_WHAT.sub(lambda found: f"{found[1].capitalize()} {found[2]}, ", text)
    aimless = _POINTING_PURPOSE.sub("", text)
    return aimless if len(aimless) >= _LEAST_LEFT and _PROPOSAL.match(text) else text


def _finite(verb: re.Match[str]) -> str:
    """ "We introducing" -> "We introduce", "This paper presenting" -> "This paper presents"."""
    stem = verb[0].removesuffix("ing") + ("e" if verb[2] else "")
    return stem if verb[1] else f"{stem}s"


def shorter_forms(text: str) -> Iterator[str]:
    """Complete sentences that say less than `text`, the longest first: no aside or list, afterthought, reason."""
    seen = {text}
    text = _ENUMERATION.sub(_unless_hedged, _ASIDE.sub(_unless_hedged, text))
    reason = _REASON.match(text)
    main = reason.end() if reason and _is_aside(reason, text) else 0
    news = _capitalised(text[main:]) if main else text
    for form in (text, _without_afterthought(text, main), news, _without_afterthought(news)):
        if form not in seen:
            seen.add(form)
            yield form


def _unless_hedged(found: re.Match[str]) -> str:
    """What an aside, or a list at the end, leaves behind."""
    if is_hedge(found[0]):
        return found[0]
    return "" if found[0].startswith(" ") else "."


def _is_aside(reason: re.Match[str], text: str) -> bool:
    """Whether `text` claims the same without `reason`: a finding is bound to most of what stands before it."""
    if is_hedge(reason[0]):
        return False
    return bool(_PROPOSAL.match(text, reason.end()) or _MOTIVE.match(reason[0]))


def _without_afterthought(text: str, main: int = 0) -> str:
    """`text`, whose main clause begins at `main`, up to its afterthought, unless next to nothing would be left."""
    stop = text[-1:] if text[-1:] in ".!" else ""
    offer = _PROPOSAL.match(text, main)
    found = (_AFTERTHOUGHT_OF_PROPOSAL if offer else _AFTERTHOUGHT).search(text.removesuffix(stop))
    if not found or found.start() - main < _LEAST_LEFT or is_hedge(found[0]):
        return text
    if found[0].startswith(", and") and _SERIES.search(text, main, found.start()):
        return text
    return text[: found.start()] + stop


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
