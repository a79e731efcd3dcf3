"""How Redshift spreads and sorts the rows of each table, and why; pure.

DISTKEY puts rows with one value on one slice, so that what is joined or grouped by it moves no rows; it needs many
values, evenly used. DISTSTYLE ALL copies a small table to every node, EVEN deals rows out in turn. SORTKEY is always
the table's time: nearly every question is about a span of time, and blocks out of it are not read. Rows come in hour by
hour, so they are nearly sorted as they come, and the hours that a load replaces are found by the same means.
https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-best-dist-key.html
https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-sort-key.html
"""

from __future__ import annotations

from dataclasses import dataclass

from health_catalog.schemas import Table

ALL, AUTO, EVEN = "DISTSTYLE ALL", "DISTSTYLE AUTO", "DISTSTYLE EVEN"


@dataclass(frozen=True)
class Keys:
    """``spread`` is the distribution key's column or one of the styles."""

    spread: str
    sort: str
    why: str


KEYS: dict[str, Keys] = {
    "vitals": Keys("entity_id", "observed_at", "questions are about a patient over time; patients are many"),
    "vitals_minute": Keys("patient_id", "minute", "as vitals: a patient's minutes beside the patient's readings"),
    "vehicle_positions": Keys("entity_id", "observed_at", "a vehicle's way and its utilisation, on one slice"),
    "gps": Keys("entity_id", "observed_at", "a tracker's way, on one slice"),
    "cameras": Keys(EVEN, "observed_at", "few cameras: a key would fill some slices and leave others empty"),
    "weather": Keys(EVEN, "observed_at", "few stations, as cameras"),
    "emergencies": Keys(EVEN, "observed_at", "asked by time and place, joined by nothing of its own"),
    "alerts": Keys("event_id", "observed_at", "what became of an alert is joined by its id"),
    "dispatches": Keys("alert_id", "observed_at", "the other side of that join"),
    "dispatch_outcomes": Keys("alert_id", "observed_at", "the same id, for joins with both"),
    "city_hourly": Keys(ALL, "starts_at", "24 rows a day, joined with everything by the hour"),
}


def keys_of(table: Table) -> Keys:
    """The table's keys; for one that is not known here, or has lost the columns, what Redshift finds by itself."""
    keys = KEYS.get(table.name)
    columns = {*table.schema.names, ALL, AUTO, EVEN}
    if keys and {keys.spread, keys.sort} <= columns:
        return keys
    return Keys(AUTO, table.partition_keys[0], "not known")
