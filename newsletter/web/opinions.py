"""Opinions: a page of one paper for one reader, with buttons for more and for less like it.

Links in e-mails name the reader by a token and the paper beside it; those that older pages had name both in one token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from newsletter.assembly import limits
from newsletter.feedback import topic_of
from newsletter.model import TRENDING, Digest, Feedback, Opinion, Paper, State, Status, Subscriber
from newsletter.model.message import paper_of_part
from newsletter.ranking import digest
from newsletter.subscribing import preferring
from newsletter.subscribing.wishes import Faults
from newsletter.web import forms
from newsletter.web.bounds import fits
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.private import PRIVATE, SEEN, claimed, not_here

router = APIRouter(include_in_schema=False)


@router.api_route("/opinions/{token}", methods=SEEN)
@router.api_route("/opinions/{token}/{paper}", methods=SEEN)
async def opinion(request: Request, desk: AtDesk) -> Response:
    """The paper, what its reader said of it, and the buttons; `?say=dislike` has the one for less come first."""
    found = await _asked(desk, request)
    less = request.query_params.get("say") == Opinion.DISLIKE
    return await _page(desk, *found, less=less) if found else not_here(desk)


@router.post("/opinions/{token}")
@router.post("/opinions/{token}/{paper}")
async def say(request: Request, desk: AtDesk) -> Response:
    """Note an opinion (`say=like`, `say=dislike`) or take all on this paper back (`say=undo`), or mute one of its
    authors or take that back (`mute=NAME`, `unmute=NAME`), then show the page."""
    found, form = await _asked(desk, request), await forms.read(request)
    if found is None:
        return not_here(desk)
    reader, paper = found
    said, topic = forms.text(form, "say"), forms.text(form, "topic")
    if said == "undo":
        for one in await _standing(desk, reader, paper):
            await desk.store.feedback.undo(reader.id, one.id, desk.now())
    elif said in (Opinion.LIKE, Opinion.DISLIKE):
        about = topic if topic in reader.follows else await topic_of(desk.store, reader, paper)
        if about is not None:
            await desk.store.feedback.record(reader.id, about, paper.id, Opinion(said), desk.now())
    elif faults := await _mute(desk, reader, paper, forms.text(form, "mute"), forms.text(form, "unmute")):
        return await _page(desk, reader, paper, faults=faults)
    here = "/".join(map(str, request.path_params.values()))
    return RedirectResponse(f"{desk.pages.root}/opinions/{here}", 303, PRIVATE)


async def last_digest(desk: Desk, reader: Subscriber) -> tuple[Digest, list[Paper]] | None:
    """The digest that reached `reader` last, with its papers in their order, then those that rose; None when none has.

    It is worked out from what is frozen, and nothing is frozen for it: who only looks changes nothing.
    """
    accepted = await desk.store.ledger.deliveries(state=State.ACCEPTED, address=reader.address, limit=1)
    if not accepted:
        return None
    day, newest = accepted[0].local_date, accepted[0].occasion.newest
    editions = (await desk.daily.publishing.spans([reader], day, through=newest))[reader.id]
    own = await desk.store.editions.personal([reader.id], [edition.id for edition in editions])
    wanted = (*reader.follows, TRENDING)
    ranked = {
        one.id: {**await desk.store.editions.rankings(one.id, wanted), **own.get((reader.id, one.id), {})}
        for one in editions
    }
    known = tuple(slug for slug in reader.follows if all(slug in by_slug for by_slug in ranked.values()))
    spanning = desk.daily.publishing.spanning
    merged = await spanning.rankings(await spanning.span(editions, newest), ranked, known)
    rankings = await desk.daily.publishing.unmuted(reader, merged, newest)
    chosen = digest(day, known, editions, rankings, limits(desk.settings))
    noted = (await desk.store.shown.to([reader.id], day - timedelta(days=1), day)).get(reader.id, [])
    rose = [paper for _, one in noted for paper in one.rising]
    papers = await desk.store.papers.get([*(pick.paper for pick in chosen.picks), *rose])
    return chosen, list(papers.values())


async def _mute(desk: Desk, reader: Subscriber, paper: Paper, mute: str, unmute: str) -> Faults:
    """Note that `reader` wants nothing more by the author `mute` of `paper`, or take that back of `unmute`."""
    known = {one.name for one in preferring.authors_of(paper, reader)}
    if unmute in known:
        await preferring.unmute_author(desk.store, reader, unmute)
    return await preferring.mute_author(desk.store, reader, mute) if mute in known else Faults()


async def _asked(desk: Desk, request: Request) -> tuple[Subscriber, Paper] | None:
    token, part = request.path_params["token"], request.path_params.get("paper")
    reader = await claimed(desk, token)
    if reader is None or reader.status not in (Status.ACTIVE, Status.PAUSED):
        return None
    if part is None:
        paper = desk.tokens.read_opinion(token, reader.id, reader.address)
    else:
        paper = paper_of_part(part) if desk.tokens.is_opinions(token, reader.id, reader.address) else None
    if paper is None or not fits(paper):
        return None
    found = await desk.store.papers.get([paper])
    return next(((reader, one) for one in found.values()), None)


async def _standing(desk: Desk, reader: Subscriber, paper: Paper) -> list[Feedback]:
    said = (await desk.store.feedback.standing([reader.id])).get(reader.id, [])
    return [one for one in said if one.paper == paper.id]


async def _page(
    desk: Desk, reader: Subscriber, paper: Paper, *, less: bool = False, faults: Mapping[str, str] | None = None
) -> Response:
    names = preferring.topic_names(desk.topics, reader)
    followed = {slug: preferring.topic_name(slug, names) for slug in reader.follows}
    about = await topic_of(desk.store, reader, paper)
    values = {
        "paper": paper,
        "title": preferring.title_of(paper),
        "standing": [
            (one.opinion == Opinion.LIKE, preferring.topic_name(one.topic, names))
            for one in await _standing(desk, reader, paper)
        ],
        "about": followed.get(about) if about else None,
        "less": less,
        "followed": followed,
        "authors": preferring.authors_of(paper, reader),
        "faults": faults or {},
        "preferences": desk.tokens.preferences(reader.id, reader.address),
    }
    return desk.pages.page("opinion", values, status=422 if faults else 200, headers=PRIVATE)
