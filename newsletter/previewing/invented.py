"""The papers of the fixtures. Every one is invented, and no link leads to anybody's work: arXiv never gave out numbers
this high in one month, 10.5555 is the DOI prefix for examples, and example.org belongs to nobody (RFC 2606)."""

from __future__ import annotations

from datetime import date

from newsletter.model import Link, LinkKind, Listing, Paper

DAY = date(2025, 6, 4)
SOURCE = "demonstration"


def paper(number: int, title: str, abstract: str, authors: str = "", *links: Link, **more: object) -> Paper:
    """The paper that stood in place `number` of its page; `authors` are separated by commas. It has an abstract page
    and a PDF besides `links`; `more` are further fields of Paper."""
    arxiv = f"2506.{90_000 + number}"
    values: dict[str, object] = {
        "id": f"arxiv:{arxiv}",
        "title": title,
        "abstract": abstract,
        "authors": tuple(filter(None, authors.split(", "))),
        "links": (
            Link(LinkKind.ABSTRACT, f"https://arxiv.org/abs/{arxiv}"),
            Link(LinkKind.PDF, f"https://arxiv.org/pdf/{arxiv}"),
            *links,
        ),
        "listings": (Listing(DAY, SOURCE, number),),
        "keys": (f"arxiv:{arxiv}",),
        "first_seen": DAY,
    } | more
    return Paper(**values)  # type: ignore[arg-type]  # fields by name, as the callers below write them


def code(name: str) -> Link:
    """A repository."""
    return Link(LinkKind.CODE, f"https://github.com/example/{name}")


def project(name: str) -> Link:
    """A project's page."""
    return Link(LinkKind.PROJECT, f"https://{name}.example.org")


WEATHER = (
    paper(
        1,
        "Slowfall: Ten-day rain forecasts from a network that fits on a phone",
        "Forecasting rain is left to supercomputers. We present Slowfall, a graph network of 9 million weights "
        "that forecasts rain ten days ahead on a phone. It was distilled from forty years of reanalysis. Slowfall cuts "
        "the error of the best forecast of its size by 34% and warns of floods 19 hours earlier in 61 river basins.",
        "Ines Okonjo-Hale, Tomasz Brandl, Wei-Lin Tsosie, Marguerite Fall, Ravi Anand Pillai, Sunniva Dahl",
        code("slowfall"),
        project("slowfall"),
        Link(LinkKind.VIDEO, "https://video.example.org/watch?v=slowfall"),
        venue="Conference on Small Forecasts 2025",
        published=date(2025, 6, 2),
        version=2,
        votes=214,
        ai_summary="Slowfall forecasts rain ten days ahead on a phone, and is a third better than its peers.",
        thumbnail="https://images.example.org/slowfall.png",
        listings=(Listing(DAY, SOURCE, 1), Listing(date(2025, 6, 3), SOURCE, 7)),
    ),
    paper(
        2,
        "Clouds are not noise: Learning convection from what satellites leave out",
        "Weather models average over clouds. We show that the gaps between two satellite passes carry enough signal to "
        "learn convection, and propose a training rule that predicts the gap itself. Storm onset is found 41 minutes "
        "earlier over three tropical seas.",
        "Amara Lindqvist, Jo Whitfield-Sato",
        code("gap-rule"),
        published=date(2025, 6, 3),
        votes=87,
    ),
    paper(
        3,
        "A forecast that knows when to be silent",
        "We introduce abstaining ensembles: weather forecasts that withhold a number when their members disagree. "
        "Farmers in a field trial acted on 92% of the forecasts given, and lost a fifth less seed.",
        "Kwabena Oduya, Lucia Ferrante-Moss, Piotr Zielny, Hana Morita",
        venue="Journal of Useful Weather",
        published=date(2025, 5, 28),
        version=3,
        id="doi:10.5555/useful.2025.118",
        links=(Link(LinkKind.DOI, "https://doi.org/10.5555/useful.2025.118"),),
        keys=("doi:10.5555/useful.2025.118",),
    ),
)

