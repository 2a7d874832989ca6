"""Sentences and summaries."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.text import sentences, summarise, to_text

SEEDS = sorted((Path(__file__).parents[2] / "seeds").glob("*.txt"))


def abstracts() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in SEEDS:
        blocks = [block.strip() for block in path.read_text(encoding="utf-8").split("\n\n") if block.strip()]
        day = next(place for place, block in enumerate(blocks) if re.fullmatch(r"Mar \d+", block))
        found.update(zip(blocks[day + 1 :: 2], map(to_text, blocks[day + 2 :: 2]), strict=True))
    return found


@pytest.mark.parametrize(
    "expected",
    [
        ["We use e.g. Smith et al. (2020) and Fig. 3 vs. Table 2.", "It costs 2.5 s.", "J. Smith agrees."],
        [
            "See https://a.b/c.d for more.",
            "Contributions: 1) a method; 2) a proof.",
            "nnU-Net wins!",
            "Really?",
            "Yes.",
        ],
        ["1. First thing.", "2. Second thing.", "Done."],
        ["The data are i.i.d. and noisy, i.e. real.", "We go on etc. and so forth."],
        ['He said "yes."', '"What?", she asked.', "It is of type A.", "We see."],
        ["According to Eq. (3) and Sec. 4, cf. App. B, it holds.", "Approx. 5 of them do."],
        ["It works without loss.", "The rest follows."],
        ["no end"],
    ],
)
def test_sentences(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


def test_sentences_of_other_scripts_and_forgotten_spaces() -> None:
    assert sentences("这是第一句。这是第二句！好吗？") == ["这是第一句。", "这是第二句！", "好吗？"]
    assert sentences("no loss of performance.The method works.") == ["no loss of performance.", "The method works."]
    assert sentences("") == sentences(" \n") == []


@given(st.text(alphabet=st.sampled_from("aB1 .!?()\"'。…é\n"), max_size=200) | st.text(max_size=200))
@settings(deadline=None, max_examples=300)
def test_sentences_hold_every_character(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


NEWS = "We propose FooNet, a network that reads a page in one pass."
NUMBER = "FooNet outperforms the strongest baseline by 4.2% while being 3x faster."
CHAT = (
    "Reading pages has become an important problem in recent years. However, existing methods remain slow and costly."
)


@pytest.mark.parametrize(
    ("abstract", "expected"),
    [
        (f"{CHAT} In this paper, {NEWS[0].lower()}{NEWS[1:]} {NUMBER}", f"{NEWS} {NUMBER}"),
        (f"{CHAT} {NEWS} Extensive experiments on A, B and C show that {NUMBER}", f"{NEWS} {NUMBER}"),
        (f"{CHAT} {NEWS} It has two parts. {NUMBER} Code is available at https://github.com/a/b.", f"{NEWS} {NUMBER}"),
        (f"{NEWS} {NUMBER}", f"{NEWS} {NUMBER}"),
        (f"{NEWS} The code will be made publicly available. Project page: https://foo.github.io", NEWS),
        ("Code is available at https://github.com/a/b.", "Code is available at https://github.com/a/b."),
        ("神经网络取得了很大进展。然而成本仍然很高。本文提出了一种新的稀疏训练方法。实验结果表明该方法提升3%。",
         "本文提出了一种新的稀疏训练方法。实验结果表明该方法提升3%。"),
        ("", ""),
    ],
)  # fmt: skip
def test_summaries(abstract: str, expected: str) -> None:
    assert summarise(abstract) == expected


@pytest.mark.parametrize(
    ("title", "part"),
    [
        ("Neural Fields in Robotics: A Survey", "This paper provides a thorough review of Neural Fields in robotics"),
        ("NAPA-VQ", "NAPA-VQ outperforms the State-of-the-art NECIL methods by an average improvement of 5%"),
        ("Align before Fuse", "We introduce a contrastive loss to ALign"),
        ("Matryoshka Representation Learning", "Our main contribution is Matryoshka Representation Learning (MRL)"),
        ("Towards Metamerism", "We propose our NeuroFovea metamer model"),
        ("MobileMamba", "MobileMamba achieves up to 83.6% on Top-1"),
        ("MyoDex", "4x faster in comparison to a distillation baseline"),
        ("Neuroformer", "Neuroformer is a multimodal, multitask generative pretrained transformer"),
        ("BT^2", "We propose Backward-compatible Training with a novel Basis Transformation (BT²)"),
    ],
)
def test_summaries_of_the_shipped_listings_say_what_is_new(title: str, part: str) -> None:
    abstract = next(text for name, text in abstracts().items() if name.startswith(title))
    assert part in summarise(abstract)


def test_summaries_of_the_shipped_listings() -> None:
    news = re.compile(r"\b(?:we|I|our|this (?:\w+ )?(?:paper|work|article|survey|study))\b", re.IGNORECASE)
    telling = cut = 0
    for abstract in abstracts().values():
        summary = summarise(abstract)
        assert 40 <= len(summary) <= 280
        assert "http" not in summary
        first = sentences(abstract)[0]
        assert news.search(first) or not summary.startswith(first)  # no clearing of the throat
        for sentence in sentences(summary):  # the author's own words
            words = sentence.removesuffix("…").lower()
            assert words in abstract.lower()
        telling += bool(news.search(summary))
        cut += summary.endswith("…")
    assert telling >= 0.9 * len(abstracts())
    assert cut <= 0.5 * len(abstracts())


def test_a_sentence_that_is_too_long_ends_at_a_clause_or_a_word() -> None:
    long = "We propose a method that reads pages, writes summaries, and sends them to readers, which is what they want."
    assert summarise(long, 90) == "We propose a method that reads pages, writes summaries, and sends them to readers…"
    assert summarise("We propose " + "a very very long name " * 20, 60).endswith(("very…", "long…", "name…"))
    assert summarise("x" * 500, 20) == "x" * 19 + "…"


@given(st.text(max_size=600) | st.lists(st.sampled_from([NEWS, NUMBER, CHAT, "It is.", "(", "…"])).map(" ".join),
       st.integers(1, 400))  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_limit_holds_and_something_is_always_said(abstract: str, limit: int) -> None:
    summary = summarise(abstract, limit)
    assert len(summary) <= limit
    assert bool(summary) == bool(abstract.strip())
    assert summary == summarise(abstract, limit)


@pytest.mark.parametrize(
    "text",
    ["a. " * 13_000, f"{NEWS} " * 700, "x" * 40_000, "We " * 13_000, "(1) " * 10_000, "the " * 10_000,
     "results " * 5_000, ", " * 20_000, "https://" * 5_000],
    ids=["stops", "news", "word", "we", "numbers", "the", "results", "commas", "addresses"],
)  # fmt: skip
def test_hostile_text_takes_well_under_a_second(text: str) -> None:
    start = time.process_time()
    assert summarise(text)
    assert time.process_time() - start < 0.9
