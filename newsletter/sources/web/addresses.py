"""Where a redirect may lead. The operator's own addresses may be anything; a redirect is a stranger's word."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from newsletter.sources.web.faults import Fault, invalid_address, shown

_ASSIGNED = IPv6Network("2000::/3")
"""The only part of IPv6 that is in use between networks (https://www.iana.org/assignments/ipv6-address-space)."""

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64: the last 32 bits are an IPv4 address (RFC 6052)."""

_HOST = re.compile(r"[0-9a-z._:-]{1,253}")


def address(text: str) -> httpx.URL:
    """The operator's address `text`. Raises Fault when it is none that can be asked."""
    try:
        url = httpx.URL(text)
        if url.scheme in {"http", "https"} and host_of(url) and _is_port(url.port):
            return url
    except (httpx.InvalidURL, ValueError):
        pass
    raise invalid_address()


def redirected(base: httpx.URL, location: str) -> httpx.URL:
    """Where `location`, answered by `base`, leads. Raises Fault when nobody should go there, whatever the host."""
    if not location:
        raise Fault("redirects, but does not say where to")
    try:
        target = base.join(location).copy_with(fragment=None)
        host = host_of(target)
    except (httpx.InvalidURL, ValueError) as error:
        raise Fault("redirects to an invalid address") from error
    if target.scheme not in {"http", "https"}:
        raise Fault("redirects to something that is neither http nor https")
    if not _HOST.fullmatch(host) or not _is_port(target.port):
        raise Fault("redirects to an invalid address")
    if target.userinfo:
        raise Fault(f"redirects to {shown(str(target))}, an address with credentials, which is not followed")
    return target


async def addresses(url: httpx.URL) -> list[str]:
    """The addresses of the host of `url`, in the system's order, all of them public. Raises Fault when one is not, and
    OSError when there are none."""
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    found = await asyncio.get_running_loop().getaddrinfo(host_of(url), port, type=socket.SOCK_STREAM)
    hosts = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if not all(is_public(host) for host in hosts):
        host = host_of(url)
        raise Fault(f"is on a private network; if you trust it, add “{host}” to allow_hosts in [collecting]")
    return hosts


def host_of(url: httpx.URL) -> str:
    """The host as it stands on the wire: lower case, ASCII, IPv6 without brackets."""
    return url.raw_host.decode("ascii").lower()


def is_allowed(url: httpx.URL, allowed: Collection[str]) -> bool:
    """Whether the operator named the host of `url` as one that redirects may lead to."""
    return host_of(url).rstrip(".") in {host.strip("[]").rstrip(".").lower() for host in allowed}


def is_public(ip: str) -> bool:
    """Whether `ip` belongs to the public internet. An IPv6 address that stands for an IPv4 one is judged as that."""
    try:
        known = ip_address(ip)
    except ValueError:
        return False
    if isinstance(known, IPv4Address):
        return known.is_global and not (known.is_multicast or known.is_reserved)
    inner = _inner(known)
    return is_public(str(inner)) if inner else known in _ASSIGNED and known.is_global


def _inner(outer: IPv6Address) -> IPv4Address | None:
    if outer in _TRANSLATED:
        return IPv4Address(int(outer) & 0xFFFFFFFF)
    return outer.ipv4_mapped or outer.sixtofour


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether what is meant for `one` may be told to `other`: the same host, port and scheme, or, on the usual ports,
    https instead of http."""
    if host_of(one) != host_of(other):
        return False
    if (one.scheme, one.port) == (other.scheme, other.port):
        return True
    return (one.scheme, one.port, other.scheme, other.port) == ("http", None, "https", None)


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port < 65536
