"""An image holds what its service needs, pinned by the one lock, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagebuild.commands import choose
from imagebuild.engine import BuildError
from imagebuild.inputs import fingerprint
from imagebuild.requirements import Pin, part, pins
from imagebuild.table import OF_GLUE_JOBS, images, locks
from imagebuild.workspace import members, with_needs

ROOT = Path(__file__).parents[3]

LOCK = """\
httpx==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via
    #   ours
    #   tests
sniff==2.0 ; sys_platform == 'linux' \\
    --hash=sha256:ba
    # via httpx
pytest==3.0 \\
    --hash=sha256:ca
rich==4.0 \\
    --hash=sha256:da
    # via pytest
"""


def names(lock: str) -> list[str]:
    return re.findall(r"^(\S+)==", lock, re.MULTILINE)


def test_a_part_has_what_is_needed_with_its_hashes_and_markers_and_nothing_else() -> None:
    assert part(pins(LOCK), ["ours"]).partition("\n")[2] == (
        "httpx==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab\n"
        "sniff==2.0 ; sys_platform == 'linux' \\\n    --hash=sha256:ba\n"
    )
    assert names(part(pins(LOCK), [], ["pytest"])) == ["pytest", "rich"]
    with pytest.raises(LookupError, match="not in the lock: torch"):
        part(pins(LOCK), [], ["torch"])


@given(st.lists(st.sets(st.integers(0, 12)), max_size=12), st.sets(st.integers(0, 12)))
def test_whatever_a_part_holds_it_holds_all_that_is_needed_for_it(via: list[set[int]], roots: set[int]) -> None:
    lock = [Pin(f"p{number}", f"p{number}==1\n", frozenset(f"p{each}" for each in by)) for number, by in enumerate(via)]
    asked = {f"p{root}" for root in roots}
    held = set(names(part(lock, asked)))
    for pin in lock:
        assert (pin.name in held) == (pin.name in asked or bool(pin.via & (held | asked)))


def test_the_locks_of_images_and_glue_jobs_are_those_of_the_workspace() -> None:
    folders = ((ROOT / "images" / "requirements", "*.lock"), (ROOT / OF_GLUE_JOBS, "*"))
    there = {path: path.read_text() for folder, which in folders for path in folder.glob(which)}
    assert there == locks(ROOT), "run make image-locks"


def test_a_glue_job_has_what_glue_has_not_and_all_of_that_by_hashes() -> None:
    transform, load = ((ROOT / OF_GLUE_JOBS / f"{job}.txt").read_text() for job in ("transform", "load"))
    assert set(names(transform)) == {"prometheus-client", "pyarrow"}
    assert set(names(load)) - set(names(transform)) == {
        "boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3",
    }  # fmt: skip
    assert all("--hash=sha256:" in pin.lines for text in (transform, load) for pin in pins(text))


@pytest.mark.parametrize("library", ["pyspark", "moto", "pytest", "duckdb", "boto3"])
def test_a_producer_holds_nothing_of_the_others(library: str) -> None:
    held = names((ROOT / "images" / "requirements" / "producer.lock").read_text())
    assert "confluent-kafka" in held
    assert library not in held


def test_services_have_images_of_their_own_accord_and_the_command_line_has_none() -> None:
    there = images(ROOT)
    assert there["dispatch"].build_arguments == {"IMAGE": "dispatch", "MODULE": "health_dispatch"}
    assert {"producer", "simulator", "spark", "dev-kafka", "dev-aws"} <= there.keys()
    assert "cli" not in there


def test_a_member_comes_with_the_members_that_it_needs() -> None:
    needed = [member.name for member in with_needs("health-streaming-jobs", members(ROOT))]
    assert needed == ["health-catalog", "health-events", "health-pipeline", "health-streaming-jobs"]


def test_a_fingerprint_changes_with_what_is_in_the_image_and_with_nothing_else(tmp_path: Path) -> None:
    for folder in ("services", "images"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    producer = images(tmp_path)["producer"]
    before = fingerprint(tmp_path, producer, "base")
    assert fingerprint(tmp_path, producer, "other") != before

    def after_touching(file: str) -> str:
        with (tmp_path / file).open("a") as opened:
            opened.write("\n")
        return fingerprint(tmp_path, producer, "base")

    assert after_touching("services/streaming/src/health_streaming/rules.py") == before
    assert after_touching("images/README.md") == before
    seen = {before}
    for file in ("services/producer/src/health_producer/checking.py", "services/events/src/health_events/fields.py",
                 "images/requirements/producer.lock", "images/service/Dockerfile"):  # fmt: skip
        seen.add(after_touching(file))
    assert len(seen) == 5


def test_an_image_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(BuildError, match=r"no image prodcer; there are .*producer"):
        choose(images(ROOT), ["prodcer"])
