"""Feeds that feed readers accept, and the lists that robots ask for."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin
from xml.etree import ElementTree

import feedparser
import httpx
import pytest
from papers_web import FEED_PAPER, FULL, HOSTILE_TOPIC, hostile
from serving_web import aside, configured, holding, serving

from newsletter.web.feeds import MOST_ENTRIES

ATOM = "{http://www.w3.org/2005/Atom}"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
FEEDS = ["/feed.atom", "/topics/brain-decoding/feed.atom"]


def valid(content: bytes) -> ElementTree.Element:
    """The feed, held against what RFC 4287 says must be there (sections 4.1.1 and 4.1.2)."""
    feed = ElementTree.fromstring(content)
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    for one in (feed, *entries):
        for name in ("id", "title", "updated"):
            assert len(one.findall(ATOM + name)) == 1
        assert re.fullmatch(MOMENT, one.findtext(f"{ATOM}updated") or "")
        assert re.fullmatch(r"tag:[a-z0-9.@-]+,\d{4}:[A-Za-z0-9._~:/%!$&'()*+,;=@?-]+", one.findtext(f"{ATOM}id") or "")
        links = one.findall(f"{ATOM}link")
        assert [link.get("rel") for link in links].count("alternate") == 1
        for link in links:
            assert re.match(r"https?://[^/]", link.get("href") or "")
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    assert [link.get("rel") for link in feed.findall(f"{ATOM}link")].count("self") == 1
    ids = [one.findtext(f"{ATOM}id") for one in entries]
    assert len(set(ids)) == len(ids)
    return feed


@pytest.mark.parametrize("path", FEEDS)
def test_feeds_are_valid(address: str, path: str) -> None:
    answer = httpx.get(address + path)
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    valid(answer.content)
    read = feedparser.parse(answer.content)
    assert read.bozo == 0
    assert read.version == "atom10"
    assert read.entries
    for entry in read.entries:
        assert entry.title
        assert entry.link.startswith(f"{address}/papers/")
        assert len(entry.summary) > 100


def test_the_newest_day_comes_first_and_no_more_than_a_hundred(address: str) -> None:
    read = feedparser.parse(httpx.get(f"{address}/feed.atom").content)
    assert len(read.entries) == MOST_ENTRIES
    days = [entry.updated for entry in read.entries]
    assert days == sorted(days, reverse=True)
    assert read.feed.updated == days[0] == "2025-03-12T00:00:00Z"
    assert read.entries[0].title == "Towards Metamerism via Foveated Style Transfer"


def test_a_topics_feed_says_why(address: str) -> None:
    read = feedparser.parse(httpx.get(f"{address}/topics/brain-decoding/feed.atom").content)
    assert read.feed.title == "Trending Papers: Brain decoding and neuroscience"
    assert len(read.entries) == 3 + 5
    assert all("Why:" in entry.summary for entry in read.entries)


def test_every_entry_leads_to_its_paper(address: str) -> None:
    for entry in feedparser.parse(httpx.get(f"{address}/topics/brain-decoding/feed.atom").content).entries:
        assert httpx.get(entry.link).status_code == 200


def test_links_start_with_the_site_and_ids_do_not_move(tmp_path: Path) -> None:
    here = aside(holding(tmp_path / "a", [FULL, FEED_PAPER]))
    there = aside(holding(tmp_path / "b", [FULL, FEED_PAPER], site="https://papers.example.org/daily/"))
    with serving(here) as address:
        first = feedparser.parse(httpx.get(f"{address}/feed.atom").content)
    with serving(there) as address:
        answer = httpx.get(f"{address}/feed.atom")
        valid(answer.content)
        second = feedparser.parse(answer.content)
        assert "127.0.0.1" not in answer.text
    assert [entry.id for entry in first.entries] == [entry.id for entry in second.entries]
    assert first.entries[0].id == "tag:papers.example.org,2025:papers/arxiv:2503.01234"
    assert second.entries[0].link == "https://papers.example.org/daily/papers/arxiv:2503.01234"
    assert second.feed.id == first.feed.id == "tag:papers.example.org,2025:feed"


def test_a_feed_holds_what_is_known(tmp_path: Path) -> None:
    with serving(aside(holding(tmp_path, [FULL]))) as address:
        [entry] = feedparser.parse(httpx.get(f"{address}/feed.atom").content).entries
        assert entry.title == "Mapping O(N<sup>2</sup>) Brains at 90% of the Speed of <em>Talk</em>"
        assert [author.name for author in entry.authors][1] == "Erwin Schrödinger"
        assert [tag.term for tag in entry.tags] == ["q-bio.NC", "cs.CL"]
        assert "x<sub>1</sub> &lt; x<sub>2</sub>" in entry.summary
        related = {link.href for link in entry.links if link.rel == "related"}
        assert related == {link.url for link in FULL.links}


def test_a_hostile_paper_makes_no_invalid_feed(tmp_path: Path) -> None:
    with serving(aside(holding(tmp_path, hostile(), topics=[HOSTILE_TOPIC]))) as address:
        for path in ("/feed.atom", "/topics/attacks/feed.atom"):
            content = httpx.get(address + path).content
            feed = valid(content)
            assert len(feed.findall(f"{ATOM}entry")) == 8
            assert feedparser.parse(content).bozo == 0
            assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]", content.decode())
            for one in feed.iter():
                if one.get("type") == "html":
                    assert not re.search(r"<(?!/?(?:p|b|em|strong|code|su[bp])>)", one.text or "")
            assert not [link for link in feed.iter(f"{ATOM}link") if "javascript:" in (link.get("href") or "")[:12]]


def test_an_empty_feed_is_valid(tmp_path: Path) -> None:
    with serving(configured(tmp_path)) as address:
        for path in FEEDS:
            content = httpx.get(address + path).content
            valid(content)
            assert feedparser.parse(content).bozo == 0


def test_the_sitemap_names_what_is_there(address: str) -> None:
    answer = httpx.get(f"{address}/sitemap.xml")
    tree = ElementTree.fromstring(answer.content)
    places = [one.text or "" for one in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert f"{address}/editions/2025-03-11" in places
    assert len(places) == len(set(places)) == 3 + 8 + 2
    for place in places:
        assert httpx.get(place).status_code == 200


def test_robots_are_told_what_not_to_ask_for(address: str) -> None:
    rules = httpx.get(f"{address}/robots.txt")
    assert rules.headers["content-type"].startswith("text/plain")
    assert "Disallow: /preferences/" in rules.text
    assert f"Sitemap: {urljoin(address, '/sitemap.xml')}" in rules.text
