"""Sentences and summaries."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.text import sentences, summarise, to_text
from newsletter.text.trimming import shorter_forms, without_ties

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
        (f"{CHAT} {NEWS} Extensive experiments show that {NUMBER}", f"{NEWS} {NUMBER}"),
        (f"{CHAT} {NEWS} Extensive experiments on A, B and C show that {NUMBER}", f"{NEWS} On A, B and C, {NUMBER}"),
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
        assert not in_mid_thought(summary)
        written = iter(re.findall(r"\w+", abstract.lower()))
        assert all(word in written for word in re.findall(r"\w+", summary.lower()))  # the author's own words, in order
        telling += bool(news.search(summary))
        cut += summary.endswith("…")
    assert telling >= 0.9 * len(abstracts())
    assert cut <= 0.02 * len(abstracts())


IN_MID_THOUGHT = re.compile(
    r"(?:however|moreover|furthermore|additionally|in addition,|also|thus|hence|therefore|then|next|first|second"
    r"|finally|specifically|in particular|to this end|to do so|in doing so|but|and|yet|instead|it|they|these|those|such"
    r"|(?:to|based on|motivated by|inspired by|given|while|with) (?:\w+ )?(?:this|these|those|such)"
    r"|this(?! (?:\w+ )?(?:paper|work|article|survey|study|review))|we (?:then|also|further|thus|go one step)|\()\b",
    re.IGNORECASE,
)


def in_mid_thought(summary: str) -> bool:
    return bool(IN_MID_THOUGHT.match(summary))


@pytest.mark.parametrize(
    ("sentence", "alone"),
    [
        ("However, we show that it holds.", "We show that it holds."),
        ("But, to this end, in this paper, we also propose FooNet.", "We propose FooNet."),
        ("In this work, a new task is studied.", "A new task is studied."),
        ("In this work we propose FooNet.", "We propose FooNet."),
        ("Thus we find less noise.", "We find less noise."),
        ("Based on these findings, we build FooNet.", "We build FooNet."),
        ("To avert this problem, we build FooNet.", "We build FooNet."),
        ("While such models excel, this paper looks at others.", "This paper looks at others."),
        ("We go one step further: we enable splatting.", "We enable splatting."),
        ("We address this issue by introducing FooNet, a net.", "We introduce FooNet, a net."),
        ("This survey closes these gaps by presenting a taxonomy.", "This survey presents a taxonomy."),
        ("We tackle this problem and propose FooNet.", "We propose FooNet."),
        ("A novel learner that reads every page of a book in one pass is presented to address these issues.",
         "A novel learner that reads every page of a book in one pass is presented."),
        ("As an added bonus, FooNet is small.", "FooNet is small."),
        ("Our extensive experiments show that FooNet wins.", "FooNet wins."),
        ("The results clearly demonstrate that FooNet wins.", "FooNet wins."),
        ("Extensive experiments on A, B and C show that FooNet wins.", "On A, B and C, FooNet wins."),
        ("Experiments across four datasets (e.g. A) demonstrate that our method wins.",
         "Across four datasets (e.g. A), our method wins."),
        ("However, to our knowledge, we are the first.", "To our knowledge, we are the first."),
        ("Moreover, these findings indicate that foos fall.", "These findings indicate that foos fall."),
        ("Experiments demonstrate our proposals' worth, by and large.",
         "Experiments demonstrate our proposals' worth, by and large."),
        ("(2) FooNet wins.", "FooNet wins."),
        ("RESULTS: Foos were less common.", "Foos were less common."),
        ("AIM: To compare foos and bars.", "AIM: To compare foos and bars."),
        ("Thus, p-adic numbers win.", "p-adic numbers win."),
        ("Hence, λ-calculus and nnU-Net win.", "λ-calculus and nnU-Net win."),
        ("Therefore, nnU-Net wins.", "nnU-Net wins."),
        ("此外，我们提出了一种方法。", "我们提出了一种方法。"),
        ("However,", "However,"),
        ("To reduce noise, we propose FooNet.", "To reduce noise, we propose FooNet."),
        ("First responders need maps.", "First responders need maps."),
        ("Then came the transformer.", "Then came the transformer."),
    ],
)  # fmt: skip
def test_a_sentence_stands_alone_without_what_ties_it_to_the_one_before(sentence: str, alone: str) -> None:
    assert without_ties(sentence) == alone


@pytest.mark.parametrize(
    ("sentence", "forms"),
    [
        ("Motivated by the need for speed, we propose FooNet, a network that reads every page of a book in one pass.",
         ["We propose FooNet, a network that reads every page of a book in one pass."]),
        ("We propose a network that reads every page of a long book in one pass, enabling fast search in archives.",
         ["We propose a network that reads every page of a long book in one pass."]),
        ("We present FooNet with two new parts (e.g., a head): (1) a reader, and (2) a writer.",
         ["We present FooNet with two new parts."]),
        ("We show that the network, which reads every page of a long book in one pass, needs less memory than others.",
         []),
        ("Accuracy rises in the first of both cases by a quarter, while the trend is the opposite in the second.", []),
        ("We find that: 1) it is fast; 2) it is small.", []),
    ],
)  # fmt: skip
def test_shorter_forms_are_sentences_that_say_less_and_nothing_else(sentence: str, forms: list[str]) -> None:
    assert list(shorter_forms(sentence)) == forms


@pytest.mark.parametrize(
    "sentence",
    [
        "To the best of our knowledge, we are the first to count all foos in every page of a book, without a label.",
        "These findings indicate that the drug reduces mortality in adults of all ages and of both sexes by a third.",
        "Experiments on mice suggest that memory improves by 30% in the treated group, as long as treatment goes on.",
        "Experiments on mice show that memory improves by 30%.",
        "Our experiments on the role of A show that foos fall.",
        "Simulation results show that the queue is shorter by 30%.",
        "Preliminary results suggest that foos fall by 12%.",
        "Initial experiments show that foos fall by 12%.",
        "They suggest that foos fall by 12%.",
        "It may show that foos fall by 12%.",
        "We hypothesise that foos fall because bars rise.",
        "We evaluate the drug in 40 mice and find that foos fall by 12%.",
        "We test FooNet in simulation and show that queues are shorter by 30%.",
        "We compare FooNet with A and B and show better recall.",
        "On these datasets, we find that FooNet wins by 12%.",
        "In this setting, we prove that the bound is tight.",
        "In this pilot study, we found that foos fall by 12%.",
        "Under these assumptions, we prove that the bound is tight.",
        "With this assumption, FooNet is optimal.",
        "Based on these simulations, we estimate that foos fall by 12%.",
        "Theoretically, FooNet is optimal.",
        "In general, foos fall.",
        "For example, FooNet wins by 12%.",
        "To solve this problem, we are the first to use foos.",
        "FooNet is the first method that reads every page of a long book in one pass to solve this problem.",
        "We aim to address this gap by developing a drug that reduces the number of foos in adults of all ages.",
        "In mice that were fed with bars for at least two months, we found that foos fall by 12% and bazes rise by 3%.",
        "Using simulated data of a hundred thousand patients, we show that foos fall by 12% and that bars rise by 3%.",
        "FooNet reads every page of a long book in one pass and with fewer errors than all others, in a simulation.",
        "FooNet reads every page of a long book in one pass at a quarter of the cost, using only clean pages.",
        "FooNet reads every page of a long book in one pass at a quarter of the cost, suggesting that labels are moot.",
        "FooNet reads every page of a long book in one pass and is faster than all others by 12%, compared to BarNet.",
        "FooNet reads every page of a long book in one pass (in simulation) and is faster than all others by 12%.",
        "FooNet reads every page of a long book in one pass (i.e., it may skip some) and is faster than all by 12%.",
        "FooNet shortens all queues, adapts to the load of every single server, and is faster than all others by 12%.",
        "If the load is low, which is rare, we find that FooNet shortens all queues of every single server by 12%.",
        "We find that foos fall in these cases, as they may: (1) in mice, possibly; (2) in rats.",
    ],
)
def test_nothing_is_taken_off_a_claim(sentence: str) -> None:
    assert without_ties(sentence) == sentence
    assert list(shorter_forms(sentence)) == []


HEDGES = re.compile(
    r"\b(?:our (?:best )?knowledge|may|might|could|perhaps|possibly|probably|likely|potentially|appears?|seems?"
    r"|suggest\w*|indicat\w*|tends?|hypothe\w+|preliminar\w+|partially|mostly|only|unless|except|assum\w+)\b",
    re.IGNORECASE,
)
FRAMES = [
    "{}", "However, {}", "In this paper, {}", "Our results show that {}", "Experiments on mice show that {}",
    "Experiments on A and B show that {}", "To solve this problem, {}", "Motivated by the need for speed, {}",
    "{}, enabling fast search in large archives", "{}, which is what all of the readers want", "{} (e.g., in mice)",
    "{}: (1) a reader, (2) a writer", "{} to address these issues", "We tackle this problem and propose that {}",
]  # fmt: skip
CLAUSES = [
    "we propose FooNet, a network that reads every page of a long book in one pass", "we find that foos fall by 12%",
    "foos may fall by 12%", "the results suggest that foos fall", "to our knowledge, we are the first to count foos",
    "we hypothesise that foos fall", "foos fall only in mice", "FooNet could, perhaps, read every page of a long book",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAMES), max_size=4), st.sampled_from(CLAUSES))
@settings(deadline=None, max_examples=300)
def test_no_form_of_a_sentence_loses_a_hedge(frames: list[str], clause: str) -> None:
    sentence = clause
    for frame in frames:
        sentence = frame.format(sentence)
    sentence = f"{sentence}."
    hedges = [hedge.lower() for hedge in HEDGES.findall(sentence)]
    alone = without_ties(sentence)
    for form in (alone, *shorter_forms(alone)):
        assert [hedge.lower() for hedge in HEDGES.findall(form)] == hedges


def test_summaries_of_the_shipped_listings_lose_no_hedge() -> None:
    for abstract in abstracts().values():
        for sentence in sentences(abstract):
            hedges = len(HEDGES.findall(sentence))
            alone = without_ties(sentence)
            assert all(len(HEDGES.findall(form)) == hedges for form in (alone, *shorter_forms(alone))), sentence


OFFER = "We propose FooNet, a network that reads every page of a long book in one pass without a single label."


@pytest.mark.parametrize(
    ("abstract", "expected"),
    [
        # The number, though the sentence before it is news as well, and though it needs a shorter form of the first.
        (f"{CHAT} {OFFER[:-1]}, enabling fast search in large archives. FooNet has three parts that learn together. "
         "On four standard benchmarks of scanned and of printed books, FooNet outperforms the strongest baseline by "
         "4.2% in accuracy, and is three times as fast.",
         f"{OFFER} On four standard benchmarks of scanned and of printed books, FooNet outperforms the strongest "
         "baseline by 4.2% in accuracy, and is three times as fast."),
        # What came out, rather than how it was done; and what names something, rather than what points at it.
        (f"{CHAT} {OFFER} We train it on pages. We build a corpus of old pages for this purpose. "
         f"We find that old pages are read with more errors than new pages. {CHAT}",
         f"{OFFER} We find that old pages are read with more errors than new pages."),
        (f"{CHAT} We introduce a framework that defines and clarifies these two steps. "
         f"{OFFER} {CHAT}", OFFER),
        # A name is no summary.
        (f"{CHAT} We propose FooNet. Using a fifth of the pages of all of the books in the world, FooNet outperforms "
         f"the strongest baseline by 4.2% in accuracy on the four standard benchmarks of scanned and of printed books "
         f"and by 3.1% on the benchmarks of books that were written by hand. {CHAT}",
         "Using a fifth of the pages of all of the books in the world, FooNet outperforms the strongest baseline by "
         "4.2% in accuracy on the four standard benchmarks of scanned and of printed books and by 3.1% on the "
         "benchmarks of books that were written by hand."),
        # The hedge stays, or the sentence goes.
        (f"{CHAT} {OFFER} These findings indicate that FooNet reads old books with 12% fewer errors than all. {CHAT}",
         f"{OFFER} These findings indicate that FooNet reads old books with 12% fewer errors than all."),
        # What does not fit whole is not cut, but left out.
        (f"{CHAT} {OFFER} FooNet outperforms the best of all baselines by 4.2% {'and what is more ' * 20}it wins.",
         OFFER),
        # Nothing said twice, and no hope.
        (f"{CHAT} {OFFER} This work proposes FooNet, which reads every page of a book in one pass. We believe that "
         f"this opens a door to future research. {CHAT}", OFFER),
        # The first thing proposed is the paper; the next are its parts.
        (f"{CHAT} {OFFER} To keep it small, we further introduce a pruning step for the decoder of the network. "
         "Second, we propose a loss. And so it goes on for a while, with details that take a lot of room.",
         f"{OFFER} We introduce a pruning step for the decoder of the network."),
        # An object that the reader has not met.
        (f"{CHAT} We propose to design them by evolution. We develop a search that evolves layers from scratch. {CHAT}",
         "We develop a search that evolves layers from scratch."),
        ("BACKGROUND: Foos are common. AIM: To count foos. METHODS: All foos were measured in two hospitals by nurses. "
         "RESULTS: Foos were 12% less common in the treated group than in the other. CONCLUSIONS: Treatment lowers the "
         "number of foos in adults of all ages. FUNDING: None of this was paid for by anybody the authors know.",
         "Foos were 12% less common in the treated group than in the other. Treatment lowers the number of foos in "
         "adults of all ages."),
        ("深度学习发展迅速。然而，现有方法成本很高。为此，我们提出了一种新的稀疏训练方法，可以用于大型语言模型。它有三个部分。"
         "第一部分是编码器。实验结果表明，该方法在四个数据集上提升3.2%。代码已公开。",
         "我们提出了一种新的稀疏训练方法，可以用于大型语言模型。实验结果表明，该方法在四个数据集上提升3.2%。"),
    ],
    ids=["number", "outcome", "named", "name", "hedge", "whole", "once", "first", "object", "headings", "chinese"],
)  # fmt: skip
def test_what_is_chosen(abstract: str, expected: str) -> None:
    assert summarise(abstract) == expected


@pytest.mark.parametrize(
    "text",
    ["هذه جملة أولى. هل هذا صحيح؟ نقترح طريقة جديدة۔ وهي سريعة.", "זה משפט ראשון. אנו מציעים שיטה חדשה."],
    ids=["arabic", "hebrew"],
)
def test_sentences_that_are_read_from_the_right(text: str) -> None:
    found = sentences(text)
    assert len(found) == text.count(".") + text.count("؟") + text.count("۔")
    assert summarise(text) == " ".join(found) or summarise(text) in text


def test_a_sentence_that_is_too_long_ends_at_a_clause_or_a_word() -> None:
    long = "We propose a method that reads pages, writes summaries, and sends them to readers, which is what they want."
    assert summarise(long, 90) == "We propose a method that reads pages, writes summaries, and sends them to readers."
    assert summarise(long, 70) == "We propose a method that reads pages, writes summaries…"
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


@given(
    st.text(max_size=300) | st.lists(st.sampled_from(["However", ", ", "we ", "this ", "(1) ", "a", "."])).map("".join)
)
@settings(deadline=None, max_examples=300)
def test_what_is_taken_off_a_sentence_leaves_something(text: str) -> None:
    assert bool(without_ties(text)) == bool(text)
    assert all(form and len(form) < len(text) for form in shorter_forms(text))


@pytest.mark.parametrize(
    "text",
    ["a. " * 13_000, f"{NEWS} " * 700, "x" * 40_000, "We " * 13_000, "(1) " * 10_000, "the " * 10_000,
     "results " * 5_000, ", " * 20_000, "https://" * 5_000, "However, " * 5_000, "To this, we " * 4_000,
     "experiments show " * 3_000, "We do, making " * 3_000, "(" * 40_000, "本文提出，" * 8_000,
     f"{CHAT} {OFFER} " * 150],
    ids=["stops", "news", "word", "we", "numbers", "the", "results", "commas", "addresses", "connectives", "pointing",
         "studies", "afterthoughts", "brackets", "chinese", "prose"],
)  # fmt: skip
def test_forty_thousand_characters_take_a_twentieth_of_a_second(text: str) -> None:
    summarise(text[:500])
    taken: list[float] = []
    for _ in range(3):
        start = time.process_time()
        assert summarise(text)
        taken.append(time.process_time() - start)
    assert min(taken) < 0.05
