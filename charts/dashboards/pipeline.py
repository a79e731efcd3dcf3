"""One pipeline in the order of its data path: for whoever finds out what is wrong with it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from charts.dashboards import parts
from charts.dashboards.parts import Panel, Query, choice, figure, lines, row, states

_OF = 'namespace="$namespace", pipeline="$pipeline"'


def board() -> Dashboard:
    """The dashboard."""
    return parts.board(
        "health-pipeline",
        "Health pipelines: one pipeline",
        "One pipeline in the order of its data path.",
        [
            choice("namespace", "Namespace", "label_values(health_slo_events_per_second, namespace)"),
            choice(
                "pipeline", "Pipeline", 'label_values(health_slo_events_per_second{namespace="$namespace"}, pipeline)'
            ),
        ],
        [
            *_figures(),
            *_state(),
            *_sources(),
            *_streams(),
            *_alerts(),
            *_lake(),
            *_warehouse(),
            *_crawlers(),
            *_glue_job(),
            *_objectives(),
            *_console(),
            *_processes(),
        ],
    )


def _figures() -> list[Panel]:
    return [
        figure("Events", "Given to Kafka by all producers", "cps", _latest("health_slo_events_per_second"), width=3),
        figure("Lag", "The worst of all components but transform", "s", _latest("health_slo_lag_seconds"),
               width=3, decimals=1),
        figure("Alert p50", "From a reading to its alert, last minute", "s",
               _latest("health_slo_alert_latency_seconds", 'quantile="0.5"'), width=3),
        figure("Alert p99", "From a reading to its alert, last minute", "s",
               _latest("health_slo_alert_latency_seconds", 'quantile="0.99"'), width=3),
        figure("Dispatch p99", "From a reading to its dispatch, last minute", "s",
               _latest("health_slo_dispatch_latency_seconds", 'quantile="0.99"'), width=3),
        figure("Freshness", "The oldest among the newest rows of sources' tables", "s",
               _latest("health_slo_freshness_seconds"), width=3),
        figure("Canary", "Since the sending of the newest that came through", "s",
               _latest("health_canary_age_seconds"), width=3, bad_from=120),
        figure("Silent parts", "Components whose metrics do not answer", "short",
               Query(f"sum(1 - {_latest('health_slo_component_answers', by='component').expr})"), width=3, bad_from=1),
    ]  # fmt: skip


def _state() -> list[Panel]:
    conditions = f'max by (type) (health_operator_condition{{{_OF}, status="True"}})'
    return [
        row("State"),
        states("Conditions", "As in its status", Query(conditions, "{{type}}"), "True", "not True"),
        states("Components", "Whether their metrics answer",
               Query(_latest("health_slo_component_answers", by="component").expr, "{{component}}"),
               "answers", "silent"),
        lines("Behind what they read", "Each component, as the watcher sees it from outside", "s",
              Query(_latest("health_component_lag_seconds", by="component").expr, "{{component}}")),
        lines("Replicas", "How many are wanted of what its lag scales (spec.autoscaling)", "short",
              Query(f"max by (component) (health_operator_replicas{{{_OF}}})", "{{component}}")),
    ]  # fmt: skip


def _sources() -> list[Panel]:
    return [
        row("Sources and producers"),
        lines("Items by source", "What producers gave to Kafka as events", "cps",
              Query(f'sum by (source) (health:events:rate2m{{{_OF}, result="published"}})', "{{source}}"),
              stacked=True),
        lines("Dead letters by source", "Items that break the contract", "cps",
              Query(f'sum by (source) (health:events:rate2m{{{_OF}, result="dead_letter"}})', "{{source}}"),
              stacked=True),
        lines("Age of the newest reading", "Of each source, at its producer", "s",
              Query(f"max by (source) (health_producer_source_lag_seconds{{{_OF}}})", "{{source}}")),
        lines("Sources' errors", "Requests that failed, and items that are sent to Kafka again", "cps",
              Query(_rate("health_producer_source_errors_total", "source, kind"), "{{source}} {{kind}}"),
              Query(f'sum by (source) (health:events:rate2m{{{_OF}, result="retried"}})', "{{source}} sent again")),
    ]  # fmt: skip


def _streams() -> list[Panel]:
    return [
        row("Streams"),
        lines("Rows", "Of finished batches, by query and what became of them", "cps",
              Query(f"sum by (query, result) (health:rows:rate2m{{{_OF}}})", "{{query}} {{result}}")),
        lines("Batches", "How long they take; alerts in real-time mode have long ones on purpose", "s",
              Query(_quantile(0.5, "health_streaming_batch_seconds_bucket", "query"), "{{query}} p50"),
              Query(_quantile(0.95, "health_streaming_batch_seconds_bucket", "query"), "{{query}} p95")),
        lines("Lag in time", "Since it was last read to its end; of alerts in Real-time Mode: a canary has waited", "s",
              Query(f"max by (query, topic) (health_streaming_lag_seconds{{{_OF}}})", "{{query}} {{topic}}")),
        lines("Lag in records", "When the last batch began; of alerts in Real-time Mode: the newest canary", "short",
              Query(f"sum by (query, topic) (health_streaming_lag_records{{{_OF}}})", "{{query}} {{topic}}")),
    ]  # fmt: skip


def _alerts() -> list[Panel]:
    return [
        row("Alerts and dispatch"),
        lines("Reading to alert", "By the broker's time of the alert", "s",
              *_latencies("health:alert_latency_seconds:5m"),
              _target("alert_latency")),
        lines("Reading to dispatch", "Of alerts that did not have to wait for a vehicle", "s",
              *_latencies("health:dispatch_latency_seconds:5m")),
        lines("Decisions", "What became of alerts", "cps",
              Query(f"sum by (outcome) (health:decisions:rate5m{{{_OF}}})", "{{outcome}}"), stacked=True),
        lines("Vehicles", "That can take a patient, by state; and alerts that wait for one", "short",
              Query(f"max by (state) (health_dispatch_vehicles{{{_OF}}})", "{{state}}"),
              Query(f"max(health_dispatch_waiting_alerts{{{_OF}}})", "alerts waiting")),
        lines("Canaries", "p99 of their latency to the alert, and for how long the oldest waits for its own", "s",
              Query(_quantile(0.99, "health_canary_latency_seconds_bucket"), "p99"),
              Query(_latest("health_canary_awaited_seconds").expr, "awaited"), width=8),
        lines("Canaries' way", "How many are sent, how many come as far as dispatch, and how many are lost", "cps",
              Query(_rate("health_canary_sent_total"), "sent"),
              Query(_rate("health_dispatch_canaries_total"), "at dispatch"),
              Query(_rate("health_canary_lost_total", "reason"), "lost: {{reason}}"), width=8),
        lines("Dispatch's troubles", "Reports that make no vehicle available, transactions decided again", "cps",
              Query(_rate("health_dispatch_reports_ignored_total", "reason"), "ignored: {{reason}}"),
              Query(_rate("health_dispatch_aborted_total"), "decided again"), width=8),
    ]  # fmt: skip


def _lake() -> list[Panel]:
    return [
        row("Lake and catalogue"),
        lines("Freshness by table", "Age of the newest row; of what crawlers find, when it has landed", "s",
              Query(
                  # The watcher remembers what a transform has said that has ended, and else they say it themselves.
                  f"max by (table) (health_slo_table_freshness_seconds{{{_OF}}})"
                  f" or max by (table) (health_lake_freshness_seconds{{{_OF}}})", "{{table}}"),
              _target("freshness")),
        lines("Partitions", "Handed to the catalogue, by the transform", "short",
              Query(f"sum by (result) (increase(health_catalog_partitions_total{{{_OF}}}[10m]))", "{{result}}")),
    ]  # fmt: skip


def _warehouse() -> list[Panel]:
    return [
        row("Warehouse"),
        lines("Rows loaded", "An hour that is loaded anew counts again", "cps",
              Query(_rate("health_warehouse_rows_total", "table"), "{{table}}")),
        lines("Behind the lake", "Since it last had all that was committed", "s",
              Query(_latest("health_warehouse_lag_seconds").expr, "behind")),
        lines("Loads", "One table's hours in one transaction", "short",
              Query(f"sum by (result) (increase(health_warehouse_loads_total{{{_OF}}}[10m]))", "{{result}}"),
              Query(_latest("health_warehouse_pending_partitions").expr, "partitions to load")),
        lines("How long a load takes", "Of one table's hours", "s",
              Query(_quantile(0.5, "health_warehouse_load_seconds_bucket"), "p50"),
              Query(_quantile(0.95, "health_warehouse_load_seconds_bucket"), "p95")),
    ]  # fmt: skip


def _crawlers() -> list[Panel]:
    return [
        row("Crawlers"),
        lines("How long crawls took", "Mean of six hours, by how they ended", "s",
              _mean("health_catalog_crawl_seconds")),
        lines("Requests", "Words of new folders that wait for a crawl", "short",
              Query(_latest("health_catalog_crawl_requests", by="crawler").expr, "{{crawler}}")),
        lines("Tables", "That the last crawl of each crawler has changed", "short",
              Query(f"sum by (change) (health_catalog_crawl_tables{{{_OF}}})", "{{change}}")),
        lines("Troubles", "Who does not do its work, and why", "short",
              Query(_latest("health_catalog_crawl_trouble", by="crawler, reason").expr, "{{crawler}}: {{reason}}")),
    ]  # fmt: skip


def _glue_job() -> list[Panel]:
    return [
        row("Transform and load by Glue"),
        lines("How long runs took", "Mean of six hours, by how they ended", "s",
              _mean("health_catalog_etl_run_seconds", "step")),
        lines("Runs under way", "One at most of each job", "short",
              Query(_latest("health_catalog_etl_running", by="step").expr, "{{step}}")),
        lines("Troubles", "Why a job does not do its work", "short",
              Query(_latest("health_catalog_etl_trouble", by="step, reason").expr, "{{step}}: {{reason}}")),
    ]  # fmt: skip


def _objectives() -> list[Panel]:
    missed = f'health:slo_missed:ratio{{{_OF}, window="%s"}}'
    return [
        row("Objectives"),
        lines("Time beyond the target, last hour", "1 % is the budget", "percentunit",
              Query(f"max by (slo) ({missed % '1h'})", "{{slo}}")),
        lines("Budget used, three days", "100 %: all of it", "percentunit",
              Query(f"max by (slo) ({missed % '3d'}) / 0.01", "{{slo}}")),
    ]  # fmt: skip


def _console() -> list[Panel]:
    return [
        row("Console"),
        lines("Pages that are open", "Each counts, also of the same person", "short",
              Query(_latest("health_console_clients", by="page").expr, "{{page}}")),
        lines("Records that it reads", "unreadable: they break the contract", "cps",
              Query(_rate("health_console_records_total", "topic, result"), "{{topic}} {{result}}")),
    ]  # fmt: skip


def _processes() -> list[Panel]:
    return [
        row("Processes"),
        lines("CPU", "Cores, of each component's own process: a Spark driver's JVM is another", "short",
              Query(f"sum by (pod) (rate(process_cpu_seconds_total{{{_POD}}}[$__rate_interval]))", "{{pod}}")),
        lines("Memory", "Resident, of each component's own process", "bytes",
              Query(f"sum by (pod) (process_resident_memory_bytes{{{_POD}}})", "{{pod}}")),
    ]  # fmt: skip


# These have no label ``pipeline``; pods are called after it.
_POD = 'namespace="$namespace", pod=~"$pipeline-.+"'


def _latest(metric: str, labels: str = "", by: str = "") -> Query:
    """Whichever pod tells it."""
    grouped = f"max by ({by})" if by else "max"
    return Query(f"{grouped} ({metric}{{{', '.join(filter(None, [_OF, labels]))}}})")


def _rate(counter: str, by: str = "") -> str:
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({counter}{{{_OF}}}[$__rate_interval]))"


def _mean(seconds: str, *by: str) -> Query:
    """Of six hours, by how they ended: what is seldom has no quantiles."""
    labels = (*by, "state")
    took, count = (f"sum by ({', '.join(labels)}) (increase({seconds}_{of}{{{_OF}}}[6h]))" for of in ("sum", "count"))
    return Query(f"{took} / {count}", ": ".join(f"{{{{{label}}}}}" for label in labels))


def _quantile(quantile: float, buckets: str, by: str = "") -> str:
    grouped = ", ".join(filter(None, [by, "le"]))
    return f"histogram_quantile({quantile}, sum by ({grouped}) (rate({buckets}{{{_OF}}}[10m])))"


def _latencies(record: str) -> list[Query]:
    return [Query(f'max({record}{{{_OF}, quantile="{of}"}})', f"p{float(of) * 100:.0f}") for of in ("0.5", "0.99")]


def _target(slo: str) -> Query:
    return Query(f'max(health:slo_target_seconds{{{_OF}, slo="{slo}"}})', "target")
