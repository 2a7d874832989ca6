"""`/metrics`: every number is documented, and tells of what other processes did."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
from places import PROJECT
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from serving_web import NOW, aside, configured, installed, serving

from newsletter.assembly import opened_daily, watch
from newsletter.errors import CompositionError
from newsletter.settings import Configuration


def asked(address: str) -> dict[str, Metric]:
    answer = httpx.get(f"{address}/metrics")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "@" not in answer.text
    return {one.name: one for one in text_string_to_metric_families(answer.text)}


def value(metrics: dict[str, Metric], name: str, **labels: str) -> float | None:
    found = [one.value for one in metrics[f"newsletter_{name}"].samples if one.labels == labels]
    return found[0] if found else None


def test_the_table_of_the_docs_is_what_is_told(address: str) -> None:
    text = (PROJECT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(newsletter_\w+)` \| ([\w, ]*) \| (.*) \|$", text, re.M))
    told = set()
    for name, metric in asked(address).items():
        labels = {", ".join(one.labels) for one in metric.samples} or {""}
        assert len(labels) == 1, name
        assert metric.type == ("summary" if name == "newsletter_step_seconds" else "gauge"), name
        told.add((name, labels.pop(), metric.documentation))
    assert told == documented


def test_what_another_process_did_is_told(tmp_path: Path) -> None:
    """A run, a failure and an alert, each of a process that is over when it is asked for."""

    async def made() -> Configuration:
        configuration = await installed(tmp_path, days=[NOW.date()])
        async with opened_daily(configuration, now=lambda: NOW) as daily:
            watching = watch(configuration, daily.store)
            await watching.after(await daily.run(NOW, NOW.date()), NOW)
            await watching.after(CompositionError("the disk is full"), NOW + timedelta(hours=1))
        return configuration

    with serving(aside(made())) as address:
        metrics = asked(address)
    readers = value(metrics, "deliveries", state="accepted")
    assert readers
    assert value(metrics, "replies", **{"class": "2xx"}) == readers
    assert value(metrics, "replies", **{"class": "5xx"}) == 0
    assert value(metrics, "good_run_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "failed_run_timestamp_seconds") == value(metrics, "alert_timestamp_seconds")
    assert value(metrics, "step_failures", step="deliver") == 0
    assert value(metrics, "step_good_timestamp_seconds", step="plan") == NOW.timestamp()
    summary = {
        one.name: one.value for one in metrics["newsletter_step_seconds"].samples if one.labels["step"] == "freeze"
    }
    assert summary["newsletter_step_seconds_count"] == 2
    assert summary["newsletter_step_seconds_sum"] >= (value(metrics, "step_last_seconds", step="freeze") or 0) > 0
    assert (value(metrics, "state_free_bytes") or 0) > 0


def test_an_installation_that_did_nothing_has_no_moments(tmp_path: Path) -> None:
    with serving(configured(tmp_path)) as address:
        metrics = asked(address)
    assert [name for name, one in metrics.items() if "timestamp" in name and one.samples] == []
    assert value(metrics, "ledger_balanced") == 1
