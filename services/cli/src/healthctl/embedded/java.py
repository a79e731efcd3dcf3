"""The Java that runs Kafka and Spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping

from healthctl.errors import HealthctlError

WANTED = 17
_HOW = "install it (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME to one"


def find_java(environ: Mapping[str, str] = os.environ) -> str:
    """Path of a Java 17; HealthctlError, saying what to do, when there is none or it is another version."""
    home = environ.get("JAVA_HOME")
    candidate = f"{home}/bin/java" if home else "java"
    java = shutil.which(candidate, path=environ.get("PATH"))
    if java is None:
        where = f"not at {candidate} (JAVA_HOME)" if home else "not on the PATH"
        raise HealthctlError(f"Java {WANTED} is needed and is {where}: {_HOW}")
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=True, timeout=60).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise HealthctlError(f"Java {WANTED} is needed and {java} does not run ({error}): {_HOW}") from error
    version = re.search(r'version "(\d+)', answer)
    if version is None or int(version[1]) != WANTED:
        found = answer.splitlines()[0] if answer else "no version"
        raise HealthctlError(f"Java {WANTED} is needed and {java} is another one ({found}): {_HOW}")
    return java
