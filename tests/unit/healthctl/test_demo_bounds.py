"""A demo ends: where each source gets its end from."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from click.testing import CliRunner
from health_pipeline import HealthPipeline, read_pipeline
from health_pipeline.quantities import Duration
from healthctl.__main__ import cli
from healthctl.demo.bounds import bounded, length_s
from healthctl.errors import HealthctlError
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("vitals", "vehicles", "gps", "cameras", "weather", "emergencies")


def pipeline(**sources: dict[str, Any]) -> HealthPipeline:
    document = {
        "apiVersion": "health-streaming.com/v1alpha1",
        "kind": "HealthPipeline",
        "metadata": {"name": "bounds"},
        "spec": {
            "lake": {"bucket": "s3://bounds-lake"},
            "sources": [{"name": name, **source} for name, source in sources.items()],
        },
    }
    return read_pipeline(document)


def simulated(duration: str | None) -> dict[str, Any]:
    return {"simulate": {} if duration is None else {"duration": duration}}


def without_ends(of: HealthPipeline) -> HealthPipeline:
    sources = [
        dataclasses.replace(source, simulate=dataclasses.replace(source.simulate, duration=None))
        for source in of.spec.sources
        if source.simulate
    ]
    return dataclasses.replace(of, spec=dataclasses.replace(of.spec, sources=tuple(sources)))


@given(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from([None, "5s", "90s"]), min_size=1),
    st.integers(1, 600).map(lambda seconds: Duration(1000 * seconds)),
)
def test_every_source_ends_after_its_own_duration_or_the_demos(wanted: dict[str, str | None], data: Duration) -> None:
    before = pipeline(**{name: simulated(duration) for name, duration in wanted.items()})
    after = bounded(before, data)
    durations = {source.name: source.simulate.duration for source in after.spec.sources if source.simulate}
    usual = {name: data + 30_000 if name == "vehicles" else data for name in wanted}
    assert durations == {name: Duration.parse(own) if own else usual[name] for name, own in wanted.items()}
    assert length_s(after) == max(durations.values()) / 1000
    assert bounded(after, Duration(data + 1)) == after
    assert without_ends(after) == without_ends(before)  # nothing else has changed


def test_a_real_api_has_no_end() -> None:
    mixed = pipeline(vitals=simulated(None), weather={"endpoint": {"url": "https://api.example/weather"}})
    with pytest.raises(HealthctlError, match="a demo must end, but weather is a real API"):
        bounded(mixed, Duration(1000))


@pytest.mark.parametrize(
    ("text", "problem"), [("soon", "not a duration: 'soon'"), ("60", "not a duration"), ("999ms", "at least 1s")]
)
def test_how_much_data_is_a_duration_of_a_second_or_more(text: str, problem: str) -> None:
    result = CliRunner().invoke(cli, ["demo", "-f", "unread.yaml", "--data", text])
    assert result.exit_code == 2
    assert problem in result.output
