"""Several who work on one database at the same moment: nothing is claimed twice, planned twice, or sent to who left."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta

from newsletter.model import Batch, Listing, Paper, State, Status, Subscriber, Verdict
from newsletter.store import Store, WithdrawnError

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY, NEXT = date(2025, 3, 11), date(2025, 3, 12)
LEASE = timedelta(minutes=10)
MESSAGE = {"sections": 2, "papers": 7, "size": 4321}


async def several(stack: AsyncExitStack, url: str, number: int) -> list[Store]:
    """As many stores on one database as processes would have."""
    return [await stack.enter_async_context(await Store.open(url)) for _ in range(number)]


async def audience(store: Store, number: int) -> list[int]:
    await store.subscribers.add([Subscriber(f"reader{n}@example.org") for n in range(number)])
    return [reader.id for reader in await store.subscribers.all()]


async def test_eight_claimers_share_a_day(url: str) -> None:
    async with AsyncExitStack() as stack:
        stores = await several(stack, url, 8)
        ids = await audience(stores[0], 400)
        await stores[0].ledger.plan(DAY, ids, NOW)
        claimed: Counter[int] = Counter()

        async def work(store: Store, owner: str) -> None:
            while found := await store.ledger.claim(DAY, owner, NOW, LEASE, 7):
                claimed.update(one.id for one in found)
                for one in found:
                    await store.ledger.begin_data(one, owner, NOW, message_id=f"<{one.id}@example.org>", **MESSAGE)
                await asyncio.gather(*(store.ledger.settle(one, owner, NOW, State.ACCEPTED, code=250) for one in found))

        await asyncio.gather(*(work(store, f"claimer {number}") for number, store in enumerate(stores)))
        assert (len(claimed), set(claimed.values())) == (400, {1})
        assert (await stores[0].ledger.counts(DAY))[State.ACCEPTED] == 400
        assert await stores[0].ledger.balanced()


async def test_two_planners_of_one_day(url: str) -> None:
    async with AsyncExitStack() as stack:
        stores = await several(stack, url, 4)
        ids = await audience(stores[0], 1_200)
        await stores[0].ledger.plan(DAY, ids[:300], NOW)
        new = await asyncio.gather(*(store.ledger.plan(NEXT, ids, NOW) for store in stores))
        assert sum(new) == 1_200
        assert (await stores[0].ledger.counts(NEXT))[State.READY] == 1_200
        assert (await stores[0].ledger.counts(DAY))[State.SUPERSEDED] == 300
        assert await stores[0].ledger.balanced()


async def test_who_leaves_while_others_are_claimed_is_not_sent_to(url: str) -> None:
    """Whatever comes first: nobody's message is begun once their leaving was confirmed."""
    async with AsyncExitStack() as stack:
        here, there, page = await several(stack, url, 3)
        ids = await audience(here, 200)
        await here.ledger.plan(DAY, ids, NOW)
        left: dict[int, float] = {}
        begun: dict[int, float] = {}
        loop = asyncio.get_running_loop()

        async def send(store: Store, owner: str) -> None:
            while found := await store.ledger.claim(DAY, owner, NOW, LEASE, 10):
                for one in found:
                    before = loop.time()
                    try:
                        await store.ledger.begin_data(one, owner, NOW, message_id=f"<{one.id}@x.org>", **MESSAGE)
                    except WithdrawnError:
                        continue
                    begun[one.subscriber_id] = before
                    await store.ledger.settle(one, owner, NOW, State.ACCEPTED, code=250)

        async def leave() -> None:
            for number in reversed(ids[50:]):
                await page.subscribers.leave(f"reader{number - ids[0]}@example.org", "one click", NOW)
                left[number] = loop.time()

        await asyncio.gather(send(here, "here"), send(there, "there"), leave())
        assert not [number for number, when in left.items() if begun.get(number, 0) > when]
        counts = await here.ledger.counts(DAY)
        assert counts[State.SKIPPED] == 200 - len(begun)
        assert counts[State.ACCEPTED] == len(begun) >= 50
        assert await here.ledger.balanced()


async def test_sign_ups_of_one_address_at_the_same_moment_are_one_reader(url: str) -> None:
    async with AsyncExitStack() as stack:
        stores = await several(stack, url, 4)
        signing = (store.subscribers.sign_up(Subscriber("ada@example.org"), NOW, ()) for store in stores)
        rows = await asyncio.gather(*signing)
        assert len({row.id for row in rows if row}) == 1
        [ada] = await stores[0].subscribers.all()
        confirming = (store.subscribers.confirm(ada.id, ada.address, ()) for store in stores)
        assert sorted(await asyncio.gather(*confirming)) == ["before", "before", "before", "now"]
        assert [reader.status for reader in await stores[0].subscribers.all()] == [Status.ACTIVE]


async def test_sources_that_tell_of_one_paper_at_the_same_moment_make_one_paper(url: str) -> None:
    def batch(source: str) -> Batch:
        papers = tuple(
            Paper(
                f"arxiv:2503.{number:05}",
                f"A Robot of Kind {number}",
                "It walks.",
                listings=(Listing(DAY, source, number),),
                keys=(f"arxiv:2503.{number:05}", f"{source}:{number}"),
                first_seen=DAY,
            )
            for number in range(1, 30)
        )
        return Batch(source, source, DAY, papers, Verdict.NEW, "29 papers", kind="feed")

    async with AsyncExitStack() as stack:
        stores = await several(stack, url, 4)
        await asyncio.gather(
            *(store.batches.remember(batch(f"source{number}"), NOW) for number, store in enumerate(stores))
        )
        assert await stores[0].papers.count() == 29
        found = await stores[0].papers.get([f"arxiv:2503.{number:05}" for number in range(1, 30)])
        assert all(len({listing.source for listing in paper.listings}) == 4 for paper in found.values())


async def test_two_freezers_take_each_paper_once(url: str) -> None:
    async with AsyncExitStack() as stack:
        stores = await several(stack, url, 2)
        papers = tuple(
            Paper(f"arxiv:{n}", f"Paper {n}", "...", listings=(Listing(DAY, "page", n),), keys=(f"arxiv:{n}",))
            for n in range(1, 20)
        )
        await stores[0].batches.remember(Batch("page", "page", DAY, papers, Verdict.NEW, "19", kind="listing"), NOW)
        ids = [paper.id for paper in papers]
        one, other = await asyncio.gather(
            stores[0].editions.freeze(DAY, ids, [], []), stores[1].editions.freeze(NEXT, ids, [], [])
        )
        assert sorted([*one.papers, *other.papers]) == sorted(ids)
