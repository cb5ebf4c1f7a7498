"""The providers of OpenTelemetry that the tests of one process share; a process sets each only once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Heard:
    """What has been exported within."""

    def __init__(self) -> None:
        self._spans, self._reader = _exporters()
        self._spans.clear()
        self._before = self._sums()

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended."""
        return list(self._spans.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    def measured(self, name: str) -> dict[tuple[tuple[str, Any], ...], float]:
        """By their attributes: the sum of a counter, or how often a histogram was told something."""
        before = self._before
        return {
            key: value - before.get((name, key), 0)
            for (metric, key), value in self._sums().items()
            if metric == name and value != before.get((name, key), 0)
        }

    def _sums(self) -> dict[tuple[str, tuple[tuple[str, Any], ...]], float]:
        data: Any = self._reader.get_metrics_data()
        if data is None:
            return {}
        return {
            (metric.name, tuple(sorted(point.attributes.items()))): getattr(point, "count", None) or point.value
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        }


@cache
def _exporters() -> tuple[InMemorySpanExporter, InMemoryMetricReader]:
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
    return spans, reader


@contextmanager
def heard() -> Iterator[Heard]:
    """Within, everything that is told by OpenTelemetry is kept."""
    yield Heard()
