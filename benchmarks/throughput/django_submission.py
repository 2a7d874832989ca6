"""django-newsletter, as its documentation has it: one message of articles, submitted to all subscriptions.

    python django_submission.py LETTERS PORT MESSAGES REPORT

Its own templates, SQLite, Django's SMTP backend, `Submission.submit()`. It sends everybody the same twelve papers: a
text for each reader is nothing that it has, nor is inlining. It runs in an environment of its own, because its package
is called `newsletter`, too.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
import warnings
from html import escape
from pathlib import Path
from typing import Any

import django
from django.conf import settings


def set_up(folder: Path, port: int) -> None:
    """A site with nothing but what the documentation asks for."""
    warnings.simplefilter("ignore")
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sites",
            "sorl.thumbnail",
            "newsletter",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "site.db"}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        SITE_ID=1,
        USE_TZ=True,
        SECRET_KEY="benchmark",
        NEWSLETTER_THUMBNAIL="sorl-thumbnail",
        NEWSLETTER_USE_HTTPS=True,
        ROOT_URLCONF="newsletter_urls",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def fill(letters: Any, messages: int) -> Any:
    """The subscriptions, and a submission of twelve articles that waits to be submitted."""
    from newsletter.models import Article, Message, Newsletter, Submission, Subscription

    own = Newsletter.objects.create(
        title="Trending Papers", slug="papers", email="papers@example.org", sender="Trending Papers", send_html=True
    )
    Subscription.objects.bulk_create(
        Subscription(
            newsletter=own,
            name_field=reader["name"],
            email_field=reader["address"],
            subscribed=True,
            activation_code=reader["token"],
        )
        for reader in letters["readers"][:messages]
    )
    papers = [paper for section in letters["sets"][0] for paper in section["papers"]]
    message = Message.objects.create(title=f"{papers[0]['title']} + 11 papers", slug="day", newsletter=own)
    for place, paper in enumerate(papers):
        text = "".join(f"<p>{escape(paper[name])}</p>" for name in ("place", "summary", "why"))
        text += " ".join(f'<a href="{escape(one["url"])}">{escape(one["label"])}</a>' for one in paper["actions"])
        Article.objects.create(
            title=paper["title"][:200], text=text, url=paper["url"], post=message, sortorder=10 * place + 10
        )
    submission = Submission.from_message(message)
    submission.prepared = True
    submission.save()
    return submission


def main() -> None:
    path, port, messages, report = sys.argv[1:]
    letters = json.loads(Path(path).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        set_up(Path(folder), int(port))
        submission = fill(letters, int(messages))
        begun, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        submission.submit()
        now = resource.getrusage(resource.RUSAGE_SELF)
        first = submission.get_message(submission.get_subscriptions()[0])
        taken = {
            "seconds": time.perf_counter() - begun,
            "cpu": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime,
            "size": len(first.message().as_bytes()),
        }
    Path(report).write_text(json.dumps(taken), encoding="utf-8")


class Urls:
    """The addresses of the site, as a module of its own would have them."""

    @property
    def urlpatterns(self) -> list[Any]:
        from django.urls import include, path

        return [path("newsletter/", include("newsletter.urls"))]


if __name__ == "__main__":
    sys.modules["newsletter_urls"] = Urls()  # type: ignore[assignment]  # a module with one name in it
    main()
