"""Feeds in the forms that journals, preprint servers and blogs give them: the real names, invented content."""

from __future__ import annotations

RSS_NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" xmlns:arxiv="http://arxiv.org/schemas/atom" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"'
)


def rss(
    *items: str, channel: str = "<title>A Made-up Journal</title><link>https://journal.example.org/</link>"
) -> bytes:
    body = "".join(items)
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<rss version='2.0' {RSS_NAMESPACES}>"
        f"<channel>{channel}<lastBuildDate>Thu, 06 Aug 2026 00:00:00 GMT</lastBuildDate>{body}</channel></rss>"
    ).encode()


def item(number: int = 1, day: str = "Thu, 06 Aug 2026 02:00:00 GMT", more: str = "", title: str = "") -> str:
    return (
        f"<item><title>{title or f'A Made-up Finding of the Number {number}'}</title>"
        f"<link>https://journal.example.org/articles/{number}?af=R</link>"
        f"<guid isPermaLink='false'>article-{number}</guid>"
        f"<description>&lt;p&gt;We found the number {number}.&lt;/p&gt;</description>"
        f"<dc:creator>Ada Example</dc:creator><dc:creator>Bo Sample</dc:creator><pubDate>{day}</pubDate>{more}</item>"
    )


def biorxiv(*items: str) -> bytes:
    """RSS 1.0, as of connect.biorxiv.org."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' "
        "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:prism='http://purl.org/rss/1.0/modules/prism/'>"
        "<channel rdf:about='http://biorxiv.org'><title>bioRxiv Channel</title><link>http://biorxiv.org</link>"
        "<items><rdf:Seq><rdf:li rdf:resource='x'/></rdf:Seq></items></channel>" + "".join(items) + "</rdf:RDF>"
    ).encode()


BIORXIV_ITEM = """
<item rdf:about="http://biorxiv.org/cgi/content/short/2026.08.01.123456v1?rss=1">
<title><![CDATA[ Made-up <i>E. coli</i> count to 10<sup>5</sup> ]]></title>
<link>http://biorxiv.org/cgi/content/short/2026.08.01.123456v1?rss=1</link>
<description><![CDATA[<p>Bacteria count.
They reach p &lt; 0.05.</p>]]></description>
<dc:creator><![CDATA[ Example, A., Sample, B. C. ]]></dc:creator>
<dc:date>2026-8-5</dc:date>
<dc:identifier>doi:10.1101/2026.08.01.123456</dc:identifier>
<dc:publisher>Cold Spring Harbor Laboratory</dc:publisher>
<prism:publicationDate>2026-8-05</prism:publicationDate>
<prism:publicationName>bioRxiv</prism:publicationName>
<prism:section>Microbiology</prism:section>
</item>"""

ARXIV_ITEM = """
<item><title>A Made-up Title with $x^2$</title><link>https://arxiv.org/abs/2608.01234</link>
<description>arXiv:2608.01234v1 Announce Type: new
Abstract: Text with $a&lt;b$. Code: https://github.com/example/repo.</description>
<guid isPermaLink="false">oai:arXiv.org:2608.01234v1</guid>
<category>cs.CL</category><category>physics.flu-dyn</category><category>I.2.7</category>
<pubDate>Thu, 06 Aug 2026 00:00:00 -0400</pubDate>
<arxiv:announce_type>new</arxiv:announce_type>
<dc:creator>Ada Example (University of Examples, Rome (IT)), Bo Sample</dc:creator></item>"""

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example.org/2026/">
<title>A Made-up Blog</title><updated>2026-08-06T00:00:00Z</updated><id>urn:uuid:1</id>
<entry><id>tag:blog.example.org,2026:one</id>
<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Counting <math xmlns="http://www.w3.org/1998/Math/MathML"
 alttext="x^2"><msup><mi>x</mi><mn>2</mn></msup></math> sheep at night</div></title>
<link rel="alternate" href="counting"/>
<link rel="related" type="application/pdf" href="https://blog.example.org/counting.pdf"/>
<author><name>Ada Example</name></author><author><name>Bo Sample</name></author>
<category term="sheep"/><category term="cs.CC"/>
<published>2026-08-05T23:30:00-04:00</published><updated>2026-08-06T10:00:00Z</updated>
<summary type="html">&lt;p&gt;Short.&lt;/p&gt;</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><h2>Abstract</h2><p>Sheep are counted.</p>
<script>alert(1)</script><p>Twice &amp; thrice.</p></div></content>
</entry></feed>"""

RSS_091 = b"""<?xml version="1.0"?>
<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"
 "http://my.netscape.com/publish/formats/rss-0.91.dtd">
<rss version="0.91"><channel><title>Old</title><link>https://old.example.org/</link><description>Old</description>
<item><title>An Old Form of a Feed</title><link>https://old.example.org/form</link><description>Old.</description></item>
</channel></rss>"""
