"""A HealthPipeline from a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
import yaml
from health_pipeline import HealthPipeline, SpecError, read_pipeline

from healthctl.errors import InputError

_Command = TypeVar("_Command", bound=Callable[..., None])


def load_pipeline(path: str) -> HealthPipeline:
    """The pipeline in a file (``-`` is standard input); InputError with every mistake, each with its field's path."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path} cannot be read: {why}") from error
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {_where(error)}") from error
    if len(documents) != 1:
        raise InputError(f"{path} holds {len(documents)} documents: exactly one HealthPipeline is needed")
    try:
        return read_pipeline(documents[0])
    except SpecError as error:
        count = len(error.problems)
        title = f"{path} has {count} mistake{'s' if count > 1 else ''}:"
        raise InputError("\n  ".join([title, *error.problems])) from error


def file_option(required: bool = True) -> Callable[[_Command], _Command]:
    """``-f FILE``, the same for every command."""
    text = "The HealthPipeline, YAML or JSON; - is standard input."
    return click.option("-f", "--file", "file", metavar="FILE", required=required, help=text)


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
