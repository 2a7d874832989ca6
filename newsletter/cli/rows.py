"""Values of the model as rows of a table and as JSON: one place, so that all commands speak alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from newsletter.daily import Collected, Preview
    from newsletter.model import Delivery, Paper, Subscriber, Topic
    from newsletter.model.post import Post

BATCH_COLUMNS = ("source", "document", "day", "verdict", "papers", "new", "why")
ANSWER_COLUMNS = ("asked", *BATCH_COLUMNS)
DELIVERY_COLUMNS = ("subscriber", "sections", "papers", "bytes", "state", "reply")
POST_COLUMNS = ("channel", "date", "papers", "state", "reason")
NUMBERS = ("papers", "new", "sections", "bytes", "rank", "hour", "readers")


def batch_json(collected: Collected) -> dict[str, Any]:
    batch = collected.batch
    return {
        "source": batch.source,
        "document": batch.document,
        "day": batch.day,
        "verdict": batch.verdict,
        "declared": batch.declared,
        "papers": collected.papers,
        "new": collected.new,
        "identities": collected.identities,
        "why": batch.why,
        "curators": batch.curators,
        "problems": [
            {"document": problem.document, "line": problem.line, "why": problem.why} for problem in batch.problems
        ],
    }


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "subscriber": delivery.address,
        "date": delivery.local_date,
        "sections": delivery.sections,
        "papers": delivery.papers,
        "bytes": delivery.size,
        "state": delivery.state,
        "attempt": delivery.attempt,
        "next_at": delivery.next_at,
        "code": delivery.code,
        "reply": delivery.reply,
        "reason": delivery.reason,
        "message_id": delivery.message_id,
        "enhanced": delivery.enhanced,
        "queue_id": delivery.queue_id,
    }


def post_json(post: Post) -> dict[str, Any]:
    return {
        "channel": post.channel,
        "date": post.local_date,
        "papers": post.papers,
        "state": post.state,
        "attempt": post.attempt,
        "next_at": post.next_at,
        "reason": post.reason,
    }


def rehearsed_json(preview: Preview) -> dict[str, Any]:
    return {
        "subscriber": preview.subscriber.address,
        "sections": len(preview.digest.topics),
        "papers": len(preview.parts.papers) if not preview.digest.empty else 0,
        "bytes": len(preview.message.content),
        "state": "would be skipped" if preview.digest.empty else "would be sent",
        "reply": "nothing new for these topics" if preview.digest.empty else preview.parts.subject,
    }


def paper_json(paper: Paper) -> dict[str, Any]:
    from newsletter.text import readable

    text = readable(paper)
    return {
        "id": paper.id,
        "title": text.title,
        "abstract": text.abstract,
        "raw_title": paper.title,
        "raw_abstract": paper.abstract,
        "authors": list(paper.authors),
        "links": [{"kind": link.kind, "url": link.url} for link in paper.links],
        "listings": [{"source": one.source, "day": one.day, "rank": one.rank} for one in paper.listings],
        "first_seen": paper.first_seen,
        "published": paper.published,
        "version": paper.version,
        "venue": paper.venue,
        "votes": paper.votes,
        "ai_summary": paper.ai_summary,
        "thumbnail": paper.thumbnail,
        "categories": list(paper.categories),
        "institutions": list(paper.institutions),
        "fields": list(paper.fields),
        "keys": list(paper.keys),
        "origins": dict(paper.origins),
    }


def topic_json(topic: Topic, subscribers: Iterable[Subscriber]) -> dict[str, Any]:
    return {
        "slug": topic.slug,
        "name": topic.name,
        "description": topic.description,
        "keywords": list(topic.keywords),
        "exclude": list(topic.exclude),
        "min_score": topic.min_score,
        "max_papers": topic.max_papers,
        "categories": list(topic.categories),
        "authors": list(topic.authors),
        "institutions": list(topic.institutions),
        "examples": list(topic.examples),
        "weight": topic.weight,
        "readers": sum(topic.slug in one.topics for one in subscribers if one.status == "active"),
    }


def subscriber_json(subscriber: Subscriber) -> dict[str, Any]:
    return {
        "address": subscriber.address,
        "name": subscriber.name,
        "status": subscriber.status,
        "topics": list(subscriber.topics),
        "timezone": subscriber.timezone,
        "hour": subscriber.hour,
        "rhythm": subscriber.rhythm,
        "locale": subscriber.locale,
        "origin": subscriber.origin,
        "own": [_own_json(one) for one in subscriber.own],
        "muted_words": list(subscriber.muted_words),
        "muted_authors": list(subscriber.muted_authors),
    }


def _own_json(topic: Topic) -> dict[str, Any]:
    return {
        "slug": topic.slug,
        "name": topic.name,
        "description": topic.description,
        "keywords": list(topic.keywords),
        "exclude": list(topic.exclude),
        "authors": list(topic.authors),
    }


def cells(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> list[list[object]]:
    """JSON objects as rows of a table; lists become text."""
    return [[_cell(row[column]) for column in columns] for row in rows]


def _cell(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else value
