"""The pipeline's health as the page shows it: its stages in the order of the data path; pure.

A document of plain JSON. Rates are per second, times in the unit that their key ends in; None is what is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from health_lag.readings import Readings

from health_console.history import History

Document = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """What the pipeline is held to."""

    alert_latency_ms: float
    lag_s: float
    freshness_s: float


@dataclass(frozen=True)
class KafkaState:
    """How the console itself reads Kafka: topics that it follows, and what is wrong with that."""

    topics: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def is_read(self) -> bool:
        """Whether what is not there has not happened."""
        return bool(self.topics) and not self.trouble


def stages(
    history: History, slo: Mapping[str, Any], kafka: KafkaState, outcomes: Mapping[str, int], limits: Limits
) -> list[Document]:
    """The stages. ``slo`` is the watcher's document, empty when it does not answer; ``outcomes`` are dispatch's."""
    answers = {name: readings is not None for name, readings in history.latest.items()}
    every = [readings for readings in history.latest.values() if readings is not None]
    return [
        _sources(history, every, answers, limits),
        _kafka(kafka),
        _landing(history, every, answers, slo, limits),
        _alerts(history, answers, slo, limits),
        _dispatch(history, outcomes, answers, slo, limits),
        _transform(answers, slo),
        _watcher(slo),
    ]


def headline(slo: Mapping[str, Any], limits: Limits) -> list[Document]:
    """The service levels beside what they should be."""
    return [
        _figure("Events", slo.get("eventsPerSecond"), "/s"),
        _figure("Behind", slo.get("lagSeconds"), "s", limits.lag_s),
        _figure("Reading to alert, p99", slo.get("alertLatencyP99Ms"), "ms", limits.alert_latency_ms),
        _figure("Reading to dispatch, p99", slo.get("dispatchLatencyP99Ms"), "ms"),
        _figure("Oldest table", slo.get("freshnessSeconds"), "s", limits.freshness_s),
    ]


def _sources(history: History, every: Iterable[Readings], answers: Mapping[str, bool], limits: Limits) -> Document:
    rates = history.source_rates()
    lags, dead = (_joined(getattr(each, name) for each in every) for name in ("source_lag_s", "dead_lettered"))
    rows = [
        [source, _cell(rates.get(source), "/s"), _cell(lags.get(source), "s"), _cell(dead.get(source, 0), "")]
        for source in sorted({*rates, *lags})
    ]
    behind = max(lags.values(), default=None)
    parts = [name for name in answers if name == "simulator" or name.startswith("producer-")]
    return _stage(
        "sources", "Sources", "Read from their APIs, checked, given to Kafka", parts, answers,
        rate=_rate(history, "sources", "events/s"),
        behind_s=behind, most_s=limits.lag_s,
        table={"head": ["Source", "Events", "Behind", "Dead letters"], "rows": rows},
    )  # fmt: skip


def _kafka(kafka: KafkaState) -> Document:
    found = _stage("kafka", "Kafka", "Keeps every record for its readers", (), {})
    found["state"] = "down" if kafka.trouble else "up" if kafka.topics else "starting"
    found["note"] = kafka.trouble or f"followed here: {', '.join(kafka.topics) or 'nothing yet'}"
    return found


def _landing(
    history: History, every: Iterable[Readings], answers: Mapping[str, bool], slo: Mapping[str, Any], limits: Limits
) -> Document:
    records, lags, ages = (
        _joined(getattr(each, name) for each in every) for name in ("landing_lag", "landing_lag_s", "freshness_s")
    )
    rows = []
    for topic in sorted({*records, *lags}):
        table = topic.partition(".")[2].replace("-", "_")
        rows.append([table, _cell(records.get(topic), ""), _cell(lags.get(topic), "s"), _cell(ages.get(table), "s")])
    return _stage(
        "landing", "Landing", "All topics to Parquet, in the catalogue as it lands", ["landing"], answers,
        rate=_rate(history, "landing", "rows/s"),
        behind_s=max((*lags.values(), *_lag(slo, "landing")), default=None), most_s=limits.lag_s,
        table={"head": ["Table", "Records behind", "Behind", "Newest row"], "rows": rows},
    )  # fmt: skip


def _alerts(history: History, answers: Mapping[str, bool], slo: Mapping[str, Any], limits: Limits) -> Document:
    found = _stage(
        "alerts", "Alerts", "Readings that break a rule, in milliseconds", ["alerts"], answers,
        rate=_rate(history, "alerts", "alerts/s"),
        behind_s=max(_lag(slo, "alerts"), default=None), most_s=limits.lag_s,
    )  # fmt: skip
    found["facts"] = [
        _figure("p50", slo.get("alertLatencyP50Ms"), "ms"),
        _figure("p99", slo.get("alertLatencyP99Ms"), "ms", limits.alert_latency_ms),
    ]
    return found


def _dispatch(
    history: History, outcomes: Mapping[str, int], answers: Mapping[str, bool], slo: Mapping[str, Any], limits: Limits
) -> Document:
    found = _stage(
        "dispatch", "Dispatch", "The nearest free vehicle, once", ["dispatch"], answers,
        rate=_rate(history, "dispatch", "decisions/s"),
        behind_s=max(_lag(slo, "dispatch"), default=None), most_s=limits.lag_s,
        table={"head": ["Outcome", "In 5 minutes"],
               "rows": [[outcome, _cell(count, "")] for outcome, count in sorted(outcomes.items())]},
    )  # fmt: skip
    found["facts"] = [_figure("p99", slo.get("dispatchLatencyP99Ms"), "ms")]
    return found


def _transform(answers: Mapping[str, bool], slo: Mapping[str, Any]) -> Document:
    """How far it is behind is told and held to nothing: it waits for its turn, and that is for the spec to say."""
    found = _stage(
        "transform", "Transform", "Raw rows to tables for queries", ["transform"], answers,
        behind_s=max(_lag(slo, "transform"), default=None),
    )  # fmt: skip
    if "transform" not in answers:
        found["state"], found["note"] = "scheduled", "runs on its schedule and answers nobody in between"
    return found


def _watcher(slo: Mapping[str, Any]) -> Document:
    found = _stage("watcher", "Watcher", "Proves the path with readings that are made up", (), {})
    found["state"] = "up" if slo else "down"
    found["facts"] = [
        _figure("Canary came", slo.get("canaryAgeSeconds"), "s ago"),
        _figure("it took", slo.get("canaryLatencyMs"), "ms"),
    ]
    return found


def _stage(
    name: str,
    title: str,
    does: str,
    parts: Iterable[str],
    answers: Mapping[str, bool],
    *,
    rate: Document | None = None,
    behind_s: float | None = None,
    most_s: float | None = None,
    table: Document | None = None,
) -> Document:
    wanted = [part for part in parts if part in answers]
    silent = [part for part in wanted if not answers[part]]
    is_behind = behind_s is not None and most_s is not None and behind_s > most_s
    state = "down" if silent else "absent" if not wanted else "behind" if is_behind else "up"
    note = f"no answer from {', '.join(silent)}" if silent else ""
    return {
        "name": name, "title": title, "does": does, "state": state, "note": note, "rate": rate,
        "behind": None if behind_s is None and most_s is None else _figure("Behind", behind_s, "s", most_s),
        "facts": [], "table": table,
    }  # fmt: skip


def _lag(slo: Mapping[str, Any], component: str) -> list[float]:
    """How many seconds the watcher saw it behind; none where it has not said. What is stuck may well answer us."""
    lags = slo.get("lags")
    seconds = lags.get(component) if isinstance(lags, dict) else None
    return [float(seconds)] if isinstance(seconds, int | float) else []


def _rate(history: History, name: str, unit: str) -> Document:
    curve = history.curves[name]
    return {"value": _round(curve.last), "unit": unit, "curve": [_round(value) for value in curve.values]}


def _figure(label: str, value: object, unit: str, most: float | None = None) -> Document:
    number = float(value) if isinstance(value, int | float) else None
    return {
        "label": label, "value": _round(number), "unit": unit, "most": most,
        "holds": None if number is None or most is None else number <= most,
    }  # fmt: skip


def _cell(value: float | None, unit: str) -> Document:
    return {"value": _round(value), "unit": unit}


def _joined(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    return {name: value for part in parts for name, value in part.items()}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
