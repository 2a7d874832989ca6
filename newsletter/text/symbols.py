"""What commands mean: our own short tables first, then pylatexenc's long one, used as a table and nothing else."""

from __future__ import annotations

import unicodedata
from functools import cache

STYLES = {
    "textbf": "strong",
    "emph": "em",
    "textit": "em",
    "textsl": "em",
    "texttt": "code",
    "lstinline": "code",
    "mintinline": "code",
    "textsuperscript": "sup",
    "textsubscript": "sub",
}

DECLARATIONS = {
    "bf": "strong",
    "bfseries": "strong",
    "em": "em",
    "it": "em",
    "itshape": "em",
    "sl": "em",
    "slshape": "em",
    "tt": "code",
    "ttfamily": "code",
}

TEXT_IN_MATHS = frozenset({"text", "textrm", "textnormal", "textsf", "textsc", "textup", "mbox", "hbox", "intertext"})
"""Commands whose argument is prose again, wherever they stand; outside maths they change nothing we show."""

ALPHABETS = frozenset("mathcal mathscr mathfrak mathbf mathrm mathit mathsf mathtt mathnormal boldsymbol bm".split())
"""Alphabets of maths; shown as plain letters, since mathematical alphanumerics cannot be searched or read aloud."""

SILENT = frozenset(
    """
    rm sf sc rmfamily sffamily scshape upshape normalfont mdseries boldmath unboldmath selectfont
    tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge
    displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag
    left right middle big Big bigg Bigg bigl bigr bigm Bigl Bigr Bigm biggl biggr biggm Biggl Biggr Biggm
    xspace noindent indent protect relax leavevmode centering raggedright sloppy allowbreak nobreak nolinebreak
    linebreak bigskip medskip smallskip vfill clearpage newpage maketitle footnotemark textcompwordmark
    ! - / @
    """.split()
)
"""Commands that only set type: nothing to say in a sentence."""

SILENT_WITH_ARGUMENT = (
    dict.fromkeys(
        """
        label ref eqref cref Cref autoref pageref nameref vref color hspace vspace hskip vskip includegraphics index
        pagestyle thispagestyle bibliography bibliographystyle input include usepackage phantom hphantom vphantom
        cite citep citet citealt citealp citeauthor citeyear citeyearpar citenum nocite parencite textcite autocite
        footcite supercite fullcite Cite Citep Citet Parencite Textcite citetext begin end
        """.split(),
        1,
    )
    | {"setlength": 2, "addtolength": 2, "rule": 2, "setcounter": 2}
)  # fmt: skip
"""Commands that point elsewhere, and how many arguments go with them."""

CITES = frozenset(name for name in SILENT_WITH_ARGUMENT if "cite" in name.lower())

LAST_ARGUMENT = {
    "textcolor": 2,
    "colorbox": 2,
    "fcolorbox": 3,
    "texorpdfstring": 2,
    "scalebox": 2,
    "resizebox": 3,
    "raisebox": 2,
    "rotatebox": 2,
    "parbox": 2,
    "foreignlanguage": 2,
    "hyperref": 1,
    "multicolumn": 3,
}
"""Commands of whose arguments only the last is read out."""

WORDS = {
    "ie": "i.e.",
    "eg": "e.g.",
    "Ie": "I.e.",
    "Eg": "E.g.",
    "etal": "et al.",
    "etc": "etc.",
    "wrt": "w.r.t.",
    "cf": "cf.",
    "vs": "vs.",
    "aka": "a.k.a.",
    "viz": "viz.",
    "iid": "i.i.d.",
    "item": " • ",
    "S": "§",
    "TeX": "TeX",
    "LaTeX": "LaTeX",
    "backslash": "\\",
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textunderscore": "_",
    "textbar": "|",
    "textless": "<",
    "textgreater": ">",
    "textquotesingle": "'",
    "textasciigrave": "`",
    "textdollar": "$",
    "lbrace": "{",
    "rbrace": "}",
    "lbrack": "[",
    "rbrack": "]",
    "vert": "|",
    "lvert": "|",
    "rvert": "|",
    "mid": "|",
    "lVert": "‖",
    "rVert": "‖",
    "|": "‖",
    "percent": "%",
    "degree": "°",
    "deg": "°",
    "textdegree": "°",
    "prime": "′",
    "sim": "~",
    "thicksim": "~",
    "cdot": "·",
    "cdots": "…",
    "epsilon": "ε",
    "phi": "φ",
    "ne": "≠",
    "gets": "←",
    "iff": "⟺",
    "implies": "⟹",
    "land": "∧",
    "lor": "∨",
    "colon": ":",
    "coloneqq": ":=",
    "checkmark": "✓",
    "cmark": "✓",
    "xmark": "✗",
    "id": "id",
    "ast": "*",
    "dddot": "",
    "ddddot": "",
    "faGithub": "",
    "faGlobe": "",
}

