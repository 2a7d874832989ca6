"""What `/metrics` tells: the state of the installation as numbers, for Prometheus.

All of it is read from the database and the disk when it is asked for, so any process may be asked, and what another
process did (a run, a worker, a scheduler) is told as well. Counts only: nobody's address.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from newsletter.store import RUN, BatchRecord, StepRecord, Store

Word = TypeVar("Word", bound=str)

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Values with those of their labels."""


async def page(store: Store, state_dir: Path) -> bytes:
    """The text of `/metrics` (https://prometheus.io/docs/instrumenting/exposition_formats/). Raises StoreError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Known([*await _archive(store), *await _mail(store), *await _work(store), *_disk(state_dir)]))
    return generate_latest(registry)


class _Known(Collector):
    """Metrics that are known already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


async def _archive(store: Store) -> list[Metric]:
    """What came in."""
    editions, day = await store.overview.editions()
    newest = await store.batches.newest()
    return [
        _gauge("papers", "Papers in the archive", await store.papers.count()),
        _gauge("editions", "Frozen editions", editions),
        _gauge("newest_edition_timestamp_seconds", "Midnight of its day, UTC", _midnight(day)),
        _gauges("batches", "What each source answered last", ("source", "verdict"), _verdicts(newest)),
        _gauges(
            "collected_timestamp_seconds",
            "When each source was asked last",
            ("source",),
            {(one.source,): one.collected_at.timestamp() for one in newest}.items(),
        ),
    ]


async def _mail(store: Store) -> list[Metric]:
    """What went out, and to whom."""
    deferred = await store.overview.deferred()
    return [
        _counted("deliveries", "Rows of the ledger", "state", await store.ledger.counts()),
        _gauge("ledger_balanced", "Whether the ledger's counts add up", await store.ledger.balanced()),
        _counted(
            "replies",
            "Rows of the ledger by the class of the relay's last reply; none is a lost answer",
            "class",
            await store.overview.replies(),
        ),
        _gauge(
            "accepted_timestamp_seconds",
            "When the relay last took a message",
            _moment(await store.overview.last_accepted()),
        ),
        _gauge(
            "deferred_timestamp_seconds",
            "When the first of the deferred deliveries is tried again",
            _moment(deferred.next_at if deferred else None),
        ),
        _counted("subscribers", "Subscribers", "status", await store.subscribers.counts()),
        _gauge("suppressions", "Suppressed addresses", await store.overview.suppressed()),
    ]


async def _work(store: Store) -> list[Metric]:
    """How the steps of runs, and whole runs, went."""
    steps = await store.steps.all()
    run = steps.pop(RUN, None)
    alerts = await store.alerts.newest(1)
    return [
        _steps(steps),
        _of_steps("last_seconds", "How long each step took when it was last done", steps, "last_seconds"),
        _of_steps("failures", "How often each step failed", steps, "failures"),
        _of_steps("good_timestamp_seconds", "When each step last went well", steps, "good_at"),
        _gauge("good_run_timestamp_seconds", "When a run last went well", _moment(run.good_at if run else None)),
        _gauge("failed_run_timestamp_seconds", "When a run last failed", _moment(run.failed_at if run else None)),
        _gauge(
            "alert_timestamp_seconds",
            "When something last happened that the operator is to hear",
            _moment(alerts[0].noted_at if alerts else None),
        ),
    ]


def _disk(state_dir: Path) -> list[Metric]:
    free = shutil.disk_usage(state_dir).free if state_dir.is_dir() else None
    return [_gauge("state_free_bytes", "Room on the disk of the state folder", free)]


def _gauge(name: str, meaning: str, value: float | None) -> Metric:
    """A metric without labels; without a sample where there is nothing to tell."""
    return _gauges(name, meaning, (), [] if value is None else [((), value)])


def _gauges(name: str, meaning: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    metric = GaugeMetricFamily(f"newsletter_{name}", meaning, labels=labels)
    for values, value in samples:
        metric.add_metric(values, float(value))
    return metric


def _counted(name: str, meaning: str, label: str, counts: Mapping[Word, int]) -> Metric:
    return _gauges(name, meaning, (label,), [((word,), number) for word, number in counts.items()])


def _verdicts(newest: Iterable[BatchRecord]) -> Samples:
    counts: dict[tuple[str, ...], float] = {}
    for one in newest:
        counts[one.source, one.verdict] = counts.get((one.source, one.verdict), 0) + 1
    return counts.items()


def _steps(steps: Mapping[str, StepRecord]) -> Metric:
    metric = SummaryMetricFamily("newsletter_step_seconds", "How long the steps of runs take", labels=("step",))
    for name, one in steps.items():
        metric.add_metric([name], one.times, one.seconds)
    return metric


def _of_steps(name: str, meaning: str, steps: Mapping[str, StepRecord], field: str) -> Metric:
    known = {(step,): getattr(one, field) for step, one in steps.items()}
    samples = {step: value.timestamp() if isinstance(value, datetime) else value for step, value in known.items()}
    told = [(step, value) for step, value in samples.items() if value is not None]
    return _gauges(f"step_{name}", meaning, ("step",), told)


def _moment(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def _midnight(day: date | None) -> float | None:
    return datetime.combine(day, time(), UTC).timestamp() if day else None
