"""The user data of the machine, run as it is with stand-ins for the commands that it calls."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

HOST = Path(__file__).parents[3] / "k8s" / "aws" / "host.yaml"
ADDRESS, BEFORE = "203.0.113.9", "198.51.100.1"
# The first calls are told of the address that the machine has been given by itself.
_CURL = """#!/bin/bash
case "$*" in
  *api/token*) echo token ;;
  *public-ipv4*)
    echo asked >> asked
    if [ "$(wc -l < asked)" -gt "$AFTER" ]; then echo "$ADDRESS"
    elif [ "$BEFORE" ]; then echo "$BEFORE"
    else exit 22; fi ;;
  *) echo "told $*" >> log ;;
esac
"""


class _Loader(yaml.SafeLoader):
    """CloudFormation's short forms are left aside."""


_Loader.add_multi_constructor("!", lambda loader, _, node: getattr(loader, f"construct_{node.id}")(node))


def _user_data(folder: Path) -> str:
    template: dict[str, Any] = yaml.load(HOST.read_text(), _Loader)  # noqa: S506 (a safe loader)
    text: str = template["Resources"]["Host"]["Properties"]["UserData"]["Fn::Base64"]
    filled = re.sub(r"\$\{(\w+|AWS::\w+)\}", lambda match: {"Address": ADDRESS}.get(match[1], match[1]), text)
    return filled.replace("/opt/health-streaming/", f"{folder}/")


def _run(folder: Path, after: int, before: str) -> tuple[int, list[str]]:
    """The exit code, and what it did, once the address is there ``after`` so many questions."""
    commands = folder / "bin"
    stand_ins = {"curl": _CURL, "sleep": "#!/bin/bash\n"}
    stand_ins |= {name: f'#!/bin/bash\necho "{name} $1" >> log\n' for name in ("apt-get", "git")}
    for path, text in {**{commands / name: text for name, text in stand_ins.items()},
                       folder / "k8s/aws/host/install": "#!/bin/bash\necho install >> log\n"}.items():  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    told = {"PATH": f"{commands}:/usr/bin:/bin", "AFTER": str(after), "ADDRESS": ADDRESS, "BEFORE": before}
    done = subprocess.run(["/bin/bash", "-c", _user_data(folder)], cwd=folder, env=told, check=False, timeout=60)
    return done.returncode, (folder / "log").read_text().splitlines()


@pytest.mark.parametrize("before", [BEFORE, ""])
@pytest.mark.parametrize("after", [0, 3])
def test_nothing_is_fetched_before_the_machine_has_its_address(tmp_path: Path, after: int, before: str) -> None:
    code, log = _run(tmp_path, after, before)
    assert (code, log[:-1]) == (0, ["apt-get update", "apt-get install", "git clone", "install"])
    assert "SUCCESS" in log[-1]
    assert len((tmp_path / "asked").read_text().splitlines()) > after


def test_an_address_that_does_not_come_is_told(tmp_path: Path) -> None:
    code, log = _run(tmp_path, 10_000, BEFORE)
    (told,) = log
    assert code == 1
    assert "FAILURE" in told
    assert f"the machine has not been given {ADDRESS} within 5 minutes" in told
