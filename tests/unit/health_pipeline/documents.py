"""Valid HealthPipeline documents of every shape, made from the dataclasses of the spec model."""

from __future__ import annotations

import dataclasses
import re
import string
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from health_pipeline.quantities import Duration
from health_pipeline.spec import (
    API_VERSION,
    KIND,
    LONGEST_TEXT,
    HealthPipelineSpec,
    Kafka,
    Rule,
    Security,
    Source,
    camel,
)
from health_pipeline.spec_autoscaling import Replicas
from health_pipeline.spec_catalog import Catalog, Crawler, ManagedWorkgroup
from health_pipeline.spec_transform import Transform
from health_pipeline.spec_warehouse import Redshift, Warehouse
from hypothesis import strategies as st

Document = dict[str, Any]
_ASCII = st.characters(codec="ascii", exclude_categories=["Cc"])
_A_DAY_MS = 86_400_000
_LATITUDES = st.floats(-90, 90)  # any of them is a longitude as well


def documents(name: str = "london", *, sensible: bool = True) -> st.SearchStrategy[Document]:
    """Whole documents that reader and API server must both accept; unless ``sensible``, each field by itself."""
    head = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}}
    specs = _objects(HealthPipelineSpec, sensible)
    return (specs.map(lambda spec: _own_workgroup(spec, name)) if sensible else specs).map(
        lambda spec: {**head, "spec": spec}
    )


def _own_workgroup(spec: Document, name: str) -> Document:
    athena = spec.get("catalog", {}).get("athena", {})
    if "manage" in athena:
        athena["workgroup"] = name
    return spec


def _objects(kind: type, sensible: bool) -> st.SearchStrategy[Document]:
    """Documents of one dataclass; a field with a default may be left out."""
    hints = typing.get_type_hints(kind)
    required, optional = {}, {}
    for item in dataclasses.fields(kind):
        without = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        (required if without else optional)[camel(item.name)] = _values(hints[item.name], item.metadata, sensible)
    made = st.fixed_dictionaries(required, optional=optional)
    return made.map(_SENSIBLE[kind]) if sensible and kind in _SENSIBLE else made


def _values(hint: Any, metadata: Mapping[str, Any], sensible: bool) -> st.SearchStrategy[Any]:
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _values(get_args(hint)[0], metadata, sensible)
    if origin is Literal:
        return st.sampled_from(get_args(hint))
    if origin is tuple:
        return _lists(get_args(hint), metadata, sensible)
    if dataclasses.is_dataclass(hint):
        return _objects(typing.cast(type, hint), sensible)
    return _scalars(hint, metadata)


def _lists(items: tuple[Any, ...], metadata: Mapping[str, Any], sensible: bool) -> st.SearchStrategy[list[Any]]:
    if items[-1] is not ...:
        degrees = _LATITUDES if sensible else _LATITUDES | st.sampled_from([91.0, -179.0, 181.0])
        return st.lists(degrees, min_size=len(items), max_size=len(items))
    key, low = metadata["key"], int(metadata["minimum"] or 0)
    unique = (lambda item: item[key]) if key and sensible else None
    item = _values(items[0], {"key": None, "minimum": None, "maximum": None}, sensible)
    return st.lists(item, min_size=low, max_size=min(metadata["maximum"], low + 3), unique_by=unique)


def _scalars(hint: Any, metadata: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    low, high = metadata.get("minimum"), metadata.get("maximum")
    if hint is Duration:
        return st.integers(int(low or 0), int(high or _A_DAY_MS)).map(lambda milliseconds: str(Duration(milliseconds)))
    if hint is str:
        return _text(metadata.get("pattern"), int(low or 0), int(high or LONGEST_TEXT))
    numbers = {bool: st.booleans(), int: st.integers(low, high), float: st.floats(low, high)}
    return numbers[hint]


def _text(pattern: str | None, low: int, high: int) -> st.SearchStrategy[str]:
    if pattern is None:
        return st.text(string.printable[:95], min_size=low, max_size=min(high, 40))
    made = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True, alphabet=_ASCII)
    return made.filter(lambda text: low <= len(text) <= high)


def _one_of_both(source: Document) -> Document:
    if "endpoint" in source:
        source.pop("simulate", None)
    return source if "endpoint" in source or "simulate" in source else {**source, "simulate": {}}


def _sane_bounds(rule: Document) -> Document:
    bounds = sorted(
        {min(rule.pop(name), 100) for name in ("atOrBelow", "atOrAbove") if name in rule} or {40.0}
    )  # fmt: skip
    return rule | dict(zip(("atOrBelow", "atOrAbove"), bounds, strict=False))


def _reachable(kafka: Document) -> Document:
    if kafka.get("mode") == "external":
        kafka.setdefault("external", {"bootstrapServers": "kafka:9092"})
    return kafka


_CLUSTER = {"clusterIdentifier": "c", "copyRoleArn": "arn:aws:iam::123456789012:role/r"}


def _one_warehouse(redshift: Document) -> Document:
    if "workgroup" in redshift:
        redshift.pop("clusterIdentifier", None)
        return redshift
    return {"clusterIdentifier": "c", **redshift}


def _crawled(catalog: Document) -> Document:
    if catalog.get("mode") == "crawler":
        catalog.setdefault("crawler", {"roleArn": "arn:aws:iam::123456789012:role/glue-crawler"})
        catalog.get("athena", {}).pop("projectedDays", None)
        catalog |= {"database": catalog["database"][:59]} if "database" in catalog else {}
    return catalog


def _triggered(crawler: Document) -> Document:
    if "schedule" in crawler:
        crawler.pop("onNewFiles", None)
    else:
        crawler.pop("then", None)
    if crawler.get("onNewFiles") == "events":
        crawler.pop("recrawl", None)
    return crawler


_GLUE = {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}


def _transformed(transform: Document) -> Document:
    if transform.get("engine") != "glue":
        transform.pop("glue", None)
        return transform
    transform.setdefault("glue", {**_GLUE})
    schedule = transform.get("schedule", "")
    odd = schedule.startswith(("@", "*"))
    return transform | ({"schedule": "@every 30m"} if odd else {})


def _where_glue_runs(spec: Document) -> Document:
    if spec.get("transform", {}).get("engine") == "glue":
        spec["lake"].pop("endpoint", None)
        spec.get("catalog", {}).pop("endpoint", None)
    else:
        spec.get("warehouse", {}).get("redshift", {}).pop("job", None)
    return spec


def _encrypted(managed: Document) -> Document:
    key = managed.pop("kmsKey", "arn:aws:kms:eu-west-2:123456789012:key/1")
    return managed | {"kmsKey": key} if managed.get("encryption") == "SSE_KMS" else managed


# What several fields owe each other (``rules``), brought about instead of waited for.
_SENSIBLE: dict[type, Callable[[Document], Document]] = {
    Source: _one_of_both,
    Rule: _sane_bounds,
    Kafka: _reachable,
    Replicas: lambda bounds: {**bounds, "minimum": min(bounds.get("minimum", 1), bounds["maximum"])},
    Warehouse: lambda warehouse: {"redshift": {**_CLUSTER}, **warehouse, "engine": "redshift"},
    Redshift: _one_warehouse,
    Catalog: _crawled,
    Crawler: _triggered,
    ManagedWorkgroup: _encrypted,
    Transform: _transformed,
    HealthPipelineSpec: _where_glue_runs,
    Security: lambda security: {**security, "metricsFrom": ["one", "two"][: len(security.get("metricsFrom", ()))]},
}
