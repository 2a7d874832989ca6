"""Records ranked: for each topic all papers, best first, with their scores in parts and their reasons in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from newsletter.languages import ENGLISH
from newsletter.model import Reason, Topic
from newsletter.ranking import Candidates, Encoder, Scored, background, score
from newsletter.rendering import words
from newsletter.standalone.records import Given, Read, Reading, Record, Records, opined, paper, topic
from newsletter.standalone.verdicts import Known, judgements, some

Entry = dict[str, Any]
Remark = Callable[[str], None]


@dataclass(frozen=True)
class Ranked:
    """All papers as one topic sees them; `given` are the papers in the order in which they came."""

    scored: Scored
    given: Sequence[Given]

    @property
    def topic(self) -> Topic:
        return self.scored.topic

    def rows(self) -> list[int]:
        """The rows of all papers, best first; those with an excluded word come after all others."""
        left_out = sorted(self.scored.excluded, key=lambda row: (-self.scored.score[row], row))
        return [*self.scored.order.tolist(), *left_out]

    def entries(self, most: int | None = None) -> Iterator[Entry]:
        """The `most` best papers (None: all), each as `{"id", "score", "parts", "reasons"}`.

        `parts` names every part that the score of the topic has, also those of 0, and they add up to `score`. Reasons
        are given for papers that are followed, or score above an ordinary paper, which is at 0. A paper with an
        excluded word has `"excluded"`, the word, as well.
        """
        names, values, scores = self.scored.parts, (self.scored.values + 0.0).tolist(), self.scored.score.tolist()
        for row in self.rows()[:most]:
            entry: Entry = {
                "id": self.given[row].id,
                "score": scores[row] + 0.0,
                "parts": dict(zip(names, values[row], strict=True)),
                "reasons": self.reasons(row),
            }
            if row in self.scored.excluded:
                entry["excluded"] = self.scored.excluded[row]
            yield entry

    def reasons(self, row: int) -> list[str]:
        """Why a reader of the topic would want the paper of `row`, in English."""
        wanted = self.scored.score[row] > 0 or row in self.scored.followed
        if not wanted or row in self.scored.excluded:
            return []
        return [_in_english(one) for one in self.scored.reasons(row)]


def rank_records(
    papers: Iterable[Record],
    topics: Iterable[Record],
    archive: Iterable[Record] = (),
    feedback: Iterable[Record] = (),
    encoders: Sequence[Encoder] = (),
    remark: Remark = lambda sentence: None,
) -> dict[str, list[Entry]]:
    """For each topic's slug all `papers`, best first, as `Ranked.entries` gives them. Stateless and deterministic.

    - papers: mappings with `id`, `title`, `abstract`, and if known `authors` and `institutions` (lists of texts),
      `categories` (a list, or a text with spaces), `day` (ISO) and `votes`.
    - topics: `slug`, `name`, `description`, and if wanted `keywords`, `exclude`, `categories`, `authors`,
      `institutions`, `examples` (lists), `min_score`, `max_papers`, `weight`.
    - archive: papers of earlier days, which say what is usual; without them (fewer than 200) the papers say it too.
    - feedback: `topic` (slug), `paper` (id), `verdict` (`like`, `dislike` or `shown`), and if known `day`.
    - encoders: models of the extras whose parts the score shall have too (`newsletter.vectors.encoders`).
    - remark: is told, a sentence at a time, what was passed over: papers that came twice, verdicts on unknown papers.

    None, NaN and missing keys mean that nothing is known; other keys are not looked at. Raises ConfigurationError with
    a sentence for each record that cannot be read (`papers:3` is the third of the papers).
    """
    found = ranked(
        Records("papers", papers),
        Records("topics", topics),
        Records("archive", archive),
        Records("feedback", feedback),
        encoders,
        remark,
    )
    return {one.topic.slug: list(one.entries()) for one in found}


def ranked(
    papers: Records, topics: Records, archive: Records, feedback: Records, encoders: Sequence[Encoder], remark: Remark
) -> Iterator[Ranked]:
    """The same topic by topic. Everything is read, and faults are raised, before this returns."""
    reading = Reading()
    wanted = reading.all(topics, topic)
    given, earlier = reading.all(papers, paper), reading.all(archive, paper)
    verdicts = reading.all(feedback, opined)
    reading.check()
    wanted = _once(wanted, lambda one: one.slug, topics.name, remark)
    given = _once(given, lambda one: one.paper.id, papers.name, remark)
    earlier = _once(earlier, lambda one: one.paper.id, archive.name, remark)
    today, before = [one.paper for one in given], [one.paper for one in earlier]
    judged = judgements(wanted, verdicts, Known([*today, *before]), today, feedback.name, remark)
    candidates = Candidates(today, background(before, today))
    return (Ranked(one, given) for one in score(candidates, wanted, judged, encoders))


def _once(several: Sequence[Read], identity: Callable[[Read], str], name: str, remark: Remark) -> list[Read]:
    """The first of each identity; `remark` is told of the others."""
    first: dict[str, Read] = {}
    again = [one for one in several if first.setdefault(identity(one), one) is not one]
    if again:
        remark(f"{name}: {some(map(identity, again))} came before; the first counts")
    return list(first.values())


@lru_cache(maxsize=50_000)
def _in_english(reason: Reason) -> str:
    return words.reason(ENGLISH, reason)
