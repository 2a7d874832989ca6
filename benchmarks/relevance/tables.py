"""A run's figures as a table in Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from measuring import Figures, mean


@dataclass(frozen=True)
class Table:
    """`columns` and `rows` for Markdown, `notes` below them, `json` with all figures."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    json: Any

    @property
    def markdown(self) -> str:
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n".join([table, "", *self.notes])


def relevance(figures: Figures, whole: str, notes: Sequence[str], late: bool = False) -> Table:
    """A row for each method; the difference in nDCG is to the method `whole`, paired by topic."""
    columns = ["", "nDCG@10 [95%]", "recall@10 [95%]", f"nDCG − “{whole}” [95%]", *(["second half"] if late else [])]
    table, values = [], {}
    own = figures.topics(whole)[:, 0]
    for method, by_topic in figures.of.items():
        several = figures.topics(method)
        gain, found = mean(several[:, 0]), mean(several[:, 1])
        difference = mean(several[:, 0] - own)
        row = [method, str(gain), str(found), "" if method == whole else f"{difference.value:+.3f} {_span(difference)}"]
        if late:
            second = figures.late(method).mean(axis=0)
            row.append(f"{second[0]:.3f} / {second[1]:.3f}")
        table.append(row)
        values[method] = {
            "ndcg@10": gain.value,
            "ndcg@10_95": [gain.low, gain.high],
            "recall@10": found.value,
            "recall@10_95": [found.low, found.high],
            "topics": {
                slug: {"ndcg@10": one[0], "recall@10": one[1], "days": len(by_topic[slug])}
                for slug, one in zip(sorted(by_topic), several.tolist(), strict=True)
            },
        }
    return Table(columns, table, notes, {"methods": values, "notes": list(notes)})


def _span(one: Any) -> str:
    return f"[{one.low:+.3f}, {one.high:+.3f}]"
