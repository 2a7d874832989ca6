"""Why a paper was chosen, in words: every kind of reason, in every language."""

from __future__ import annotations

import pytest

from newsletter.languages import ENGLISH, LANGUAGES, language
from newsletter.model import Reason, Why
from newsletter.rendering import words

SAID: dict[Why, tuple[tuple[str | int, ...], str, str]] = {
    Why.TITLE: (("radiance field",), "title says “radiance field”", "„radiance field“ im Titel"),
    Why.ABSTRACT: (("scene", "view"), "abstract says “scene” and “view”", "„scene“ und „view“ im Abstract"),
    Why.BOTH: (
        ("neural field",),
        "title and abstract together say “neural field”",
        "„neural field“ in Titel und Abstract zusammen",
    ),
    Why.RELATED: (
        ("rendering", "view"),
        "says “rendering” and “view”, as papers on this topic often do",
        "nennt „rendering“ und „view“, wie viele Artikel zu diesem Thema",
    ),
    Why.AUTHOR: (
        ("Ada Lovelace",),
        "by Ada Lovelace, whom you follow",
        "von Ada Lovelace (Sie folgen dieser Person)",
    ),
    Why.INSTITUTION: (
        ("University of Bologna",),
        "from University of Bologna, which you follow",
        "von University of Bologna (Sie folgen dieser Einrichtung)",
    ),
    Why.LIKED: (
        ("DietNeRF: Putting NeRF on a Diet",),
        "close to “DietNeRF”, which you liked",
        "ähnlich wie der Artikel „DietNeRF“, der Ihnen gefiel",
    ),
    Why.EXAMPLE: (
        ("DietNeRF: Putting NeRF on a Diet",),
        "close to “DietNeRF”, an example of this topic",
        "ähnlich wie „DietNeRF“, ein Beispiel für dieses Thema",
    ),
    Why.MEANING: ((), "close in meaning to this topic", "diesem Thema inhaltlich nah"),
    Why.VOTES: ((1_234, 2), "no. 2 of its day with 1,234 votes", "Nr. 2 des Tages mit 1.234 Stimmen"),
    Why.PLACE: (
        (3, 60, "2025-03-12"),
        "no. 3 of 60 on the page of 12 March",
        "Nr. 3 von 60 auf der Seite vom 12. März",
    ),
    Why.AGAIN: ((2,), "listed on 2 days", "an 2 Tagen gelistet"),
    Why.STANDING: (
        (1_234, 97),
        "1,234 votes, more than 97% of papers as old",
        "1.234 Stimmen, mehr als 97% der ebenso alten Artikel",
    ),
    Why.ROSE: (
        (12, 1_140, 4, 97),
        "votes rose from 12 to 1,140 in 4 days, more than 97% of papers as old",
        "von 12 auf 1.140 Stimmen in 4 Tagen, mehr als 97% der ebenso alten Artikel",
    ),
    Why.TEXT: (("as it was frozen once",), "as it was frozen once", "as it was frozen once"),
}


@pytest.mark.parametrize("kind", Why)
def test_every_kind_has_its_words(kind: Why) -> None:
    values, english, german = SAID[kind]
    assert words.reason(ENGLISH, Reason(kind, values)) == english
    assert words.reason(language("de"), Reason(kind, values)) == german


def test_one_vote_is_one_vote() -> None:
    assert words.reason(ENGLISH, Reason(Why.VOTES, (1, 1))) == "no. 1 of its day with 1 vote"
    assert words.reason(language("de"), Reason(Why.VOTES, (1, 1))) == "Nr. 1 des Tages mit 1 Stimme"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", [Why.RELATED, Why.AUTHOR, Why.INSTITUTION, Why.LIKED, Why.EXAMPLE])
@pytest.mark.parametrize("hostile", ["100 %(x)s %d", "{{ 7 * 7 }}", "<b>", "“quoted”", "神经辐射场", "שדות קרינה", ""])
def test_words_of_others_stand_as_they_are(code: str, kind: Why, hostile: str) -> None:
    said = words.reason(language(code), Reason(kind, (hostile,)))
    assert hostile in said
    assert len(said) > len(hostile)


@pytest.mark.parametrize("kind", [Why.LIKED, Why.EXAMPLE])
def test_a_paper_is_called_by_a_short_name(kind: Why) -> None:
    said = words.reason(ENGLISH, Reason(kind, ("A Very Long Title About Everything That Anybody Ever Measured " * 9,)))
    assert "“A Very Long Title About Everything That…”" in said
    assert len(said) < 80


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Why.AUTHOR, ()),
        (Why.AUTHOR, ("A", "B")),
        (Why.INSTITUTION, ()),
        (Why.LIKED, ()),
        (Why.EXAMPLE, ("A", "B")),
        (Why.VOTES, ("many", 1)),
        (Why.VOTES, (3,)),
    ],
)
def test_values_of_another_kind_are_refused(kind: Why, values: tuple[str | int, ...]) -> None:
    with pytest.raises(ValueError, match="is no reason"):
        words.reason(ENGLISH, Reason(kind, values))


def test_of_votes_that_nobody_had_told_before_only_those_of_now_are_named() -> None:
    rose = Reason(Why.ROSE, (-1, 140, 1, 93))
    assert words.reason(ENGLISH, rose) == "140 votes within 1 day, more than 93% of papers as old"
    assert words.reason(language("de"), rose) == "140 Stimmen in 1 Tag, mehr als 93% der ebenso alten Artikel"
