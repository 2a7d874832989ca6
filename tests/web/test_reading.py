"""The pages that anybody may read: what they say, what is not there, what is kept."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from papers_web import DAY, FEED_PAPER, FULL, FULL_NUMBERS, sixty
from serving_web import aside, configured, holding, serving

from newsletter.assembly import opened_store
from newsletter.settings import Configuration
from newsletter.web.reading import PAGE


@pytest.fixture
def site(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        yield client


def text(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


PAGES = [
    "/",
    "/editions",
    "/editions/2025-03-11",
    "/editions/2025-03-12",
    "/editions/2025-03-12?since=2025-03-11",
    "/topics",
    "/topics/language-models",
    "/topics/language-models?day=2025-03-11",
    "/search",
    "/search?q=brain",
    "/feed.atom",
    "/topics/language-models/feed.atom",
    "/sitemap.xml",
    "/robots.txt",
    "/style.css",
    "/operator.css",
    "/icon.svg",
]


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_there_and_need_not_be_sent_twice(site: httpx.Client, path: str) -> None:
    whole = site.get(path)
    assert whole.status_code == 200
    assert re.fullmatch(r'"[0-9a-f]{32}"', whole.headers["etag"])
    assert re.fullmatch(r"public, max-age=[1-9]\d*", whole.headers["cache-control"])
    assert "set-cookie" not in whole.headers
    for known in (whole.headers["etag"], f'"other", W/{whole.headers["etag"]}', "*"):
        again = site.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", whole.headers["etag"])
    assert site.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/nothing"])
def test_head_says_what_get_would(site: httpx.Client, path: str) -> None:
    get, head = site.get(path), site.head(path)
    assert head.content == b""
    assert head.status_code == get.status_code
    for name in ("etag", "content-length", "content-type", "cache-control"):
        assert head.headers.get(name) == get.headers.get(name)


def test_the_front_page_is_the_newest_day(site: httpx.Client) -> None:
    said = text(site.get("/"))
    assert "Get trending papers in your email inbox!" in said
    assert "Wednesday 12 March 2025" in said
    assert "by AK and the research community · 47 papers" in said
    assert "Papers from daily-papers (47)." in said
    page = site.get("/").text
    assert 'href="/subscribe"' in page
    assert page.count("<li><h2>") == 47
    assert 'href="/editions/2025-03-11"' in page
    assert "?day=2025-03-12" in page


def test_days_lead_to_each_other(site: httpx.Client) -> None:
    older, newer = site.get("/editions/2025-03-11").text, site.get("/editions/2025-03-12").text
    assert '<a rel="next" href="/editions/2025-03-12">' in older
    assert 'rel="prev"' not in older
    assert '<a rel="prev" href="/editions/2025-03-11">' in newer
    assert 'rel="next"' not in newer
    assert "March 2025" in text(site.get("/editions"))


def test_a_digest_of_several_days_has_a_page_of_all_its_papers(site: httpx.Client) -> None:
    several, *days = (
        site.get(f"/editions/{path}") for path in ("2025-03-12?since=2025-03-11", "2025-03-11", "2025-03-12")
    )
    numbers = [int(re.search(r"(\d+) papers?", text(one))[1]) for one in days]  # type: ignore[index]  # or fail
    assert f"11 and 12 March 2025 2 editions, {sum(numbers)} papers" in text(several)
    assert 'href="/editions/2025-03-11"' in several.text
    assert re.search(r"page=2\b", several.text) or sum(numbers) <= PAGE
    for strange in ("2025-03-13", "0001-01-01", "2024-03-12", "yesterday"):
        assert site.get(f"/editions/2025-03-12?since={strange}").status_code == 404
    # Of a span that holds one edition only, that edition.
    assert text(site.get("/editions/2025-03-11?since=2025-03-02")) == text(days[0])


def test_papers_stand_in_the_order_of_their_page(site: httpx.Client) -> None:
    titles = re.findall(r"<h2><a [^>]*>(.*?)</a></h2>", site.get("/editions/2025-03-11").text)
    assert len(titles) == 60
    assert titles[0] == "Neural Fields in Robotics: A Survey"


def test_a_topic_shows_its_first_picks_with_reasons_and_no_scores(site: httpx.Client) -> None:
    page = site.get("/topics/brain-decoding")
    said = text(page)
    assert "Brain decoding and neuroscience" in said
    assert "Reading images, speech and meaning" in said
    assert "Why: title says “fMRI” and “Decoding”; abstract says “cortex”" in said
    assert said.index("12 March 2025") < said.index("11 March 2025")
    assert page.text.count("<li><h3>") == 3 + 5
    assert "All 10 of Tuesday 11 March 2025" in said
    assert "score" not in said
    whole = site.get("/topics/brain-decoding?day=2025-03-11")
    assert whole.text.count("<li><h3>") == 10
    assert "No paper of Wednesday 12 March 2025" in text(site.get("/topics/neural-fields?day=2025-03-12"))


def test_search_finds_every_word(site: httpx.Client) -> None:
    assert text(site.get("/search")).count("every word you write") == 1
    found = site.get("/search", params={"q": "FMRI decoding"}).text
    assert found.count("<li><h2>") > 0
    few = site.get("/search", params={"q": "fmri decoding cortex"}).text
    assert 0 < few.count("<li><h2>") <= found.count("<li><h2>")
    assert "No paper holds all of these words" in text(site.get("/search", params={"q": "fmri xylophonist"}))


@pytest.mark.parametrize(
    "words", ["%", "_", "\\", "a%b", "%%%%%%%%", "'; DROP TABLE papers; --", '" OR 1=1', "\x00", "/_"]
)
def test_signs_that_mean_something_to_a_database_mean_nothing(site: httpx.Client, words: str) -> None:
    answer = site.get("/search", params={"q": f"{words} zzqx"})
    assert answer.status_code == 200
    assert answer.text.count("<li><h2>") == 0
    assert site.get("/").status_code == 200


def test_percent_and_underscore_are_letters_like_others(site: httpx.Client) -> None:
    every = site.get("/search", params={"q": "the"}).text.count("<li><h2>")
    percent = site.get("/search", params={"q": "%"}).text.count("<li><h2>")
    assert 0 < percent < every
    assert site.get("/search", params={"q": "n_ural"}).text.count("<li><h2>") == 0


def test_a_search_is_bounded(site: httpx.Client) -> None:
    answer = site.get("/search", params={"q": "e " * 20_000})
    assert answer.status_code == 200
    assert answer.text.count("<li><h2>") == 100
    assert "The newest 100 papers" in text(answer)
    assert len(re.findall(r'value="([^"]*)"', answer.text)[0]) <= 200


NOT_THERE = [
    "/nothing",
    "/editions/2025-03-13",
    "/editions/2025-3-11",
    "/editions/20250311",
    "/editions/2025-W11-2",
    "/editions/2025-02-30",
    "/editions/0000-00-00",
    "/editions/%D9%A2%D9%A0%D9%A2%D9%A5-03-11",
    "/editions/../../etc/passwd",
    "/editions/%2e%2e",
    "/editions/..%2f..%2fetc%2fpasswd",
    "/editions/%00",
    "/editions/2025-03-11%00",
    "/editions/2025-03-11?page=0",
    "/editions/2025-03-11?page=2",
    "/editions/2025-03-11?page=-1",
    "/editions/2025-03-11?page=99999",
    "/editions/2025-03-11?page=%D9%A1",
    "/editions/2025-03-11?page=1e3",
    "/topics/nothing",
    "/topics/trending",
    "/topics/%2e%2e",
    "/topics/language-models?day=2025-03-13",
    "/topics/language-models?day=yesterday",
    "/topics/nothing/feed.atom",
    "/papers/",
    "/papers/nothing",
    "/papers/%00",
    "/papers/..%2F..%2Fetc%2Fpasswd",
    "/papers/arxiv:9999.99999",
    "/papers/title:%25",
    "/papers/" + "x" * 20_000,
    "/editions/" + "9" * 20_000,
]


@pytest.mark.parametrize("path", NOT_THERE, ids=lambda path: path[:50])
def test_what_is_not_there_is_a_page_that_says_so(address: str, path: str) -> None:
    # As it stands: httpx would take "/../" out.
    host, port = address.removeprefix("http://").split(":")
    answer = raw_get(host, int(port), path)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"There is nothing here" in answer
    assert b"cache-control: public" not in answer.lower()


def raw_get(host: str, port: int, target: str) -> bytes:
    with socket.create_connection((host, port), timeout=10) as one:
        one.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := one.recv(65_536):
            answer += part
    return answer


def test_other_methods_are_refused(site: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert site.request(method, "/").status_code == 405


def test_a_paper_tells_all_that_is_known(tmp_path: Path) -> None:
    with serving(aside(holding(tmp_path, [FULL, FEED_PAPER], FULL_NUMBERS))) as address:
        answer = httpx.get(f"{address}/papers/arxiv:2503.01234")
        said = text(answer)
        assert "O(N 2 ) Brains at 90% of the Speed of" in said
        assert "Ada Lovelace, Erwin Schrödinger, Émilie du Châtelet, Alan Turing" in said
        assert "J. of Brains &amp; Minds · 3 March 2025 · v2 · 41 votes" in said
        for link in FULL.links:
            assert f'href="{link.url.replace("&", "&amp;")}"' in answer.text
        assert "q-bio.NC, cs.CL" in said
        assert "University of Bologna, 東京大学" in said
        assert "11 March 2025 hugging-face 4" in said
        assert "12 March 2025 page 1" in said
        assert "comments 1,234 page 12 March 2025, 09:00 UTC" in said
        assert "arxiv:2503.01234, doi:10.1000/brains(1)" in said
        assert "Votes huggingface/hugging-face" in said
        assert 'href="/editions/2025-03-12">Wednesday 12 March 2025' in answer.text


def test_a_paper_is_found_by_any_of_its_identities(tmp_path: Path) -> None:
    with serving(aside(holding(tmp_path, [FULL, FEED_PAPER])), root="") as address:
        for way in ("2503.01234", "2503.01234v3", "ARXIV:2503.01234", "doi:10.1000%2Fbrains(1)", "10.1000/brains(1)"):
            answer = httpx.get(f"{address}/papers/{way}")
            assert (answer.status_code, answer.headers["location"]) == (301, "/papers/arxiv:2503.01234")
        there = re.findall(r'<h2><a href="([^"]*)"', httpx.get(address).text)
        assert there[1] == "/papers/url:https:%2F%2Fjournal.example%2Fa%20b%2F..%2Fc%3Fd%3D1%26e%3D%2520%23f"
        for path in there:
            assert httpx.get(address + path).status_code == 200
        assert "A Paper Known by an Address" in httpx.get(address + there[1]).text


def test_a_redirect_never_leaves_the_page(tmp_path: Path) -> None:
    with serving(aside(holding(tmp_path, [FULL]))) as address:
        for way in ("/evil.example", "//evil.example/2503.01234", "https://evil.example/", "2503.01234/@evil.example"):
            answer = httpx.get(f"{address}/papers/{way}")
            assert answer.status_code == 404 or answer.headers["location"] == "/papers/arxiv:2503.01234"


def test_a_page_of_sixty_papers_is_small(tmp_path: Path) -> None:
    with serving(aside(holding(tmp_path, sixty()))) as address:
        page = httpx.get(address)
        assert page.text.count("<li><h2>") == 60
        assert len(page.content) < 50_000
        assert len(httpx.get(f"{address}/style.css").content) < 15_000


def test_a_long_day_has_pages(tmp_path: Path) -> None:
    more = [replace(one, id=f"{one.id}9", keys=(f"{one.id}9",), title=f"{one.title}, again") for one in sixty()]
    with serving(aside(holding(tmp_path, [*sixty(), *more][: PAGE + 5]))) as address:
        first, second = httpx.get(address), httpx.get(f"{address}/editions/{DAY}?page=2")
        assert first.text.count("<li><h2>") == PAGE
        assert f'rel="next" href="/editions/{DAY}?page=2"' in first.text
        assert second.text.count("<li><h2>") == 5
        assert f'rel="prev" href="/editions/{DAY}"' in second.text
        assert f'<ol class="papers" start="{PAGE + 1}">' in second.text
        assert httpx.get(f"{address}/editions/{DAY}?page=3").status_code == 404


def test_without_an_edition_the_page_is_friendly(tmp_path: Path) -> None:
    with serving(configured(tmp_path)) as address:
        for path in PAGES:
            if "2025" not in path:
                assert httpx.get(address + path).status_code == 200
        assert "The first papers are on their way" in text(httpx.get(address))
        assert 'href="/subscribe"' in httpx.get(address).text
        assert "There is no edition yet" in text(httpx.get(f"{address}/editions"))


def test_days_to_come_are_not_announced(tmp_path: Path) -> None:
    configuration = aside(holding(tmp_path, [FULL]))
    with serving(configuration, now=lambda: datetime(2025, 3, 11, 12, tzinfo=UTC)) as address:
        for path in ("/", "/editions", "/feed.atom", "/sitemap.xml", "/topics/brain-decoding"):
            assert "2025-03-12" not in httpx.get(address + path).text
        # But a link in an e-mail to somebody whose day has begun leads there.
        assert httpx.get(f"{address}/editions/2025-03-12").status_code == 200


async def freeze(configuration: Configuration, day: date) -> None:
    async with opened_store(configuration) as store:
        await store.editions.freeze(day, (), (), ())


def test_a_new_day_is_shown_at_once(tmp_path: Path) -> None:
    configuration = aside(holding(tmp_path, [FULL]))
    with serving(configuration, now=lambda: datetime(2025, 3, 13, 12, tzinfo=UTC)) as address:
        before = httpx.get(address)
        assert "Wednesday 12 March" in before.text
        aside(freeze(configuration, date(2025, 3, 13)))
        after = httpx.get(address, headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        assert "Thursday 13 March" in after.text


def test_a_midnight_needs_no_restart(tmp_path: Path) -> None:
    clock = [datetime(2025, 3, 11, 23, 59, tzinfo=UTC)]
    with serving(aside(holding(tmp_path, [FULL])), now=lambda: clock[0]) as address:
        assert "The first papers are on their way" in httpx.get(address).text
        clock[0] += timedelta(minutes=2)
        assert "Wednesday 12 March" in httpx.get(address).text


# FastAPI would rather have the server say it; links do not hang on either.
@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
def test_below_a_path_every_link_is_below_it(tmp_path: Path) -> None:
    with serving(aside(holding(tmp_path, [FULL])), root="/papers-page") as address:
        for path in ("/", "/editions", "/topics", "/topics/brain-decoding", "/search", "/papers/arxiv:2503.01234"):
            page = httpx.get(address + path).text
            links = re.findall(r'(?:href|action|src)="(/[^"]*)"', page)
            assert links
            assert [link for link in links if not link.startswith("/papers-page/")] == []
        assert httpx.get(f"{address}/papers/2503.01234").headers["location"] == "/papers-page/papers/arxiv:2503.01234"


def test_other_sites_are_told_what_a_page_is(tmp_path: Path, installation: Configuration) -> None:
    configuration = aside(holding(tmp_path, [FULL], site="https://papers.example.org/"))
    with serving(configuration) as address:
        for path in ("/", "/editions/2025-03-12", "/papers/arxiv:2503.01234", "/topics/brain-decoding", "/topics"):
            page = httpx.get(address + path).text
            said = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]+)">', page))
            assert set(said) == {"title", "description", "type", "url", "site_name"}
            assert said["url"] == f"https://papers.example.org{path}"
            assert said["type"] in {"website", "article"}
        robots = httpx.get(f"{address}/robots.txt").text
        assert "Sitemap: https://papers.example.org/sitemap.xml" in robots
    with serving(installation) as address:
        assert f'content="{address}/"' in httpx.get(address).text
        evil = httpx.get(address, headers={"Host": 'evil"><script>alert(1)</script>'})
        assert "<script" not in evil.text
        assert "evil" not in evil.text
