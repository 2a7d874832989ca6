"""`newsletter feedback`: what readers said about papers, and how to take it back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import (
    AsJson,
    answer,
    answer_json,
    answer_table,
    command_line,
    configuration,
    counted,
    remark,
)
from newsletter.cli.readers import known_reader, paper_meant
from newsletter.cli.wanted import address_asked

if TYPE_CHECKING:
    from newsletter.model import Feedback, Opinion, Paper, Subscriber
    from newsletter.store import Store

app = typer.Typer(
    help="Show what a reader said about papers, say it for them, take it back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Address = Annotated[str, typer.Argument(help="The reader's address.")]

HIGHEST = 2**31 - 1
"""No number of a database's is higher."""


@app.command("list")
def list_feedback(
    context: typer.Context,
    address: Address,
    everything: Annotated[bool, typer.Option("--all", help="What was undone too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what a reader said, newest first: all that the ranking learns about this reader, line by line.

    Example: newsletter feedback list ada@example.org
    """
    import asyncio

    from newsletter.assembly import opened_store
    from newsletter.subscribing.preferring import topic_name, topic_names

    loaded, normal = configuration(context), address_asked(address)

    async def go() -> list[dict[str, Any]]:
        async with opened_store(loaded) as store:
            reader = await known_reader(store, normal)
            said = [one for one in await store.feedback.history(reader.id) if everything or not one.undone]
            papers = await store.papers.get(one.paper for one in said)
            names = topic_names((), reader)
            return [_json(one, papers[one.paper], topic_name(one.topic, names)) for one in said]

    rows = asyncio.run(go())
    if as_json:
        answer_json(rows)
        return
    columns = ("no.", "given (UTC)", "topic", "opinion", "title") + (("undone (UTC)",) if everything else ())
    title = f"{counted(len(rows), 'opinion', 'opinions')} of {normal}"
    answer_table(title, columns, [_cells(row)[: len(columns)] for row in rows], ("no.",))


def _json(one: Feedback, paper: Paper, topic: str) -> dict[str, Any]:
    return {
        "number": one.id,
        "given": one.given,
        "topic": topic,
        "opinion": one.opinion,
        "paper": one.paper,
        "title": _title(paper),
        "undone": one.undone,
    }


def _cells(row: dict[str, Any]) -> list[object]:
    given, undone = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (row["given"], row["undone"]))
    return [row["number"], given, row["topic"], row["opinion"], row["title"], undone]


@app.command("add")
def add_feedback(
    context: typer.Context,
    address: Address,
    paper: Annotated[
        str,
        typer.Argument(metavar="PAPER", help="An id, an arXiv id or DOI as people write them, or words of a title."),
    ],
    like: Annotated[bool, typer.Option("--like", help="More like this.")] = False,
    dislike: Annotated[bool, typer.Option("--dislike", help="Less like this.")] = False,
    topic: Annotated[
        str | None,
        typer.Option(metavar="SLUG", help="For which of the reader's topics (default: the one that picked it)."),
    ] = None,
) -> None:
    """Say for a reader that a paper is what they want of a topic, or is not. It counts from the next digest on.

    What the reader said before about the same paper and topic is undone.

    Example: newsletter feedback add ada@example.org "NeuRBF" --like
    """
    import asyncio

    from newsletter.assembly import opened_store, utc_now
    from newsletter.model import Opinion

    if like == dislike:
        raise typer.BadParameter("say what the reader thinks of the paper: --like or --dislike")
    opinion = Opinion.LIKE if like else Opinion.DISLIKE
    loaded, normal = configuration(context), address_asked(address)

    async def go() -> str:
        async with opened_store(loaded) as store:
            reader = await known_reader(store, normal)
            meant = await paper_meant(store, paper)
            slug = await _topic(store, reader, meant, topic)
            new = await store.feedback.record(reader.id, slug, meant.id, opinion, utc_now())
            number = next(
                one.id
                for one in await store.feedback.history(reader.id)
                if (one.topic, one.paper, one.undone) == (slug, meant.id, None)
            )
            said = _sentence(reader, slug, opinion, meant)
            return f"{'Noted' if new else 'Known already'} as no. {number}: {said}"

    answer(asyncio.run(go()))


@app.command("undo")
def undo_feedback(
    context: typer.Context,
    address: Address,
    number: Annotated[int, typer.Argument(min=1, max=HIGHEST, metavar="NUMBER", help="As `list` shows it.")],
) -> None:
    """Take back one thing that a reader said. It shapes no digest that is planned from now on.

    Example: newsletter feedback undo ada@example.org 3
    """
    import asyncio

    from newsletter.assembly import opened_store, utc_now
    from newsletter.errors import NotFoundError

    loaded, normal = configuration(context), address_asked(address)

    async def go() -> str:
        async with opened_store(loaded) as store:
            reader = await known_reader(store, normal)
            undone = await store.feedback.undo(reader.id, number, utc_now())
            if undone is None:
                lists = command_line(loaded, "feedback", "list", normal)
                raise NotFoundError(f"no opinion no. {number} of {normal} stands; `{lists}` lists those that do")
            [paper] = (await store.papers.get([undone.paper])).values()
            return f"Taken back, no. {number}: {_sentence(reader, undone.topic, undone.opinion, paper)}"

    answer(asyncio.run(go()))


@app.command("reset")
def reset_feedback(
    context: typer.Context,
    address: Address,
    topic: Annotated[str | None, typer.Option(metavar="SLUG", help="Only what was said about this topic.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Take back everything that a reader said: the next digest is ranked as for anybody. It asks first.

    Example: newsletter feedback reset ada@example.org --topic neural-fields
    """
    import asyncio

    from newsletter.assembly import opened_store, utc_now
    from newsletter.errors import NewsletterError

    loaded, normal = configuration(context), address_asked(address)

    async def stand() -> int:
        async with opened_store(loaded) as store:
            history = await store.feedback.history((await known_reader(store, normal)).id)
        known = {one.slug for one in loaded.topics} | {one.topic for one in history}
        if topic is not None and topic not in known:
            raise typer.BadParameter(f"there is no topic “{topic}”; `newsletter topics` lists them")
        return sum(one.undone is None and topic in (None, one.topic) for one in history)

    async def go() -> int:
        async with opened_store(loaded) as store:
            reader = await known_reader(store, normal)
            return await store.feedback.reset(reader.id, utc_now(), topic)

    about = f"{normal}{f' about {topic}' if topic else ''}"
    number = asyncio.run(stand())
    if not number:
        answer(f"There is nothing to take back: no opinion of {about} stands.")
        return
    if not yes and not _sure(f"Take back {counted(number, 'opinion', 'opinions')} of {about}?"):
        raise NewsletterError("nothing was taken back; --yes does it without asking")
    answer(f"Taken back: {counted(asyncio.run(go()), 'opinion', 'opinions')} of {about}.")


def _sentence(reader: Subscriber, topic: str, opinion: Opinion, paper: Paper) -> str:
    from newsletter.subscribing.preferring import topic_name, topic_names

    wants = "more" if opinion == "like" else "less"
    about = topic_name(topic, topic_names((), reader))
    return f"{reader.address} wants {wants} like “{_title(paper)}” for {about}."


def _title(paper: Paper) -> str:
    from newsletter.text import readable

    return readable(paper).title or paper.id


async def _topic(store: Store, reader: Subscriber, paper: Paper, asked: str | None) -> str:
    """The topic that an opinion is about: the one `asked` for, else the one that picked the paper for this reader.

    What cannot be ends the command with a sentence.
    """
    from newsletter.feedback import topic_of

    if not reader.follows:
        raise typer.BadParameter(f"{reader.address} follows no topic, so there is none to learn about")
    if asked is not None:
        if asked not in reader.follows:
            raise typer.BadParameter(f"{reader.address} does not follow “{asked}”, but {', '.join(reader.follows)}")
        return asked
    if found := await topic_of(store, reader, paper):
        return found
    own = {one.slug: f" (“{one.name}”)" for one in reader.own}
    choices = ", ".join(f"--topic {slug}{own.get(slug, '')}" for slug in reader.follows)
    raise typer.BadParameter(
        f"no topic of {reader.address} picked “{_title(paper)}”; say which one it is about: {choices}"
    )


def _sure(question: str) -> bool:
    """Whether the answer is yes. Where nobody can be asked, it is not."""
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    # Not typer.confirm: that writes a space to standard output, which is for the answer.
    said = sys.stdin.readline() if sys.stdin else ""
    if not said.endswith("\n"):
        remark("")
    return said.strip().casefold() in ("y", "yes")
