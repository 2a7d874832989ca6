"""Code, project pages, videos: the links an abstract holds, as typed links. Pure."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from newsletter.model import Link, LinkKind

MAX_LINKS = 8
MAX_LENGTH = 500

_CODE_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "huggingface.co", "hf.co", "codeberg.org")
_VIDEO_HOSTS = ("youtu.be", "youtube.com", "vimeo.com")
_BARE_HOSTS = (*_CODE_HOSTS, *_VIDEO_HOSTS, "arxiv.org", "doi.org", "sites.google.com")
_PRIVATE = ("localhost", "local", "internal", "localdomain", "lan")

# The characters of RFC 3986, section 2, without quotes and brackets, which in prose stand around a link, not in it. A
# backslash only as LaTeX's escape of one of them. A comma or closing bracket before "http" ends one of two glued links.
_URL_TEXT = r"(?:(?![,;()]{1,3}https?://)(?:\\[_%#&~$]|[A-Za-z0-9\-._~:/?#@!$&()*+,;=%]))"
_WRITTEN_OUT = rf"https?://{_URL_TEXT}+"
_BARE_START = r"(?<![\w@./=&%#?-])"
_SUBDOMAINS = r"(?:[a-z0-9-]+\.)*"
_BARE_NAMES = "|".join(re.escape(host) for host in _BARE_HOSTS)
_BARE = (
    rf"{_BARE_START}(?:{_SUBDOMAINS}(?:{_BARE_NAMES})/{_URL_TEXT}+"
    rf"|(?:www\.{_SUBDOMAINS}[a-z]{{2,}}|[a-z0-9-]+\.github\.io)(?!\.?[\w@-])(?:/{_URL_TEXT}*)?)"
)
_CANDIDATE = re.compile(rf"{_WRITTEN_OUT}|{_BARE}", re.IGNORECASE | re.ASCII)

_ESCAPE = re.compile(r"\\(.)")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TOP_LEVEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")


def links_in(text: str) -> tuple[Link, ...]:
    """The links of a raw abstract (LaTeX and all), in the order they stand, each once, at most MAX_LINKS.

    Taken are http(s) addresses, and without a scheme (they become https) `www.` addresses, `*.github.io` pages and
    paths on the hosts known here. What follows a link in prose (full stop, comma, closing bracket, `.git`) is not part
    of it. Left out: credentials, hosts that are numbers or private names, anything longer than MAX_LENGTH characters.
    """
    links: dict[str, Link] = {}
    for match in _CANDIDATE.finditer(text):
        following = text[match.end() : match.end() + 1]
        link = _link(_ESCAPE.sub(r"\1", match[0]), following)
        if link:
            links.setdefault(_sameness(link.url), link)
        if len(links) == MAX_LINKS:
            break
    return tuple(links.values())


def _link(written: str, following: str) -> Link | None:
    bare = _without_tail(written)
    if not bare.lower().startswith(("http://", "https://")):
        bare = f"https://{bare}"
    try:
        parts = urlsplit(bare)
        port = parts.port
    except ValueError:  # a port that is no number
        return None
    cut_inside_host = bare.endswith(parts.netloc) and following.isalnum()  # a host in letters we cannot judge
    host = parts.hostname or ""
    if "@" in parts.netloc or cut_inside_host or not _is_public(host):
        return None
    kind = _kind(host, parts)
    path = parts.path
    if kind is LinkKind.CODE:
        path = re.sub(r"[.,;:]*\.git/?$", "", path)
    if kind in (LinkKind.CODE, LinkKind.VIDEO) and not path.strip("/"):
        return None  # the front door of GitHub is no paper's code
    url = parts._replace(netloc=f"{host}:{port}" if port else host, path=path).geturl()
    return Link(kind, url) if len(url) <= MAX_LENGTH else None


def _without_tail(written: str) -> str:
    """Without the punctuation that ends the sentence, not the address; a closing bracket stays with its pair."""
    end = len(written)
    surplus = written.count(")") - written.count("(")
    while end:
        last = written[end - 1]
        if last == ")" and surplus > 0:
            surplus -= 1
        elif last == "(":
            surplus += 1
        elif last not in ".,;:!?*$#":
            break
        end -= 1
    return written[:end]


def _is_public(host: str) -> bool:
    """Whether the host is a name with a dot whose last label can be a top-level domain: no number, no private name."""
    labels = host.split(".")
    return (
        len(host) <= 253
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and _TOP_LEVEL.fullmatch(labels[-1]) is not None
        and labels[-1] not in _PRIVATE
    )


def _kind(host: str, parts: SplitResult) -> LinkKind:
    path = parts.path.lower()
    if _belongs(host, ("arxiv.org",)) and path.startswith("/abs/"):
        return LinkKind.ABSTRACT
    if path.endswith(".pdf") or (_belongs(host, ("arxiv.org",)) and path.startswith("/pdf/")):
        return LinkKind.PDF
    if _belongs(host, ("doi.org",)):
        return LinkKind.DOI
    if _belongs(host, _CODE_HOSTS):
        return LinkKind.CODE
    return LinkKind.VIDEO if _belongs(host, _VIDEO_HOSTS) else LinkKind.PROJECT


def _belongs(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _sameness(url: str) -> str:
    """Equal for addresses that lead to one page: scheme, `www.` and a closing slash aside."""
    return re.sub(r"^https?://(?:www\.)?", "", url).rstrip("/")
