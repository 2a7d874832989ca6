"""`newsletter run` on the shipped configuration and seeds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from installation import Installation
from journeys_parsing import html_of, papers_in_html, papers_in_text, parsed, text_of
from places import SEEDS

from newsletter.settings import configuration_folder, load


def test_four_readers_get_their_topics_from_107_papers(delivered: Installation) -> None:
    report = delivered("run", "--date", "latest", "--json").json
    assert report["edition"] == {"day": "2025-03-12", "papers": 107}
    assert [one["state"] for one in report["deliveries"]] == ["accepted"] * 4
    loaded = load(configuration_folder())
    names = {topic.slug: topic.name for topic in loaded.topics}
    mail = delivered.mail()
    assert set(mail) == {reader.address for reader in loaded.subscribers}
    for reader in loaded.subscribers:
        html = html_of(parsed(mail[reader.address]))
        headings = [" ".join(one.text_content().split()) for one in html.iter("h2")]
        for slug in reader.topics:
            assert any(names[slug] in heading for heading in headings), (reader.address, slug, headings)


def test_messages_have_no_defects_and_equal_parts(delivered: Installation) -> None:
    papers = {paper["title"] for paper in delivered("papers", "--json").json}
    assert len(papers) == 107
    for content in delivered.mail().values():
        message = parsed(content)
        assert not [defect for part in message.walk() for defect in part.defects]
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        shown = papers_in_html(message)
        assert shown
        assert set(shown) <= papers
        assert len(shown) == len(set(shown))
        assert papers_in_text(message, shown) == shown


def test_no_raw_latex_reaches_a_reader(delivered: Installation) -> None:
    for content in delivered.mail().values():
        message = parsed(content)
        words = html_of(message).text_content() + text_of(message)
        assert not re.findall(r"\\[a-zA-Z]+|\{\\|\$[^$\d ]+\$", words)


def test_headers_are_those_of_a_well_kept_list(delivered: Installation) -> None:
    message: EmailMessage = parsed(delivered.mail()["ada@example.org"])
    assert message["From"].addresses[0].addr_spec == "papers@example.org"
    assert re.fullmatch(r"<2025-03-12\.[0-9a-f]{20}@example\.org>", message["Message-ID"])
    assert message["Date"].datetime.isoformat() == "2025-03-12T07:00:00+00:00"
    assert "<papers.example.org>" in message["List-Id"]
    assert message["List-Unsubscribe"].startswith("<mailto:papers@example.org?subject=unsubscribe")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] is None


def test_a_site_puts_https_links_first(installation: Installation) -> None:
    headers = installation(
        "preview",
        "--subscriber",
        "ada@example.org",
        "--format",
        "headers",
        "--out",
        "-",
        NEWSLETTER_SITE__URL="https://papers.example.org/",
    ).out
    assert re.search(r"^List-Unsubscribe: <https://papers\.example\.org/unsubscribe/[^>]+>, <mailto:", headers, re.M)


def test_running_twice_sends_once_and_says_so(installation: Installation) -> None:
    installation("run", "--date", "latest")
    first = installation.mail()
    again = installation("run", "--date", "latest")
    assert "Nothing was sent now. 2025-03-12: 4 accepted." in again.out
    assert installation.mail() == first
    assert len(list((installation.state / "outbox" / "new").iterdir())) == 4
    batches = installation("run", "--date", "latest", "--json").json["batches"]
    assert {batch["verdict"] for batch in batches} == {"same"}


def test_a_fresh_state_gives_the_same_bytes(
    installation: Installation, delivered: Installation, tmp_path: Path
) -> None:
    for fresh in (installation, Installation(tmp_path / "another" / "var")):
        fresh.state.parent.mkdir(exist_ok=True)
        fresh("run", "--date", "2025-03-12")
        assert fresh.mail() == delivered.mail()


def test_the_two_days_run_in_turn_repeat_nothing(installation: Installation) -> None:
    installation("run", "--date", "2025-03-11")
    first = {address: papers_in_html(parsed(content)) for address, content in installation.mail().items()}
    shutil.rmtree(installation.state / "outbox")
    report = installation("run", "--date", "2025-03-12", "--json").json
    assert report["edition"]["papers"] == 47
    for address, content in installation.mail().items():
        assert not set(papers_in_html(parsed(content))) & set(first.get(address, []))
    # Of today both say nothing.
    assert installation("status", "--json").json["good_run"] is None


def test_a_day_with_nothing_new_names_the_newest_and_exits_0(installation: Installation) -> None:
    answered = installation("run")
    assert "Nothing new for" in answered.out
    assert "newsletter run --date 2025-03-12" in answered.out
    assert installation.mail() == {}


def test_a_rehearsal_sends_and_plans_nothing(installation: Installation) -> None:
    report = installation("run", "--date", "latest", "--dry-run", "--json").json
    assert [one["state"] for one in report["deliveries"]] == ["would be sent"] * 4
    assert installation.mail() == {}
    status = installation("status", "--json").json
    assert sum(status["deliveries"].values()) == 0
    assert status["editions"] == []
    sent = installation("run", "--date", "latest", "--json").json["deliveries"]
    assert [one["bytes"] for one in sent] == [one["bytes"] for one in report["deliveries"]]


def test_a_preview_is_the_message_that_a_run_sends(installation: Installation, delivered: Installation) -> None:
    for address, sent in delivered.mail().items():
        content = installation("preview", "--subscriber", address, "--format", "eml", "--out", "m.eml").out.strip()
        assert (installation.state.parent / content).read_bytes().replace(b"\r\n", b"\n") == sent


@pytest.mark.parametrize(("date", "why"), [("2999-01-01", "has not come yet"), ("yesterday", "is not a day")])
def test_a_date_that_cannot_be_is_refused(installation: Installation, date: str, why: str) -> None:
    assert why in installation("run", "--date", date, expect=2).err


def test_who_left_gets_nothing_whatever_the_file_says(installation: Installation) -> None:
    installation("subscribers", "leave", "Ada@Example.org")
    installation("run", "--date", "latest")
    assert set(installation.mail()) == {"santiago@example.org", "mei@example.org", "grace@example.org"}
    assert installation("status", "--json").json["balanced"] is True


def test_a_relay_that_is_not_there_stops_the_run_and_loses_nothing(installation: Installation) -> None:
    relay = {"NEWSLETTER_SMTP__HOST": "127.0.0.1", "NEWSLETTER_SMTP__PORT": "1", "NEWSLETTER_SMTP__SECURITY": "none"}
    relay["NEWSLETTER_SMTP__PATIENCE"] = "1"
    answered = installation("run", "--date", "latest", expect=1, **relay)
    assert "127.0.0.1:1" in answered.err
    status = installation("status", "--json").json
    assert status["balanced"] is True
    assert status["deliveries"]["ready"] == 4
    installation("run", "--date", "latest")
    assert len(installation.mail()) == 4


def test_documents_that_do_not_parse_are_reported_and_the_run_goes_on(
    installation: Installation, folder: Callable[..., Path]
) -> None:
    papers = folder()
    seeds = papers / "documents"
    shutil.copytree(SEEDS, seeds)
    (seeds / "empty.txt").write_bytes(b"")
    (seeds / "binary.txt").write_bytes(b"Mar 12\n\n\xff\xfe\n")
    (seeds / "lone.txt").write_text("Mar 12\n\nA Title Without Its Abstract\n")
    text = (papers / "newsletter.toml").read_text().replace('# path = "/srv/papers"', 'path = "documents"')
    (papers / "newsletter.toml").write_text(text)
    report = installation("--config", str(papers), "run", "--date", "latest", "--json").json
    verdicts = {batch["document"]: batch["verdict"] for batch in report["batches"]}
    assert verdicts["empty.txt"] == verdicts["binary.txt"] == "broken"
    assert verdicts["lone.txt"] in {"partial", "broken"}
    assert report["edition"]["papers"] == 107
    assert len(installation.mail()) == 4


def test_a_missing_folder_is_a_broken_batch_and_exit_3(installation: Installation, folder: Callable[..., Path]) -> None:
    papers = folder()
    text = (papers / "newsletter.toml").read_text().replace('# path = "/srv/papers"', 'path = "nowhere"')
    (papers / "newsletter.toml").write_text(text)
    report = installation("--config", str(papers), "run", "--json", expect=3).json
    [batch] = report["batches"]
    assert batch["verdict"] == "broken"
    assert "nowhere" in batch["why"]
