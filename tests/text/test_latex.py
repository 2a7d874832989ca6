"""LaTeX to text and to HTML: the vectors, what real abstracts hold, and what hostile ones might."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.text import clean, to_html, to_text

SEEDS = sorted((Path(__file__).parents[2] / "seeds").glob("*.txt"))
TAGS = {"strong", "em", "code", "sub", "sup"}

VECTORS = [  # raw, HTML, text
    (r"360{\deg}", "360°", "360°"),
    (r"$O(N^2)$", "O(N<sup>2</sup>)", "O(N²)"),
    (r"\textbf{Mamba}", "<strong>Mamba</strong>", "Mamba"),
    (r"L_{1}", "L<sub>1</sub>", "L₁"),
    (r"$\alpha$-divergence", "α-divergence", "α-divergence"),
    (r"\ie, given", "i.e., given", "i.e., given"),
    (r"Schr\"odinger", "Schrödinger", "Schrödinger"),
    (r"\url{https://x}", "https://x", "https://x"),
    (r"90\%", "90%", "90%"),
    ("as in~vaswani2017attention and", "as in and", "as in and"),
    ("gains 20% AP50 over ..", "gains 20% AP50 over ..", "gains 20% AP50 over .."),
    (r"costs \$5 and $10 vs. $12.5 total", "costs $5 and $10 vs. $12.5 total", "costs $5 and $10 vs. $12.5 total"),
    (r"at $0.46 per game and $\alpha$", "at $0.46 per game and α", "at $0.46 per game and α"),
    (r"$\sim$30pp, $2.5\times$", "~30pp, 2.5×", "~30pp, 2.5×"),
    (r"\href{u}{here}", "here (u)", "here (u)"),
    ("\\href{u}\n{u}", "u", "u"),
    (r"x$\unicode{x2013}$y", "x–y", "x–y"),
    (r"\method beats \ours{}", "method beats ours", "method beats ours"),
    (r"\texttt{</think>}", "<code>&lt;/think&gt;</code>", "</think>"),
    (r"$R^{n \times d}$", "ℝ<sup>n × d</sup>", "ℝ^(n×d)"),
    (r"$\mathbb{R}^{n \times d}$", "ℝ<sup>n × d</sup>", "ℝ^(n×d)"),
    (
        r"AT\&T & co #1 a_b p<0.05",
        "AT&amp;T &amp; co #1 a_b p&lt;0.05",
        "AT&T & co #1 a_b p<0.05",
    ),
    ("www.../~vgg/a_b/", "www.../~vgg/a_b/", "www.../~vgg/a_b/"),
    # The shipped listings.
    (r"a {\em finite sample} setting", "a <em>finite sample</em> setting", "a finite sample setting"),
    (r"na\"{\i}ve, na\"ively", "naïve, naïvely", "naïve, naïvely"),
    ("BT^2: Backward", "BT<sup>2</sup>: Backward", "BT²: Backward"),
    ("the O(N^2) complexity", "the O(N<sup>2</sup>) complexity", "the O(N²) complexity"),
    ("NLVR^2, (R^2 times", "NLVR<sup>2</sup>, (R<sup>2</sup> times", "NLVR², (R² times"),
    ("a -- b, c---d, 1--2", "a – b, c—d, 1–2", "a – b, c—d, 1–2"),
    ("``not-so-surprising'' x", "“not-so-surprising” x", "“not-so-surprising” x"),
    ("a times1000 speed-up", "a times1000 speed-up", "a times1000 speed-up"),
    ("10X~20X, ~10G, (~4M), Fig.~3", "10X~20X, ~10G, (~4M), Fig. 3", "10X~20X, ~10G, (~4M), Fig. 3"),
]

TEXTS = [  # raw, text
    # Maths.
    (r"\(x^2\) and $$y_i$$", "x² and yᵢ"),
    (r"$\frac{1}{2}$ of $\sqrt{\binom{m}{k}}/\varepsilon^2$", "1/2 of √(m choose k)/ε²"),
    (r"$\frac{a x}{b}$, $\sqrt[3]{x}$", "(a x)/b, ∛x"),
    (r"$x_{t+1}$, $10^{-3}$, $\lambda_{rest}$, $W^{(k)}$, $x^*$", "x_(t+1), 10⁻³, λ_rest, W^(k), x*"),
    (r"$1^{st}$ and $n^{\text{th}}$, $90^\circ$", "1st and nth, 90°"),
    (r"$x_j\in\mathbb{R}^{d}$, $n\log n$, $\max_{x \in S} f(x)$", "xⱼ∈ℝᵈ, n log n, max_(x∈S) f(x)"),
    (r"$\alpha = b$, $a -1$, $-1$, $k \leq n$, $\Theta(n)$", "α = b, a - 1, -1, k ≤ n, Θ(n)"),
    (r"$\hat{y}$ $\hat{\pi}$ $\mathcal{L}_{KM}$ $\mathbf{x}$", "ŷ π̂ L_KM x"),
    (r"$\left\lfloor x \right\rfloor$, $\{1,2\}$, $\not\in$", "⌊x⌋, {1,2}, ∉"),
    (r"\begin{equation*} x^2 = y_i \end{equation*} holds", "x² = yᵢ holds"),
    (r"$\text{softmax}(x)$ and $\operatorname{cIDIR}$", "softmax(x) and cIDIR"),
    (r"A$_3$B$_2$, G$^2$TR, PM$_{2.5}$, ($>$97%)", "A₃B₂, G²TR, PM_2.5, (>97%)"),
    # Scripts in prose, and what only looks like them.
    ("S^2VG, 10^-4, CAS(ME)^2, F_1.", "S²VG, 10⁻⁴, CAS(ME)², F₁."),
    ("q4_k_m, H_PRS, RS_C11, lm_head.weight, __init__", "q4_k_m, H_PRS, RS_C11, lm_head.weight, __init__"),
    ("(^_^) and 10^(-24)", "(^_^) and 10^(-24)"),
    ("https://x.org/a_1/b^2 and github.com/a/b_feature_c", "https://x.org/a_1/b² and github.com/a/b_feature_c"),
    # Letters and words.
    (r"mus{\'e}e, Fran\c cois, \v{S}koda, Stra\ss e, \O rsted", "musée, François, Škoda, Straße, Ørsted"),
    (r"don\'t, \~{}, \^{}", "don't, ~, ^"),
    (r"Smith \etal. and \eg this, \wrt that", "Smith et al. and e.g. this, w.r.t. that"),
    (r"{\textbf{m}ulti} \underline{M}erging", "multi Merging"),
    ("`grokking' and `don't do' and `code`", "‘grokking’ and ‘don't do’ and `code`"),
    (r"totalling 10{,}817, 5\,ms, 90~\%", "totalling 10,817, 5 ms, 90 %"),
    # Commands with arguments.
    (r"see \cite{a,b}, and (\cite[p.~5]{c}) end~\citep{d}.", "see, and end."),
    (r"{\color{red} hot} \textcolor{blue}{cold}", "hot cold"),
    (r"used.\footnote{More: \url{https://g.com/a\_b}}", "used. (More: https://g.com/a_b)"),
    (r"\href{https://g.com/a\_b}{g.com/a\_b}", "https://g.com/a_b"),
    (r"\foo{kept}{too} \bar", "kept too bar"),
    (r"\SI{5}{\meter\per\second}, \SI{3}{\percent}", "5 m/s, 3%"),
    (r"\texorpdfstring{$x$}{ex}", "ex"),
    (r"\item one \item two\\[1mm]three", "• one • two three"),
    (r"use \verb|a_b --c| here", "use a_b --c here"),
    (r"\texttt{--flag}", "--flag"),
    # What does not close.
    ("a { b", "a { b"),
    ("a } b", "a } b"),
    (r"\textbf{open", "{open"),
    ("cost $5", "cost $5"),
    ("end \\", "end"),
    (r"$38\% fewer ($\mathrm{Fa}$)", "$38% fewer (Fa)"),
    (r"C:\Users\name", "C:Users name"),
]


@pytest.mark.parametrize(("raw", "html", "text"), VECTORS)
def test_vectors(raw: str, html: str, text: str) -> None:
    assert to_html(raw) == html
    assert to_text(raw) == text


@pytest.mark.parametrize(("raw", "text"), TEXTS)
def test_texts(raw: str, text: str) -> None:
    assert to_text(raw) == text


def test_html_keeps_space_single_across_tags_and_drops_empty_spans() -> None:
    assert to_html(r" \textbf{ a } \emph{ b} \textbf{} c ") == "<strong>a </strong><em>b</em> c"


def test_words_that_a_command_would_hide_bring_the_guard_into_play() -> None:
    raw = r"\setlength{\x}{several long words hidden} here"
    assert to_text(raw) == "setlength x several long words hidden here"
    assert to_html(raw) == to_text(raw)


def test_no_tex_is_left_of_the_shipped_listings() -> None:
    assert SEEDS
    for path in SEEDS:
        for line in path.read_text(encoding="utf-8").splitlines():
            text = to_text(line)
            assert not re.search(r"[\\{}$^]|``|--", text), text
            assert_fits(to_html(line), text)
            assert missing_words(line, text) == set()


# Properties.

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=200)
TEX_FREE = st.text(
    alphabet=st.characters(exclude_characters="\\${}^_~`-", exclude_categories=()), max_size=200
)  # fmt: skip
WORDS = ("tensor", "kernel", "graph", "neuron", "vision", "oracle", "lattice", "entropy")
SIGNS = (
    *"\\${}^_~`'\"-%&#<> ", "``", "''", "--", "$$", r"\textbf{", r"{\em ", r"\(", r"\)",
    r"\begin{equation}", r"\end{equation}", r"\cite{", r"\href{", r"\frac{", r"\sqrt[", r"\'", r"\unknown", r"\left", "https://",
)  # fmt: skip


class Fragment(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert not attrs
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def assert_fits(html: str, text: str) -> None:
    """`html` is balanced, holds only the five tags, and says what `text` says."""
    fragment = Fragment()
    fragment.feed(html)
    fragment.close()
    assert fragment.open == []
    assert letters(fragment.text) == letters(text)


def letters(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if char.isalpha()).casefold()


def missing_words(raw: str, text: str) -> set[str]:
    """Long words of `raw` (commands, addresses and citation keys aside) that are in no word of `text`."""
    prose = re.sub(r"\\[A-Za-z]+|\\.|https?://\S+|(?<=~)[a-z]+\d{4}[a-z]+|[{}]", " ", clean(raw))
    return {word for word in re.findall(r"[a-z]{4,}", prose) if word not in letters(text)}


@given(ANY_TEXT)
@settings(deadline=None, max_examples=300)
def test_any_text_can_be_read(raw: str) -> None:
    text = to_text(raw)
    assert text == clean(text)
    assert_fits(to_html(raw), text)


@given(TEX_FREE)
@settings(deadline=None, max_examples=300)
def test_text_without_tex_passes_untouched(raw: str) -> None:
    plain = raw.replace("''", "'")
    assert to_text(plain) == clean(plain)
    assert to_html(plain) == escape(clean(plain))
    assert to_text(to_text(plain)) == to_text(plain)


@given(st.lists(st.sampled_from(WORDS + SIGNS), max_size=40).map("".join))
@settings(deadline=None, max_examples=500)
def test_no_word_is_lost_in_broken_tex(raw: str) -> None:
    text = to_text(raw)
    assert_fits(to_html(raw), text)
    hidden = re.sub(r"\\(?:cite|href|begin|end)\{[^{}]*\}|\S*https://\S*|\\sqrt\[[^]]*\]", " ", clean(raw))
    expected = {word for word in WORDS if word in hidden}
    lost = {word for word in expected if word not in letters(text)}
    assert len(lost) <= len(expected) / 10, lost


SHAPES = (
    "{one} {two}",
    "{one}~{two}",
    "{one} -- {two}",
    "``{one}'' {two}",
    r"\textbf{{{one}}} {two}",
    r"{{\em {one}}} {two}",
    r"\unknown{{{one}}}{{{two}}}",
    r"{one}\footnote{{{two}}}",
    r"\href{{https://example.org/}}{{{one}}} {two}",
    r"$\frac{{\text{{{one}}}}}{{\text{{{two}}}}}$",
    r"$\sqrt{{x}}$ {one} {two}",
    r"\({one} = 1\) {two}",
    r"\begin{{itemize}}\item {one} \item {two}\end{{itemize}}",
    r"{one} 20\% {two} 5%",
    r"$X_{{\text{{{one}}}}}$ {two}",
    r"\textcolor{{red}}{{{one}}} {two} \cite[p.~2]{{key2020}}",
    r"\texttt{{{one}}}, {two}",
)


@st.composite
def tex(draw: st.DrawFn, depth: int = 3) -> tuple[str, Counter[str]]:
    """Well-formed LaTeX and the words it says."""
    if depth == 0 or draw(st.booleans()):
        word = draw(st.sampled_from(WORDS))
        return word, Counter([word])
    parts = [draw(tex(depth - 1)) for _ in range(2)]
    one, two = (source for source, _ in parts)
    shape = draw(st.sampled_from(SHAPES))
    return shape.format(one=one, two=two), parts[0][1] + parts[1][1]


@given(tex())
@settings(deadline=None, max_examples=300)
def test_well_formed_tex_keeps_every_word_and_leaves_no_tex(source: tuple[str, Counter[str]]) -> None:
    raw, words = source
    text = to_text(raw)
    assert Counter(re.findall("|".join(WORDS), text)) == words
    assert not re.search(r"\\|cite|textbf|textcolor|itemize|key2020", text)
    assert_fits(to_html(raw), text)


HOSTILE = {
    "an abstract of 40 kB": r"We propose $\mathcal{L}_{KM}$ and \textbf{Mamba}, 20\% better at O(N^2). " * 550,
    "10,000 groups": "{" * 10_000 + "x" + "}" * 10_000,
    "unclosed groups": "{" * 40_000,
    "unclosed commands": r"\textbf{" * 5_000,
    "nested styles": r"\textbf{x" * 5_000 + "}" * 5_000,
    "nested scripts": "x_{" * 10_000 + "}" * 10_000,
    "accents on accents": r"\hat" * 10_000,
    "fractions of fractions": r"\frac" * 8_000,
    "roots of roots": r"\sqrt[3]{" * 4_000 + "}" * 4_000,
    "dollars": "$" * 40_000,
    "prices": "$5 and " * 6_000,
    "environments": r"\begin{equation}" * 2_500,
    "options": r"\cite[" * 6_000,
    "backticks": "`a " * 13_000,
    "ties": "a~" * 20_000,
    "addresses": "https://" * 5_000,
    "hyphens": "-" * 40_000,
    "combining marks": "\\'" + "a" + "\u0301\u0323" * 20_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_takes_well_under_a_second(raw: str) -> None:
    start = time.process_time()
    text = to_text(raw)
    middle = time.process_time()
    html = to_html(raw)
    assert middle - start < 0.9
    assert time.process_time() - middle < 0.9
    assert_fits(html, text)