SPACES = frozenset([",", ";", ":", ">", " ", "~", "\\", "quad", "qquad", "enspace", "enskip", "thinspace", "space"]) | {
    "newline", "par", "hfill", "hfil", "medspace", "thickspace", "tabularnewline"
}  # fmt: skip

FUNCTIONS = {name: name for name in """
    arccos arcsin arctan arg cos cosh cot coth csc det dim exp gcd hom inf ker lg lim ln log max min mod sec sin sinh
    sup tan tanh Pr softmax sigmoid argmax argmin
""".split()} | {"limsup": "lim sup", "liminf": "lim inf", "bmod": "mod"}  # fmt: skip
"""Names that are set upright in maths and keep a space from what follows."""

ACCENTS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    '"': "\u0308",
    "=": "\u0304",
    ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c",
    "H": "\u030b",
    "r": "\u030a",
    "c": "\u0327",
    "k": "\u0328",
    "d": "\u0323",
    "b": "\u0331",
    "grave": "\u0300",
    "acute": "\u0301",
    "hat": "\u0302",
    "widehat": "\u0302",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "bar": "\u0304",
    "breve": "\u0306",
    "dot": "\u0307",
    "ddot": "\u0308",
    "mathring": "\u030a",
    "check": "\u030c",
    "vec": "\u20d7",
}
"""Accent commands of text and of maths, as combining marks."""

BLACKBOARD = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
"""Double-struck letters that every font has; the others are shown plain."""

DINGBATS = {"51": "✓", "52": "✓", "55": "✗", "56": "✗"}

UNITS = {"percent": "%", "meter": "m", "metre": "m", "second": "s", "hour": "h", "minute": "min", "gram": "g"} | {
    "hertz": "Hz", "watt": "W", "joule": "J", "volt": "V", "degreeCelsius": "°C", "celsius": "°C", "byte": "B",
    "kilo": "k", "mega": "M", "giga": "G", "milli": "m", "micro": "µ", "nano": "n", "centi": "c", "per": "/",
}  # fmt: skip
"""What siunitx's unit commands stand for."""

MATHS_ENVIRONMENTS = frozenset(
    "math displaymath equation equation* align align* gather gather* multline multline* eqnarray eqnarray*".split()
)

OPERATORS = frozenset("=<>+-−±∓×÷·*∗∘∙⊕⊗⊙∪∩∧∨∖≤≥≠≈≃≅≡~∼∝≪≫≲≳⩽⩾∈∉∋⊂⊃⊆⊇⊊⊋→←↔↦⟶⟵⇒⇐⇔⟹⟸⟺≺≻≼≽⊢⊨∥⊥")
"""Signs between two things: with a space on both sides or on none."""


def symbol(name: str) -> str | None:
    """The character or word that the command `name` stands for, None when we do not know it."""
    if name in WORDS:
        return WORDS[name]
    if len(name) == 1 and not name.isalpha():
        return name
    return _table().get(name)


@cache
def _table() -> dict[str, str]:
    # Imported on first use: the package costs 25 ms, and most papers never need it.
    from pylatexenc.latex2text import get_default_latex_context_db

    known = get_default_latex_context_db()
    return {
        spec.macroname: spec.simplify_repl
        for category in reversed(known.categories())
        for spec in known.iter_macro_specs([category])
        if isinstance(spec.simplify_repl, str)
        and len(spec.simplify_repl) == 1
        and ord(spec.simplify_repl) > 127
        and unicodedata.category(spec.simplify_repl)[0] in "LNPS"
    }


def accented(letter: str, mark: str) -> str | None:
    """`letter` with the combining `mark` as one character; None where Unicode has none, or there is no letter."""
    if not letter:
        return None
    composed = unicodedata.normalize("NFC", {"ı": "i", "ȷ": "j"}.get(letter, letter) + mark)
    return composed if len(composed) == 1 else None
