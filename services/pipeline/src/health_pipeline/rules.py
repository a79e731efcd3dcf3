"""What a spec must satisfy beyond each field by itself.

Each rule is said twice, side by side: as a predicate on the dataclass, which the reader runs, and in CEL, which the API
server runs (``schema`` puts it into the CustomResourceDefinition). A test feeds both the same documents.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from health_pipeline.spec import Area, Console, HealthPipeline, HealthPipelineSpec, Kafka, Lake, Rule, Source, camel
from health_pipeline.spec_autoscaling import Replicas
from health_pipeline.spec_catalog import LONGEST_CRAWLED, Catalog, Crawler, ManagedWorkgroup
from health_pipeline.spec_security import Pseudonyms, Security
from health_pipeline.spec_transform import GLUE_INTERVAL, TOO_OFTEN, Transform
from health_pipeline.spec_warehouse import Redshift, Warehouse

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_LONGITUDE, _LATITUDE, _PERCENT = 180, 90, 100


@dataclass(frozen=True)
class Check:
    """What must hold of every object of one kind. ``field`` is the one to look at, when it is one.

    With ``on_cluster`` it must hold on Kubernetes only. What is about the resource has its whole path in ``field``.
    """

    of: type
    message: str
    holds: Callable[[Any], bool]
    cel: str
    field: str = ""
    on_cluster: bool = False


@dataclass(frozen=True)
class Transition:
    """What must hold of an object and what it was before an edit; ``holds(old, new)``. Fields as in Check."""

    of: type
    message: str
    holds: Callable[[Any, Any], bool]
    cel: str
    field: str = ""


CHECKS = (
    Check(
        HealthPipeline,
        "a workgroup that is managed is called as the pipeline: by that name it is found again and removed",
        lambda pipeline: _managed_workgroup(pipeline.spec) in (None, pipeline.name),
        "!has(self.spec.catalog.athena) || !has(self.spec.catalog.athena.manage)"
        " || self.spec.catalog.athena.workgroup == self.metadata.name",
        field="spec.catalog.athena.workgroup",
    ),
    Check(
        Source,
        "exactly one of endpoint and simulate is needed",
        lambda source: (source.endpoint is None) != (source.simulate is None),
        "has(self.endpoint) != has(self.simulate)",
    ),
    Check(
        Rule,
        "at least one of atOrBelow and atOrAbove is needed",
        lambda rule: bool(_bounds(rule)),
        "has(self.atOrBelow) || has(self.atOrAbove)",
    ),
    Check(
        Rule,
        "atOrBelow must be under atOrAbove, or no value is normal",
        lambda rule: rule.at_or_below is None or rule.at_or_above is None or rule.at_or_below < rule.at_or_above,
        "!has(self.atOrBelow) || !has(self.atOrAbove) || self.atOrBelow < self.atOrAbove",
    ),
    Check(
        Rule,
        "spo2 is a percentage: a bound over 100 means nothing",
        lambda rule: rule.metric != "spo2" or all(bound <= _PERCENT for bound in _bounds(rule)),
        "self.metric != 'spo2' || ((!has(self.atOrBelow) || self.atOrBelow <= 100.0)"
        " && (!has(self.atOrAbove) || self.atOrAbove <= 100.0))",
    ),
    Check(
        Kafka,
        "needed with mode external",
        lambda kafka: kafka.mode != "external" or kafka.external is not None,
        "self.mode != 'external' || has(self.external)",
        field="external",
    ),
    Check(
        Transform,
        "exactly with engine glue",
        lambda transform: (transform.engine == "glue") == (transform.glue is not None),
        "(self.engine == 'glue') == has(self.glue)",
        field="glue",
    ),
    Check(
        Transform,
        "Glue starts nothing more often than every 5 minutes, and only at intervals that divide an hour or a day",
        lambda transform: transform.engine != "glue" or _suits_glue(transform.schedule),
        f"self.engine != 'glue' || (self.schedule.startsWith('@') ? self.schedule.matches('^({GLUE_INTERVAL})$')"
        f" : !self.schedule.matches('^{TOO_OFTEN}'))",
        field="schedule",
    ),
    Check(
        HealthPipelineSpec,
        "a Glue job is in AWS and knows no other store: with engine glue lake.endpoint and catalog.endpoint are empty",
        lambda spec: spec.transform.engine != "glue" or not (spec.lake.endpoint or spec.catalog.endpoint),
        "self.transform.engine != 'glue' || (self.lake.endpoint == '' && self.catalog.endpoint == '')",
        field="transform",
    ),
    Check(
        HealthPipelineSpec,
        "a load that is a Glue job follows the transform's: redshift.job needs transform.engine glue",
        lambda spec: spec.transform.engine == "glue" or not _has_load_job(spec),
        "self.transform.engine == 'glue' || !has(self.warehouse) || !has(self.warehouse.redshift)"
        " || !has(self.warehouse.redshift.job)",
        field="warehouse",
    ),
    Check(
        Replicas,
        "must not be beyond the maximum",
        lambda replicas: replicas.minimum <= replicas.maximum,
        "self.minimum <= self.maximum",
        field="minimum",
    ),
    Check(
        Warehouse,
        "needed with engine redshift",
        lambda warehouse: warehouse.engine != "redshift" or warehouse.redshift is not None,
        "self.engine != 'redshift' || has(self.redshift)",
        field="redshift",
    ),
    Check(
        Warehouse,
        "duckdb is a file on one machine: on Kubernetes use redshift",
        lambda warehouse: warehouse.engine != "duckdb",
        "self.engine != 'duckdb'",
        field="engine",
        on_cluster=True,
    ),
    Check(
        Redshift,
        "exactly one of workgroup and clusterIdentifier is needed",
        lambda redshift: (redshift.workgroup is None) != (redshift.cluster_identifier is None),
        "has(self.workgroup) != has(self.clusterIdentifier)",
    ),
    Check(
        Catalog,
        "needed with mode crawler",
        lambda catalog: catalog.mode != "crawler" or catalog.crawler is not None,
        "self.mode != 'crawler' || has(self.crawler)",
        field="crawler",
    ),
    Check(
        Catalog,
        f"with mode crawler at most {LONGEST_CRAWLED} characters: it is in the names of queues",
        lambda catalog: catalog.mode != "crawler" or len(catalog.database or "") <= LONGEST_CRAWLED,
        f"self.mode != 'crawler' || !has(self.database) || size(self.database) <= {LONGEST_CRAWLED}",
        field="database",
    ),
    Check(
        Catalog,
        "projectedDays is for mode register: crawlers make tables of their own",
        lambda catalog: catalog.mode != "crawler" or catalog.athena is None or not catalog.athena.projected_days,
        "self.mode != 'crawler' || !has(self.athena) || self.athena.projectedDays == 0",
        field="athena",
    ),
    Check(
        Crawler,
        "schedule and onNewFiles exclude each other",
        lambda crawler: crawler.schedule is None or crawler.on_new_files is None,
        "!has(self.schedule) || !has(self.onNewFiles)",
    ),
    Check(
        Crawler,
        "Glue's triggers follow only crawls that a trigger has started: then needs a schedule",
        lambda crawler: not crawler.then or crawler.schedule is not None,
        "!has(self.then) || size(self.then) == 0 || has(self.schedule)",
        field="then",
    ),
    Check(
        Crawler,
        "a crawl that is told of files looks at no others: with onNewFiles events it must be newFolders",
        lambda crawler: crawler.on_new_files != "events" or crawler.recrawl == "newFolders",
        "!has(self.onNewFiles) || self.onNewFiles != 'events' || self.recrawl == 'newFolders'",
        field="recrawl",
    ),
    Check(
        ManagedWorkgroup,
        "exactly with encryption SSE_KMS",
        lambda managed: (managed.encryption == "SSE_KMS") == (managed.kms_key is not None),
        "(self.encryption == 'SSE_KMS') == has(self.kmsKey)",
        field="kms_key",
    ),
    Check(
        Area,
        "a corner is [longitude, latitude]: from -180 to 180 and from -90 to 90",
        lambda area: all(abs(east) <= _LONGITUDE and abs(north) <= _LATITUDE for east, north in area.polygon),
        "self.polygon.all(corner, -180.0 <= corner[0] && corner[0] <= 180.0 && -90.0 <= corner[1]"
        " && corner[1] <= 90.0)",
        field="polygon",
    ),
    Check(
        Console,
        "proxy.tokenRef must be a key that no other token is: what people hold would make them the proxy",
        lambda console: (
            console.proxy is None or console.proxy.token_ref not in (console.token_ref, console.patients_token_ref)
        ),
        # CEL takes objects of two places for two types, which it does not compare.
        "!has(self.proxy) || ("
        "(self.proxy.tokenRef.name != self.tokenRef.name || self.proxy.tokenRef.key != self.tokenRef.key)"
        " && (!has(self.patientsTokenRef) || self.proxy.tokenRef.name != self.patientsTokenRef.name"
        " || self.proxy.tokenRef.key != self.patientsTokenRef.key))",
        field="proxy",
    ),
    Check(
        Security,
        "must be names of namespaces: 1-63 lower-case letters, digits and hyphens",
        lambda security: all(_NAMESPACE.fullmatch(name) for name in security.metrics_from),
        f"self.metricsFrom.all(name, name.matches('^({_NAMESPACE.pattern})$'))",
        field="metrics_from",
    ),
)

TRANSITIONS = (
    Transition(
        Source,
        "Kafka cannot take partitions away: it can grow, never shrink",
        lambda old, new: new.partitions >= old.partitions,
        "self.partitions >= oldSelf.partitions",
        field="partitions",
    ),
    Transition(
        Lake,
        "the bucket of a pipeline is fixed: its data and checkpoints are there. Make a new pipeline for another",
        lambda old, new: new.bucket == old.bucket,
        "self.bucket == oldSelf.bucket",
        field="bucket",
    ),
    Transition(
        Lake,
        "the region of a pipeline is fixed: its tables, crawlers and jobs are there. Make a new pipeline for another",
        lambda old, new: new.region == old.region,
        "self.region == oldSelf.region",
        field="region",
    ),
    Transition(
        Catalog,
        "the database of a pipeline is fixed: its tables are there. Make a new pipeline for another",
        lambda old, new: new.database == old.database,
        "has(self.database) == has(oldSelf.database) && (!has(self.database) || self.database == oldSelf.database)",
        field="database",
    ),
    Transition(
        Pseudonyms,
        "another key needs another keyId, or nobody could tell the names that it makes from the old ones",
        lambda old, new: new.key_ref == old.key_ref or new.key_id != old.key_id,
        "self.keyRef == oldSelf.keyRef || self.keyId != oldSelf.keyId",
        field="key_id",
    ),
)


def violations(pipeline: HealthPipeline, *, on_cluster: bool = False) -> Iterator[str]:
    """Every mistake that no field makes by itself, one line each, path first."""
    checks = [check for check in CHECKS if on_cluster or not check.on_cluster]
    whole = (check for check in checks if check.of is HealthPipeline and not check.holds(pipeline))
    yield from (f"{check.field}: {check.message}" for check in whole)
    for path, _, value in _objects(pipeline.spec, "spec"):
        yield from (_told(path, check) for check in checks if type(value) is check.of and not check.holds(value))
        for item in dataclasses.fields(value):
            if item.metadata["key"]:
                keys = [getattr(each, item.metadata["key"]) for each in getattr(value, item.name)]
                yield from _repeated(f"{path}.{camel(item.name)}", item.metadata["key"], keys)


def forbidden(old: HealthPipelineSpec, new: HealthPipelineSpec) -> Iterator[str]:
    """What the API server refuses of an edit, one line each, path first."""
    before = {place: value for _, place, value in _objects(old, "spec")}
    for path, place, value in _objects(new, "spec"):
        for rule in TRANSITIONS:
            if type(value) is rule.of and place in before and not rule.holds(before[place], value):
                yield _told(path, rule)


def _bounds(rule: Rule) -> list[float]:
    return [bound for bound in (rule.at_or_below, rule.at_or_above) if bound is not None]


def _managed_workgroup(spec: HealthPipelineSpec) -> str | None:
    athena = spec.catalog.athena
    return athena.workgroup if athena and athena.manage else None


def _has_load_job(spec: HealthPipelineSpec) -> bool:
    redshift = spec.warehouse.redshift if spec.warehouse else None
    return redshift is not None and redshift.job is not None


def _suits_glue(schedule: str) -> bool:
    if schedule.startswith("@"):
        return re.fullmatch(GLUE_INTERVAL, schedule) is not None
    return re.match(TOO_OFTEN, schedule) is None


def _objects(value: Any, path: str, place: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every object of a spec as (path, place, object); a place tells the items of a list apart by their key."""
    yield path, place, value
    for item in dataclasses.fields(value):
        inner, here, there = getattr(value, item.name), f"{path}.{camel(item.name)}", f"{place}.{item.name}"
        if dataclasses.is_dataclass(inner):
            yield from _objects(inner, here, there)
        elif isinstance(inner, tuple):
            for index, each in enumerate(inner):
                if dataclasses.is_dataclass(each):
                    key = getattr(each, item.metadata["key"]) if item.metadata["key"] else index
                    yield from _objects(each, f"{here}[{index}]", f"{there}[{key}]")


def _told(path: str, rule: Check | Transition) -> str:
    return f"{path}.{camel(rule.field)}: {rule.message}" if rule.field else f"{path}: {rule.message}"


def _repeated(path: str, key: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{path}: {key} {name} is given more than once"
