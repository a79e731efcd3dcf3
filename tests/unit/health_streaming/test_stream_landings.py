"""What has landed, from the process that commits to the metrics."""

from __future__ import annotations

import time
from pathlib import Path

from health_streaming.freshness import FRESHNESS
from health_streaming.landings import Landings
from health_streaming.progress import ROWS
from health_streaming.sinks.lake import File, tally
from health_streaming.sinks.tally import Tally, leave, take

FILES = [
    File("vitals", ("2026-11-22", "10"), 3, 1000.0),
    File("vitals", ("2026-11-22", "11"), 4, 1500.0),
    File("dead_letters", ("2026-11-22", "10"), 2, 1200.0),
]


def test_files_add_up() -> None:
    assert tally(FILES) == Tally({"vitals": 7, "dead_letters": 2}, {"vitals": 1500.0, "dead_letters": 1200.0})


def test_a_tally_is_taken_once(tmp_path: Path) -> None:
    leave(tmp_path, 5, tally(FILES))
    assert take(tmp_path, 4) is None
    assert take(tmp_path, 5) == tally(FILES)
    assert take(tmp_path, 5) is None
    assert not list(tmp_path.iterdir())


def test_rows_are_counted_and_the_newest_one_ages(tmp_path: Path) -> None:
    landings, now = Landings("landings-test", tmp_path), time.time()
    landings.note(Tally({"vitals": 7, "gps": 1, "dead_letters": 2}, {"vitals": now - 30}), "landing")
    landings.note(Tally({"vitals": 1}, {"vitals": now - 60}), "landing")  # late ones make it no older
    counted = {
        sample.labels["result"]: sample.value
        for sample in ROWS.collect()[0].samples
        if sample.labels.get("pipeline") == "landings-test" and sample.name.endswith("_total")
    }
    assert counted == {"landed": 9, "dead_lettered": 2}
    (fresh,) = [each for each in FRESHNESS.collect()[0].samples if each.labels["pipeline"] == "landings-test"]
    assert fresh.labels["table"] == "vitals"
    assert 30 <= fresh.value < 50
