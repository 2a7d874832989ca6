"""A small DNS server on this machine, with the records that a test gives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Zone = Mapping[tuple[str, str], list[str]]


class _Server(asyncio.DatagramProtocol):
    """Answers from `zone`: (name, type) -> records as a zone file has them; says nothing at all when it is None."""

    def __init__(self, zone: Zone | None) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str]] = []
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender: Any) -> None:
        query = dns.message.from_wire(data)
        name = query.question[0].name
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        plain = name.to_text(omit_final_dot=True)
        self.asked.append((plain, kind))
        if self.zone is None:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if found := self.zone.get((plain, kind)):
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, found))
        elif not any(known == plain for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), sender)


@asynccontextmanager
async def resolving(zone: Zone | None) -> AsyncIterator[dns.asyncresolver.Resolver]:
    """A resolver that asks a server which knows `zone`, and nothing else."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(zone), ("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    try:
        yield resolver
    finally:
        transport.close()