MODELS = (
    paper(
        4,
        "Rereading beats rewriting: Language models that answer from their first draft",
        "Chains of thought are often revised until they are wrong. We find that a language model which rereads its "
        "first draft, and may only strike out, beats one that rewrites it. On six exams accuracy rises by 7.2 points "
        "with 58% fewer tokens.",
        "Odalys Brenner, Feng Ruiqi, Callum Achebe, Sára Vankova",
        code("strike-out"),
        votes=163,
        ai_summary="Models that may only strike out words of a first draft do better on six exams, and write less.",
    ),
    paper(
        5,
        "How many languages fit into one tokenizer?",
        "We train 140 tokenizers on 212 languages and measure what each further language costs the others. Beyond 90 "
        "languages a language model pays with 3% of its vocabulary for each script, not for each language.",
        "Naledi Mokoena-Ross, Aino Virtala",
        Link(LinkKind.PROJECT, "https://tokens.example.org/languages"),
        published=date(2025, 6, 3),
        version=2,
    ),
    paper(
        6,
        "Forgetting on purpose: Unlearning one book without the library",
        "Removing a text from a trained model usually harms its neighbours. We propose ledger tuning, which records "
        "during training where each book went. A language model forgets a book in four minutes and keeps 99.1% of its "
        "other answers.",
        "Benedikt Auerswald, Yewande Sol, Min-ji Karlsen",
        code("ledger-tuning"),
        venue="Workshop on Quiet Models",
    ),
    paper(
        7,
        "The question behind the question",
        "People seldom ask what they want to know. We collect 18,000 conversations in which they say afterwards what "
        "they meant, and show that a language model which asks back once is preferred in 74% of cases.",
        "Idris Halloran, Chloé Natarajan",
        votes=41,
    ),
)

ROBOTS = (
    paper(
        8,
        "Setting the table: Robots that learn a household's order by watching it once",
        "Household robots tidy by rules that no family has. We present a policy that infers where things belong from "
        "one evening's video. It sets tables as the family does in 83% of 240 homes, where rules reach 37%.",
        "Paloma Reyes-Iversen, Dae-hyun Roth, Nkechi Alban, Viktor Sandoz",
        code("table-order"),
        Link(LinkKind.VIDEO, "https://video.example.org/watch?v=table"),
        published=date(2025, 6, 1),
        votes=120,
    ),
    paper(
        9,
        "Soft hands, hard limits: Safe grasping from pressure alone",
        "We introduce a robot hand without a camera that grasps by pressure alone. A bound on force, proved and not "
        "learned, lets it carry 400 eggs without breaking one.",
        "Gudrun Estévez, Pranav Lykke",
        project("soft-hands"),
        venue="Symposium on Gentle Machines 2025",
    ),
    paper(
        10,
        "Walking on what was sand: Gaits for ground that changes",
        "Legged robots fail where the ground gives way. We learn a gait that treats every step as a measurement of the "
        "next one. It crosses 1.2 km of dunes without a fall.",
        "Omar Fjeld, Teuila Marsh, Anneke Duarte",
    ),
)

ALSO = {
    "Weather and climate": (
        paper(
            11, "Hail from the sound of roofs", "We recognise hail, and its size, from the microphones of doorbells."
        ),
        paper(12, "A weather map of one street", "We fit a forecast to 40 thermometers, and find every tree's shade."),
    ),
    "Language models": (
        paper(13, "Sparse answers: When a language model may say one word", "We price each word of an answer."),
        paper(14, "Dictionaries for dying languages in a week", "We build them with a language model and elders."),
    ),
    "Robots at home": (
        paper(15, "Folding shirts without seeing them", "We let a robot fold shirts by touch, in 52 seconds each."),
        paper(16, "Doors: A benchmark of 900 handles", "We measure how robots open doors that they have never seen."),
    ),
}

OUTSIDE = paper(
    17,
    "Whale songs drift like dialects: Forty years of one ocean",
    "Whale song is thought to spread by imitation. We align 31,000 recordings and find that it drifts between "
    "populations as dialects do, along trade-wind routes. Two song types met in 1998 and were one within six winters.",
    "Leilani Brodeur, Mads Okafor, Ximena Thorsen, Yusuf Adeyemi",
    project("whale-dialects"),
    venue="Letters on Ocean Sound",
    published=date(2025, 5, 30),
    votes=305,
)

RIGHT_TO_LEFT = {
    "מודלי שפה בעברית": (
        paper(
            1,
            "לקרוא בלי ניקוד: מודל שפה שמשלים את מה שלא נכתב",
            "טקסט עברי נכתב בדרך כלל בלי ניקוד. אנו מציגים מודל שפה המשלים תנועות מתוך ההקשר. השגיאה יורדת ב־38% "
            "בשלושה מאגרים.",
            "נועה ברגר, יואב כרמלי, Ada Thorne, מיכל אדלר",
            code("niqqud"),
            votes=58,
        ),
        paper(
            2,
            "What RTL readers skip: Eye movements in mixed Hebrew and English text",
            "We record the eyes of 120 readers of mixed text. Numbers such as 3.14 and names such as מודל שפה are read "
            "twice as often as the words around them.",
            "Tamar Feldstone, Omri Vance",
        ),
    ),
    "معالجة اللغة العربية": (
        paper(
            3,
            "من اللهجة إلى الفصحى: ترجمة بلا أمثلة متوازية",
            "تختلف اللهجات العربية عن الفصحى. نقدم طريقة للترجمة بينهما بلا أمثلة متوازية. ترتفع الدقة بنسبة 21٪ في "
            "خمس لهجات.",
            "ليلى الحداد, سامي منصور, Jonas Weir, هدى قاسم",
            project("lahja"),
            venue="مؤتمر اللغات الصغيرة",
            version=2,
        ),
    ),
    "Handwriting": (
        paper(
            4,
            "One hand, two directions: Recognising notes that mix عربي and English",
            "Handwriting changes direction in the middle of a line. We recognise both directions at once, and cut the "
            "errors at the seams by half.",
            "Rania Costell, Daniel Ober",
            code("two-directions"),
        ),
        paper(5, "كتابة بخط اليد على الزجاج", "نتعرف على الكتابة من حركة الإصبع وحدها. تبلغ الدقة 94٪.", "كريم نصار"),
    ),
}

