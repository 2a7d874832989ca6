"""The digest that a visitor would get, shown before they sign up: made of the newest edition, for what they chose."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from newsletter.assembly import limits
from newsletter.daily import Sampling
from newsletter.daily.sampling import named_by_words
from newsletter.model import Digest, Edition, Paper, Pick, Ranking, Topic
from newsletter.subscribing.wishes import Faults, Wishes, wishes
from newsletter.web import forms, showing, signing_up
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.limiting import AtRankingLimits, RankingLimits
from newsletter.web.private import PRIVATE, SEEN

router = APIRouter(include_in_schema=False)


def _sampling(request: Request, desk: AtDesk) -> Sampling:
    """That of the application, made with its first preview."""
    state = request.app.state
    if not hasattr(state, "sampling"):
        state.sampling = Sampling(desk.store, desk.daily.publishing, limits(desk.settings))
    sampling: Sampling = state.sampling
    return sampling


AtSampling = Annotated[Sampling, Depends(_sampling)]


@router.api_route("/subscribe/preview", methods=SEEN)
async def form(desk: AtDesk) -> Response:
    """Where the form is: a preview belongs to what was typed, and has no address."""
    return RedirectResponse(f"{desk.pages.root}/subscribe", 303)


@router.post("/subscribe/preview")
async def preview(request: Request, desk: AtDesk, sampling: AtSampling, turns: AtRankingLimits) -> Response:
    """The form as it was typed, with the digest below it: 200, 422 where a choice has faults, 429 when there was too
    much to rank."""
    given = await forms.read(request)
    faults, typed = Faults(), forms.typed(given)
    wanted = wishes(typed, {one.slug for one in desk.topics}, faults)
    edition = await desk.store.editions.newest(desk.daily.publishing.today())
    wait = 0
    if faults:
        shown: dict[str, Any] = {"said": f"Not yet: {'; '.join(faults.values())}."}
    elif edition is None:
        shown = {"said": "There is no edition yet: come back after the next day of papers, and see what it holds."}
    else:
        topics = _topics(desk, wanted)
        client = request.client.host if request.client else None
        ranked = await _ranked(sampling, turns, client, edition, topics)
        if isinstance(ranked, int):
            wait, shown = ranked, {"said": _too_much(ranked)}
        else:
            shown = await _shown(desk, edition, topics, sampling.digest(edition, topics, ranked))
    stamp = forms.text(given, "stamp")
    return signing_up.page(
        desk,
        forms.text(given, "address"),
        typed,
        faults,
        stamp=stamp if desk.tokens.read_form(stamp) else "",
        shown=shown,
        status=429 if wait else 0,
        headers={**PRIVATE, "Retry-After": str(wait)} if wait else PRIVATE,
    )


@router.api_route("/preview.js", methods=SEEN)
async def live(desk: AtDesk) -> Response:
    """Keeps the preview up to date while somebody chooses; without it they press the button."""
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(desk.pages.text("preview.js", {}), media_type="text/javascript", headers=headers)


def _topics(desk: Desk, wanted: Wishes) -> list[Topic]:
    """What was chosen, then what was worded, each once."""
    chosen = {one.slug: one for one in desk.topics}
    own = map(named_by_words, wanted.own)
    return [*(chosen[slug] for slug in wanted.topics), *dict.fromkeys(own)]


async def _ranked(
    sampling: Sampling, turns: RankingLimits, client: str | None, edition: Edition, topics: list[Topic]
) -> dict[str, Ranking] | int:
    """The rankings that the digest is made of; where too many have to be made, in how many seconds they may be."""
    known = await sampling.known(edition, topics)
    missing = [topic for topic in topics if topic.slug not in known]
    if not missing:
        return known
    with turns.turn(client) as wait:
        return wait or known | await sampling.rank(edition, missing)


def _too_much(wait: int) -> str:
    when = "a few seconds" if wait < 60 else f"{-(-wait // 60)} minutes"
    return (
        "So many people look at topics of their own just now that we cannot rank the papers for yours. Please try "
        f"again in {when}, or sign up: your e-mails follow it all the same."
    )


async def _shown(desk: Desk, edition: Edition, topics: list[Topic], made: Digest) -> dict[str, Any]:
    """The digest as `subscribe_preview.html.j2` shows it."""
    papers = await desk.daily.publishing.papers({pick.paper for pick in made.picks}, edition.day)
    look = desk.settings.email.look()

    def several(picks: tuple[Pick | None, ...]) -> list[showing.Shown]:
        return [showing.shown(papers[one.paper], look, one) for one in picks if one and one.paper in papers]

    def whole() -> dict[str, Any]:
        sections = [(one.name, several(one.picks)) for one in made.sections]
        return {
            "said": _said(edition, topics, made, papers),
            "groups": [("The day's top pick", several((made.top,))), *sections],
            "also": several(made.also),
            "left_out": made.left_out,
            "outside": several((made.outside,)),
        }

    return await asyncio.to_thread(whole)


def _said(edition: Edition, topics: list[Topic], made: Digest, papers: dict[str, Paper]) -> str:
    day, number = showing.long_day(edition.day), len(edition.papers)
    of = (
        f"the {number} papers of {day}, our newest edition"
        if number != 1
        else f"the one paper of {day}, our newest edition"
    )
    if made.empty:
        return f"Nothing in {of}, is about what you chose. You get no e-mail on such a day."
    what = "by what you chose" if topics else "by what is trending, because you have chosen no topic"
    return f"{len(papers)} of {of}, {what}."
