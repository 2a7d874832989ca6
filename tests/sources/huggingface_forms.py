"""Answers in the form of Hugging Face's `/api/daily_papers`: the real names of the fields, invented content."""

from __future__ import annotations

import json
from typing import Any


def user(name: str = "ada") -> dict[str, Any]:
    return {
        "_id": f"66ad{name}",
        "avatarUrl": f"/avatars/{name}.svg",
        "fullname": name.title(),
        "name": name,
        "user": name,
        "type": "user",
        "isPro": False,
    }


def item(number: int, day: str = "2026-08-06", **inner: Any) -> dict[str, Any]:
    """The item of the invented paper 2608.<number>, featured on `day`; `inner` changes what stands in its `paper`."""
    paper_id = f"2608.{number:05}"
    paper = {
        "id": paper_id,
        "authors": [
            {
                "_id": f"66aa{number}",
                "name": "Ada Example",
                "hidden": False,
                "user": user(),
                "status": "claimed_verified",
            },
            {"_id": f"66ab{number}", "name": "Bo  Sample", "hidden": False},
            {"_id": f"66ac{number}", "name": "Cy Shy", "hidden": True},
        ],
        "publishedAt": "2026-08-04T00:00:00.000Z",
        "submittedOnDailyAt": f"{day}T03:17:05.123Z",
        "submittedOnDailyBy": user("akhaliq"),
        "title": f"Made-up Paper {number}\n  About Testing",
        "summary": f"We test the number {number}.\nCode: https://github.com/example/repo-{number}.",
        "upvotes": 17,
        "discussionId": f"66ae{number}",
        "ai_summary": "A short machine-written line.",
        "ai_keywords": ["testing", "email"],
        "githubRepo": f"https://github.com/example/repo-{number}",
        "githubStars": 42,
        "projectPage": f"https://example.org/paper-{number}",
        "mediaUrls": ["https://cdn-uploads.huggingface.co/x.mp4", "https://youtu.be/abc123"],
        "organization": {
            "_id": "66af",
            "name": "example",
            "fullname": "Example University",
            "avatar": "https://e.org/x",
        },
    } | inner
    return {
        "paper": paper,
        "publishedAt": "2026-08-03T20:00:00.000Z",
        "title": " ".join(str(paper["title"]).split()),
        "summary": paper["summary"],
        "thumbnail": f"https://cdn-thumbnails.huggingface.co/social-thumbnails/papers/{paper_id}.png",
        "numComments": 2,
        "submittedBy": user("akhaliq"),
        "isAuthorParticipating": False,
    }


def page(*items: Any) -> bytes:
    return json.dumps(items).encode()


def day_list(count: int, day: str = "2026-08-06", first: int = 1) -> bytes:
    return page(*(item(number, day) for number in range(first, first + count)))