CHINESE_JAPANESE_KOREAN = {
    "三维视觉": (
        paper(
            1,
            "一张照片足矣：面向三维重建的轻量神经场",
            "三维重建通常需要数十张照片。我们提出一种轻量神经场，仅凭一张照片即可恢复室内场景。在四个数据集上，误差降低了"
            "百分之四十一，训练时间缩短到九分钟。",
            "林若溪, 周明远, 何雨桐, Ada Thorne",
            code("one-photo"),
            votes=96,
        ),
        paper(
            2,
            "会呼吸的点云：动态场景的时间一致表示",
            "动态场景的点云常常闪烁。我们提出时间一致的三维表示。闪烁减少了三分之二。",
        ),
    ),
    "言語モデル": (
        paper(
            3,
            "読み返す言語モデル：最初の下書きを消すだけで正確になる",
            "言語モデルは書き直すほど間違えることがある。本論文では、下書きから語を消すことだけを許す手法を提案する。"
            "六つの試験で正答率が七ポイント向上した。",
            "森本はるか, 佐伯蓮",
            project("yomikaesu"),
            venue="小さな言語の会議 2025",
        ),
    ),
    "로봇": (
        paper(
            4,
            "한 번 보고 배우는 상차림: 가정의 질서를 따르는 로봇",
            "가정용 로봇은 집집마다 다른 규칙을 알지 못한다. 우리는 하루 저녁의 영상에서 물건의 자리를 추론하는 정책을 "
            "제안한다. 이백사십 가구 중 83%에서 가족과 같은 방식으로 상을 차렸다.",
            "한서윤, 도현우, 백지안, Paloma Reyes-Iversen",
            code("table-order-ko"),
            version=2,
        ),
        paper(5, "모래 위를 걷는 로봇", "우리는 걸음마다 땅을 재는 로봇을 제안한다. 1.2km를 넘어지지 않고 걸었다."),
    ),
}

LATEX = {
    "Mathematics": (
        paper(
            1,
            r"360{\deg} attention below $O(N^2)$: \textbf{Mamba} blocks with an L_{1} price",
            r"We replace attention, which costs $O(N^2)$, by \textbf{Mamba} blocks with an L_{1} price over 360{\deg}. "
            r"It saves 90\% of the memory and runs $2.5\times$ as fast.",
            r"Erwin Schr\"odinger-Vale, Bj{\o}rn \AA{}s, \'Elodie Gar\c{c}on",
            code("panorama"),
            venue=r"Proceedings of \emph{Long Sequences}",
        ),
        paper(
            2,
            r"The $\alpha$-divergence of Schr\"odinger bridges, \ie, how far a diffusion drifts",
            r"We bound the $\alpha$-divergence of bridges in $\mathbb{R}^{n \times d}$, \ie, how far "
            r"x$\unicode{x2013}$y drifts, as in~vaswani2017attention and later work. "
            r"The bound is tight for $\lambda_{rest} \le 1$.",
        ),
        paper(
            3,
            r"\method beats \ours{}: What is left of a $\sim$30pp gain when \texttt{</think>} is free",
            r"We show that \method gains 20% AP50 over \ours{} only where \texttt{</think>} costs nothing. "
            r"Else the gain of $\sim$30pp is within p<0.05.",
        ),
    ),
    "Money and names": (
        paper(
            4,
            r"Agents at $0.46 per game and $\alpha$ per mistake",
            r"We let agents play for money: a game costs \$5 and $10 vs. $12.5 total. They stop at $0.46 per game and "
            r"$\alpha$ per mistake.",
        ),
        paper(
            5,
            r"AT\&T & co #1: where a_b is a name and p<0.05 is no tag",
            "We collect names that break programs, at \\url{https://names.example.org/a_b} and in \\href{https://names."
            "example.org/~vgg}{a list}. All of www.example.org/~vgg/a_b/ is kept.",
        ),
    ),
}
