"""What is said of a query in Athena while it runs and after it."""

from __future__ import annotations

import io

import pytest
from click.testing import CliRunner
from health_catalog.athena import Progress
from healthctl.commands.query import query
from healthctl.meter import Meter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_line_that_moves_and_the_rest_only_its_last_word() -> None:
    for out, moves in ((Terminal(), 2), (io.StringIO(), 0)):
        with Meter(out) as meter:
            meter.show(Progress("RUNNING", 1.0, 0))
            meter.show(Progress("SUCCEEDED", 2.4, 40_000_000))
        assert out.getvalue().count("Athena: running") + out.getvalue().count("Athena: succeeded") == moves
        assert out.getvalue().endswith("Athena: 2 s, 40.0 MB read, about 0.00020 USD\n")


def test_a_query_that_is_stopped_says_what_it_has_cost() -> None:
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt), Meter(out) as meter:
        meter.show(Progress("RUNNING", 1.0, 20_000_000))
        raise KeyboardInterrupt
    assert out.getvalue() == "Athena: 1 s, 20.0 MB read until it was stopped, about 0.00010 USD\n"


def test_named_queries_are_listed_and_an_unknown_one_is_told() -> None:
    listed = CliRunner().invoke(query, ["--named", "list"])
    assert listed.exit_code == 0
    assert "rising-scores" in listed.output
    unknown = CliRunner().invoke(query, ["--named", "nothing"])
    assert "no query is named nothing" in str(unknown.exception)
