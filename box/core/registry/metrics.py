"""Figures for a monitor, in Prometheus's text format (version 0.0.4).

Rooms offer what they can count cheaply. How requests go is counted here, in each worker for itself: a worker
notes its figures in the cache about once a second, and whichever worker is asked tells them of all.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from box.core.registry.offers import Offers
from box.core.registry.replicas import replicas

logger = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

type Labels = Mapping[str, str]
type Sample = tuple[Labels, float]


@dataclass(frozen=True)
class Metric:
    """One family of figures; names begin with `korobka_` and end in their unit."""

    name: str
    help: str
    samples: tuple[Sample, ...]
    kind: Literal["gauge", "counter", "histogram"] = "gauge"


def gauge(name: str, help_text: str, value: float, **labels: str) -> Metric:
    """A family of a single figure."""
    return Metric(name, help_text, ((labels, value),))


sources: Offers[Callable[[], Iterable[Metric]]] = Offers("metrics")


def collected() -> list[Metric]:
    """What all rooms offer. A room that fails leaves out its own, and the others' are told."""
    found: list[Metric] = []
    failed = []
    for name, source in sources.items():
        try:
            found += source()
        except Exception:
            logger.exception("The figures of %s cannot be counted", name)
            failed.append(name)
    told = tuple(({"room": name}, float(name in failed)) for name, _ in sources.items())
    return [*found, Metric("korobka_metrics_failed", "1 for rooms whose figures are missing here.", told)]


def text(metrics: Iterable[Metric]) -> str:
    """The families as Prometheus reads them."""
    lines = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for labels, value in metric.samples:
            suffix = labels.get("__suffix__", "")
            said = ",".join(
                f'{name}="{_escaped(entry)}"' for name, entry in labels.items() if name != "__suffix__"
            )
            lines.append(f"{metric.name}{suffix}{{{said}}} {value:.15g}")
    return "\n".join(lines) + "\n"


def as_data(metrics: Iterable[Metric]) -> dict[str, list[dict[str, Any]]]:
    """The same for programs that read JSON: by name, `{"labels": {...}, "value": 3}` for each series."""
    found: dict[str, list[dict[str, Any]]] = {}
    for metric in metrics:
        for labels, value in metric.samples:
            own = {name: entry for name, entry in labels.items() if name != "__suffix__"}
            name = metric.name + labels.get("__suffix__", "")
            found.setdefault(name, []).append({"labels": own, "value": float(value)})
    return found


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


# --- how requests go

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
NOTED_EVERY = 1.0
MOST_WORKERS = 32


def _key(worker: str | int) -> str:
    """Workers have numbers on each node of a cluster, and the cache is one."""
    return f"metrics:requests:{settings.NODE}:{worker}"


@dataclass
class Requests:
    """What one worker has answered since it was started, by room."""

    worker: str = ""
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    buckets: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _noted_at: float = 0.0

    def count(self, room: str, status: int, seconds: float, *, now: float) -> None:
        with self._lock:
            self.statuses[room, f"{status // 100}xx"] += 1
            self.seconds[room] += seconds  # type: ignore[assignment] # a counter counts parts as well
            for limit in BUCKETS:
                if seconds <= limit:
                    self.buckets[room, str(limit)] += 1
            if now < self._noted_at + NOTED_EVERY:
                return
            self._noted_at = now
            figures = json.dumps(self.figures())
        cache.set(_key(self.worker), figures, None)

    def figures(self) -> dict[str, Any]:
        return {
            "statuses": [[*key, value] for key, value in self.statuses.items()],
            "buckets": [[*key, value] for key, value in self.buckets.items()],
            "seconds": [[key, value] for key, value in self.seconds.items()],
            "reads": [[key, value] for key, value in replicas.verdicts.items()],
        }


requests = Requests()


class MetricsMiddleware:
    """Counts every request by the room that answers it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.monotonic()
        response = self.get_response(request)
        now = time.monotonic()
        if requests.worker:  # commands and tests ask too, and are no worker
            match = request.resolver_match
            room = match.namespaces[0] if match and match.namespaces else "none"
            requests.count(room, response.status_code, now - begun, now=now)
        return response


def request_metrics() -> list[Metric]:
    """Of all workers, by their number: each counts from its own start."""
    keys = {_key(number): str(number) for number in range(1, MOST_WORKERS + 1)}
    statuses: list[Sample] = []
    times: list[Sample] = []
    reads: list[Sample] = []
    for key, said in sorted(cache.get_many(keys).items()):
        worker, figures = keys[key], json.loads(said)
        counts: Counter[str] = Counter()
        for room, status, count in figures["statuses"]:
            counts[room] += count
            statuses.append(({"room": room, "worker": worker, "status": status}, count))
        for verdict, count in figures.get("reads", ()):
            reads.append(({"worker": worker, "from": verdict}, count))
        below = {(room, limit): count for room, limit, count in figures["buckets"]}
        for room, seconds in figures["seconds"]:
            own = {"room": room, "worker": worker}
            times += [
                ({"__suffix__": "_bucket", **own, "le": str(limit)}, below.get((room, str(limit)), 0))
                for limit in BUCKETS
            ]
            times.append(({"__suffix__": "_bucket", **own, "le": "+Inf"}, counts[room]))
            times.append(({"__suffix__": "_sum", **own}, seconds))
            times.append(({"__suffix__": "_count", **own}, counts[room]))
    return [
        Metric("korobka_requests_total", "Requests answered, by room.", tuple(statuses), "counter"),
        Metric(
            "korobka_reads_total",
            "Pages read from a replica, and from the leader with the reason why.",
            tuple(reads),
            "counter",
        ),
        Metric("korobka_request_seconds", "How long answers took, by room.", tuple(times), "histogram"),
    ]
