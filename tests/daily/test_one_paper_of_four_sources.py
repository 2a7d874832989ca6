"""One paper on a saved page, on the Hub, on arXiv and in a journal's feed, over real HTTP: one card with every link."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

from sources_of_a_world import use
from web_server import Reply, WebServer
from world import World, reader

from newsletter.model import LinkKind, State, Verdict

DAY = date(2026, 8, 7)
TITLE = "A Robot That Reads Its Own Papers"
HUB = {
    "paper": {
        "id": "2608.01234",
        "title": "A Robot That Reads\n  Its Own Papers",
        "summary": "As the Hub has it.",
        "authors": [{"name": "A. Example", "hidden": False}],
        "publishedAt": "2026-08-04T00:00:00.000Z",
        "submittedOnDailyAt": "2026-08-07T00:00:00.000Z",
        "upvotes": 17,
        "githubRepo": "https://github.com/example/reader",
    },
    "numComments": 2,
}
ITEM = """<item><title>{title}</title><link>https://arxiv.org/abs/2608.01234</link>
<description>arXiv:2608.01234v{version} Announce Type: {announced}
Abstract: {abstract}</description><guid isPermaLink="false">oai:arXiv.org:2608.01234v{version}</guid>
<category>cs.RO</category><pubDate>Fri, 07 Aug 2026 00:00:00 -0400</pubDate>
<arxiv:announce_type>{announced}</arxiv:announce_type><dc:creator>Ada Example, Bo Sample</dc:creator></item>"""
SPACES = 'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"'
PRISM = 'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
JOURNAL = f"""<rss version="2.0" {PRISM}><channel><title>Journal of Robots</title><item>
<title>A robot that reads its own papers</title><link>https://journal.example/articles/7</link>
<description>&lt;p&gt;As the journal has it.&lt;/p&gt;</description><guid>https://journal.example/articles/7</guid>
<prism:doi>10.48550/arXiv.2608.01234</prism:doi><pubDate>Fri, 07 Aug 2026 06:00:00 +0000</pubDate></item>
</channel></rss>"""


def arxiv_feed(**fields: object) -> Reply:
    item = ITEM.format(**{"title": TITLE, "version": 2, "announced": "new", "abstract": "As arXiv has it."} | fields)
    return Reply(body=f'<rss version="2.0" {SPACES}><channel><title>cs.RO</title>{item}</channel></rss>'.encode())


async def test_one_card_with_every_link(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.readers(reader("ada"))
    world.list_papers(DAY, TITLE)
    async with WebServer() as server:
        habits: dict[str, object] = {"base_url": server.url, "pace": 0, "timeout": 5}
        server.answer("/api/daily_papers", Reply(body=b"[]"))
        server.answer(f"/api/daily_papers?date={DAY}&limit=100&p=0", Reply(body=json.dumps([HUB]).encode()))
        server.answer("/rss/cs.RO", arxiv_feed())
        server.answer("/feed.xml", Reply(body=JOURNAL.encode()))
        use(
            world,
            {"kind": "listing", "name": "page", "path": str(world.folder), "settle": 0},
            {"kind": "huggingface", "name": "hub", **habits},
            {"kind": "arxiv", "name": "arxiv", "categories": ["cs.RO"], "api_url": server.url, **habits},
            {
                "kind": "feed",
                "name": "journal",
                "url": f"{server.url}/feed.xml",
                "venue": "Journal of Robots",
                "pace": 0,
            },
        )
        assert await world.run(DAY) == {"ada@example.org": State.ACCEPTED}
        async with world.daily() as daily:
            [paper] = await daily.store.papers.find()
        kinds = {link.kind for link in paper.links}
        assert kinds >= {LinkKind.ABSTRACT, LinkKind.PDF, LinkKind.DOI, LinkKind.CODE}
        assert {one.source for one in paper.listings} == {"page", "hub", "arxiv", "journal"}
        assert (paper.abstract, paper.authors, paper.version) == ("As arXiv has it.", ("Ada Example", "Bo Sample"), 2)
        assert (paper.votes, paper.venue) == (17, "Journal of Robots")
        assert {"arxiv:2608.01234", "doi:10.48550/arxiv.2608.01234"} <= set(paper.keys)
        [mail] = world.mail()
        assert "1 paper" in mail

        # Its next version is announced on Monday: a note, nothing to send.
        replaced = arxiv_feed(version=3, announced="replace", abstract="It thought again.")
        server.answer("/rss/cs.RO", replaced)
        monday = date(2026, 8, 10)
        assert await world.run(monday) == {}
        async with world.daily() as daily:
            [again] = await daily.store.papers.find()
            observed = await daily.store.papers.observed([again.id])
        assert (again.version, again.abstract) == (2, "As arXiv has it.")  # as it was sent
        assert observed[again.id] == {"votes": 17, "comments": 2, "version": 3}
        assert len(world.mail()) == 1


async def test_one_source_that_is_broken_stops_none_of_the_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.list_papers(DAY, TITLE)
    world.now = datetime(2026, 8, 7, 9, tzinfo=UTC)
    async with WebServer() as server:
        habits: dict[str, object] = {"base_url": server.url, "pace": 0, "timeout": 5}
        server.answer("/rss/cs.RO", arxiv_feed())
        use(
            world,
            {"kind": "feed", "name": "journal", "url": f"{server.url}/feed.xml", "token_file": "/nowhere/at/all"},
            {"kind": "huggingface", "name": "hub", **habits},
            {"kind": "arxiv", "name": "arxiv", "categories": ["cs.RO"], "api_url": server.url, **habits},
            {"kind": "listing", "name": "nowhere", "path": str(tmp_path / "nowhere")},
            {"kind": "listing", "name": "page", "path": str(world.folder), "settle": 0},
        )
        async with world.daily() as daily:
            told = {one.batch.source: one.batch for one in await daily.collect()}
    assert {name: batch.verdict for name, batch in told.items()} == {
        "journal": Verdict.BROKEN,
        "hub": Verdict.BROKEN,
        "arxiv": Verdict.NEW,
        "nowhere": Verdict.BROKEN,
        "page": Verdict.NEW,
    }
    assert "token_file" in told["journal"].why
    assert all(batch.why for batch in told.values())


async def test_two_commands_that_share_a_database_keep_arxivs_pace(tmp_path: Path) -> None:
    """Measured where it counts, at the server: one request at a time, and the pause between two of them."""
    pace = 0.3
    async with WebServer() as server:
        server.answer("/rss/cs.RO", Reply(body=b"<rss><channel></channel></rss>", delay=0.05))
        for category in ("cs.CL", "cs.CV", "math.GT"):
            server.answer(f"/rss/{category}", arxiv_feed())
        table = {"kind": "arxiv", "name": "arxiv", "categories": ["cs.RO", "cs.CL", "cs.CV", "math.GT"]}
        sources = json.dumps([table | {"base_url": server.url, "api_url": server.url, "pace": pace}])
        environment = {"NEWSLETTER_STATE_DIR": str(tmp_path / "var"), "NEWSLETTER_SOURCES": sources, "PATH": ""}
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-W", "error", "-m", "newsletter", "collect", "--json"),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            for _ in range(2)
        ]
        ended = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0], ended
    asked = sorted(server.requests, key=lambda request: request.began)
    assert [request.target for request in asked].count("/rss/cs.RO") == 2
    for one, following in pairwise(asked):
        assert one.ended is not None
        assert following.began - one.ended >= pace - 0.02, (one.target, following.target)
