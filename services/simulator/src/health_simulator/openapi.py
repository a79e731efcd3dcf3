"""The OpenAPI description of the sources, derived from the contract, and a page of it that needs no network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from health_events import Event, Field, ListOf, Primitive, Struct, WireType

MAX_PAGE, DEFAULT_PAGE = 10_000, 1000

Schema = dict[str, Any]

_TYPES: dict[Primitive, Schema] = {
    Primitive.STRING: {"type": "string"},
    Primitive.INTEGER: {"type": "integer", "format": "int32"},
    Primitive.LONG: {"type": "integer", "format": "int64"},
    Primitive.DOUBLE: {"type": "number", "format": "double"},
    Primitive.BOOLEAN: {"type": "boolean"},
    Primitive.TIMESTAMP: {"type": "integer", "format": "int64"},
}
_ERRORS = {
    "400": "A parameter cannot be read",
    "401": "The bearer token is missing or wrong",
    "410": "Nothing can follow that cursor any more; `first` is the first one that is kept",
    "429": "A bad day (when configured)",
    "500": "A bad day (when configured)",
    "503": "A bad day (when configured)",
}


def json_schema(event: Event) -> Schema:
    """JSON Schema (2020-12, as OpenAPI 3.1 has it) of an event as the contract says it."""
    return {"title": event.name, "description": event.doc} | _object(event.fields)


def document(events: Sequence[Event], *, token: bool) -> Schema:
    """The OpenAPI 3.1 document of an API that serves these events."""
    paths: Schema = {"/streets.geojson": _streets()}
    for event in events:
        paths |= _paths(event)
    components: Schema = {"schemas": {event.name: json_schema(event) for event in events} | {"Error": _error()}}
    described: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "Health and emergency feeds", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": components,
    }
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
    return described


_ABOUT = (
    "Simulated feeds. Every item has a cursor; read pages or a live stream from any cursor that is still kept. "
    "Each run of the simulator numbers its items from a larger number on than the run before; with a cursor from "
    "before, one gets the present run from its beginning."
)


def _object(fields: Sequence[Field]) -> Schema:
    return {
        "type": "object",
        "properties": {field.name: _field(field) for field in fields},
        "required": [field.name for field in fields if not field.nullable],
    }


def _field(field: Field) -> Schema:
    schema = _of_type(field.type) | {"description": field.doc}
    if field.type is Primitive.STRING:
        schema |= {"enum": list(field.values)} if field.values else {"maxLength": field.max_length}
    for keyword, bound in (("minimum", field.minimum), ("maximum", field.maximum)):
        if bound is not None:
            schema[keyword] = bound
    if field.unit:
        schema["x-unit"] = field.unit
    if field.codes:
        schema["x-codes"] = [{"system": system, "code": code} for system, code in field.codes]
    if field.type is Primitive.TIMESTAMP:
        schema["x-unit"] = "ms since 1970-01-01T00:00:00Z"
    if field.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    return schema


def _of_type(kind: WireType) -> Schema:
    if isinstance(kind, ListOf):
        return {"type": "array", "items": _of_type(kind.item)}
    if isinstance(kind, Struct):
        return _object(kind.fields)
    return dict(_TYPES[kind])


def _streets() -> Schema:
    content = {"application/geo+json": {"schema": {"type": "object"}}}
    answer = {"200": {"description": "A FeatureCollection of LineStrings", "content": content}}
    return {"get": {"summary": "The streets of the city", "parameters": [], "security": [], "responses": answer}}


def _error() -> Schema:
    properties = {"error": {"type": "string"}, "first": {"type": "string", "description": "With 410: a cursor"}}
    return {"type": "object", "properties": properties, "required": ["error"]}


def _paths(event: Event) -> Schema:
    after = _parameter("after", {"type": "string"}, "Only items after this cursor; all that are kept without it")
    size = {"type": "integer", "minimum": 1, "default": DEFAULT_PAGE}
    limit = _parameter("limit", size, f"How many at most; never more than {MAX_PAGE}")
    item = {
        "type": "object",
        "properties": {"cursor": {"type": "string"}, "record": {"$ref": f"#/components/schemas/{event.name}"}},
        "required": ["cursor", "record"],
    }
    page = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": item}, "next": {"type": "string"}},
        "required": ["items", "next"],
    }
    first = {"type": "string", "description": "The cursor of the first item of this run"}
    counts = {"first": first, "served": {"type": "integer"}, "generated": {"type": "integer"}}
    counts |= {"complete": {"type": "boolean"}}
    stats = {"type": "object", "properties": counts, "required": list(counts)}
    base, name = f"/v1/{event.name}", event.name
    live = "Items as they come, one JSON object a line; an empty line now and then. Never ends."
    json = "application/json"
    return {
        base: {"get": _get(f"{name}Page", event.doc, [after, limit], json, page)},
        f"{base}/stream": {"get": _get(f"{name}Stream", live, [after], "application/x-ndjson", item)},
        f"{base}/stats": {"get": _get(f"{name}Stats", "How much there is and was given out", [], json, stats)},
    }


def _parameter(name: str, schema: Schema, doc: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": doc}


def _get(name: str, doc: str, parameters: list[Schema], media_type: str, schema: Schema) -> Schema:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    responses: Schema = {"200": {"description": "OK", "content": {media_type: {"schema": schema}}}}
    responses |= {status: {"description": text, "content": error} for status, text in _ERRORS.items()}
    return {"operationId": name, "summary": doc, "parameters": parameters, "responses": responses}


_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1c2430}
code{background:#eef1f5;padding:.1em .3em;border-radius:3px}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #dde2e9;padding:.25em .5em;text-align:left;vertical-align:top}"""


def page(described: Schema) -> str:
    """An HTML page of an OpenAPI document."""
    info = described["info"]
    calls = [_call(path, method["get"]) for path, method in described["paths"].items()]
    schemas = described["components"]["schemas"]
    tables = [_table(name, schema) for name, schema in schemas.items() if name != "Error"]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(info["title"])}</title>'
        f"<style>{_STYLE}</style><h1>{_text(info['title'])}</h1><p>{_text(info['description'])}</p>"
        f'<p>Machine-readable: <a href="openapi.json">openapi.json</a></p><h2>Calls</h2><ul>{"".join(calls)}</ul>'
        f"{''.join(tables)}</html>"
    )


def _call(path: str, get: Schema) -> str:
    query = "&amp;".join(f"{parameter['name']}=" for parameter in get["parameters"])
    shown = _text(path) + (f"?{query}" if query else "")
    return f"<li><code>GET {shown}</code> {_text(get['summary'])}</li>"


def _table(name: str, schema: Schema) -> str:
    rows = [_row(field, about, field in schema["required"]) for field, about in schema["properties"].items()]
    head = "<tr><th>Field<th>Type<th>Unit<th>About</tr>"
    return f"<h2>{_text(name)}</h2><p>{_text(schema['description'])}</p><table>{head}{''.join(rows)}</table>"


def _row(name: str, about: Schema, required: bool) -> str:
    kind = about["type"][0] if isinstance(about["type"], list) else about["type"]
    text = about["description"] + ("" if required else " (may be null)")
    if "enum" in about:
        text += ": " + ", ".join(value for value in about["enum"] if value is not None)
    cells = (name, kind, about.get("x-unit", ""), text)
    return "<tr>" + "".join(f"<td>{_text(cell)}" for cell in cells) + "</tr>"


def _text(value: object) -> str:
    return html.escape(str(value))
