"""What arXiv answers, in its three forms: real names of fields, invented content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

MADE = "Fri, 07 Aug 2026 00:00:00 -0400"
ERROR_NUMBER = "http://arxiv.org/api/errors#incorrect_id_format_for_abc"


@dataclass(frozen=True)
class Made:
    """An invented paper. `day` is the date in a feed, `submitted` that of its first version in the query API."""

    number: str = "2608.01234"
    version: int = 1
    title: str = "A Made-up Paper\n  About $x^2$ & Testing"
    abstract: str = "We test.\nCode: https://github.com/example/made-up."
    announced: str = "new"
    categories: Sequence[str] = ("cs.CL", "cs.AI")
    authors: str = "Ada Example (Institute of Tests, Rome), Bo Sample"
    day: str = MADE
    submitted: str = "2026-08-05T19:30:00Z"
    extra: str = ""


def many(count: int, *, first: int = 0, **fields: object) -> list[Made]:
    """So many papers with numbers and titles of their own."""
    return [
        Made(number=f"2608.{number:05}", title=f"Paper number {number}", **fields)  # type: ignore[arg-type] # by name
        for number in range(first, first + count)
    ]


def rss(
    papers: Sequence[Made] = (), *, category: str = "cs.CL", made: str = "Fri, 07 Aug 2026 00:00:00 -0400"
) -> bytes:
    """A feed of https://rss.arxiv.org/rss/."""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/" version="2.0">
  <channel>
    <title>{category} updates on arXiv.org</title>
    <link>http://rss.arxiv.org/rss/{category}</link>
    <description>{category} updates on the arXiv.org e-print archive.</description>
    <atom:link href="http://rss.arxiv.org/rss/{category}" rel="self" type="application/rss+xml"/>
    <docs>http://www.rssboard.org/rss-specification</docs>
    <language>en-us</language>
    <lastBuildDate>{made}</lastBuildDate>
    <managingEditor>rss-help@arxiv.org</managingEditor>
    <pubDate>{made}</pubDate>
    <skipDays>
      <day>Saturday</day>
      <day>Sunday</day>
    </skipDays>
{"".join(map(rss_item, papers))}  </channel>
</rss>
""".encode()


def rss_item(paper: Made) -> str:
    full = f"{paper.number}v{paper.version}"
    categories = "".join(f"<category>{name}</category>" for name in paper.categories)
    announced = f"<arxiv:announce_type>{paper.announced}</arxiv:announce_type>" if paper.announced else ""
    return f"""    <item>
      <title>{escape(paper.title)}</title>
      <link>https://arxiv.org/abs/{paper.number}</link>
      <description>arXiv:{full} Announce Type: {paper.announced or "new"} 
Abstract: {escape(paper.abstract)}</description>
      <guid isPermaLink="false">oai:arXiv.org:{full}</guid>
      {categories}
      <pubDate>{paper.day}</pubDate>
      {announced}
      <dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>
      <dc:creator>{escape(paper.authors)}</dc:creator>
      {paper.extra}
    </item>
"""  # noqa: W291 - arXiv writes a space before the line's end


def atom(papers: Sequence[Made] = (), *, category: str = "cs.CL") -> bytes:
    """A feed of https://rss.arxiv.org/atom/; its dates are ISO."""
    entries = "".join(
        f"""  <entry>
    <id>oai:arXiv.org:{paper.number}v{paper.version}</id>
    <title>{escape(paper.title)}</title>
    <updated>2026-08-07T04:00:31.112233+00:00</updated>
    <link href="https://arxiv.org/abs/{paper.number}" rel="alternate" type="text/html"/>
    <summary>arXiv:{paper.number}v{paper.version} Announce Type: {paper.announced} 
Abstract: {escape(paper.abstract)}</summary>
    {"".join(f'<category term="{name}"/>' for name in paper.categories)}
    <published>{paper.day}</published>
    <arxiv:announce_type>{paper.announced}</arxiv:announce_type>
    <dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>
    <dc:creator>{escape(paper.authors)}</dc:creator>
    {paper.extra}
  </entry>
"""  # noqa: W291 - as above
        for paper in papers
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xml:lang="en-us">
  <id>http://rss.arxiv.org/atom/{category}</id>
  <title>{category} updates on arXiv.org</title>
  <updated>2026-08-07T04:00:31.112233+00:00</updated>
  <link href="http://rss.arxiv.org/atom/{category}" rel="self" type="application/atom+xml"/>
  <subtitle>{category} updates on the arXiv.org e-print archive.</subtitle>
{entries}</feed>
""".encode()


def api(papers: Sequence[Made] = (), *, total: int | None = None, start: int = 0, entries: str = "") -> bytes:
    """A page of https://export.arxiv.org/api/query."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <link href="http://arxiv.org/api/query?made-up" rel="self" type="application/atom+xml"/>
  <title type="html">ArXiv Query: made up</title>
  <id>http://arxiv.org/api/cHxbiOdZaP56ODnBPIenZhzg5f8</id>
  <updated>2026-08-07T00:00:00-04:00</updated>
  <opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">{
        len(papers) if total is None else total
    }</opensearch:totalResults>
  <opensearch:startIndex xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">{start}</opensearch:startIndex>
  <opensearch:itemsPerPage xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">500</opensearch:itemsPerPage>
{"".join(map(api_entry, papers))}{entries}</feed>
""".encode()


def api_entry(paper: Made) -> str:
    names = re.sub(r" \([^)]*\)", "", paper.authors).split(", ")
    authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in names)
    return f"""  <entry>
    <id>http://arxiv.org/abs/{paper.number}v{paper.version}</id>
    <updated>2026-08-06T11:00:00Z</updated>
    <published>{paper.submitted}</published>
    <title>{escape(paper.title)}</title>
    <summary>  {escape(paper.abstract)}
    </summary>
    {authors}
    {paper.extra}
    <link href="http://arxiv.org/abs/{paper.number}v{paper.version}" rel="alternate" type="text/html"/>
    <link title="pdf" href="http://arxiv.org/pdf/{paper.number}v{paper.version}" rel="related" type="application/pdf"/>
    <arxiv:primary_category xmlns:arxiv="http://arxiv.org/schemas/atom" term="{paper.categories[0]}"
     scheme="http://arxiv.org/schemas/atom"/>
    {"".join(f'<category term="{name}" scheme="http://arxiv.org/schemas/atom"/>' for name in paper.categories[::-1])}
  </entry>
"""


def api_error(words: str = "incorrect id format for abc") -> bytes:
    """How the query API says that something is wrong: a feed with one entry."""
    return api(
        total=1,
        entries=f"""  <entry>
    <id>{ERROR_NUMBER}</id>
    <title>Error</title>
    <summary>{escape(words)}</summary>
    <updated>2026-08-07T00:00:00-04:00</updated>
    <link href="{ERROR_NUMBER}" rel="alternate" type="text/html"/>
    <author><name>arXiv api core</name></author>
  </entry>
""",
    )


def rss_error(category: str = "cs.XX") -> bytes:
    """How the feeds say so, with HTTP 400."""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" version="2.0">
  <channel>
    <title>Feed error for query: http://rss.arxiv.org/rss/{category}</title>
    <link>http://rss.arxiv.org/rss/{category}</link>
    <description>Bad subject class 'XX'. Valid subject classes for the archive 'cs' are: cs.AI, cs.CL.</description>
    <pubDate>Fri, 07 Aug 2026 00:00:00 -0400</pubDate>
  </channel>
</rss>
""".encode()
