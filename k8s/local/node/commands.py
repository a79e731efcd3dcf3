"""Command line of the node; `k8s/local/nodectl --help` lists the commands."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from node import base_image, images, lifecycle, spark_operator
from node.build import binary, ensure_built
from node.errors import NodeError
from node.paths import KUBECONFIG, LOGS
from node.process import say
from node.versions import ALL_PARTS


def status(_: argparse.Namespace) -> None:
    if lifecycle.is_up():
        say("up")
        return
    say(f"down, with its logs in {LOGS}" if LOGS.exists() else "down")
    sys.exit(1)


def build(arguments: argparse.Namespace) -> None:
    """Build some or all programs; the last lines say where they are."""
    unknown = set(arguments.parts) - {part.name for part in ALL_PARTS}
    if unknown:
        raise NodeError(f"not one of {', '.join(part.name for part in ALL_PARTS)}: {', '.join(sorted(unknown))}")
    wanted = tuple(part for part in ALL_PARTS if not arguments.parts or part.name in arguments.parts)
    ensure_built(wanted)
    for part in wanted:
        say(str(binary(part)))


def load(arguments: argparse.Namespace) -> None:
    lifecycle.inside()
    for image in arguments.images:
        if Path(image).is_file():
            images.import_archive(Path(image))
        else:
            images.import_from_buildah(image)
        say(f"loaded {image}")


def install_spark_operator(arguments: argparse.Namespace) -> None:
    spark_operator.install(arguments.namespaces, arguments.official_image)


def run(arguments: argparse.Namespace) -> None:
    """Replace this process by a command in the node's network. Files and processes stay the machine's."""
    inside = lifecycle.inside()
    command = arguments.command or [os.environ.get("SHELL", "/bin/sh")]
    os.execvpe("nsenter", [*inside, *command], {**os.environ, **lifecycle.environment_inside()})  # noqa: S606, S607


def main() -> None:
    parser = argparse.ArgumentParser(prog="nodectl", description="A real one-node Kubernetes without Docker.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str, call: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text)
        added.set_defaults(call=call)
        return added

    command("up", "build what is missing and start the node", lambda _: lifecycle.up())
    command("down", "remove the node without a trace", lambda _: lifecycle.down())
    command("status", "say whether it is up (exit code 0) or down (1)", status)
    parts = command("build", "build programs into the cache, by default all", build)
    parts.add_argument("parts", nargs="*", metavar="PROGRAM")
    command("load", "give the node images from buildah's store, or archives", load).add_argument("images", nargs="+")
    command("exec", "run a command (or a shell) in the node's network", run).add_argument("command", nargs="...")
    command("kubeconfig", "print where the kubeconfig is", lambda _: say(str(KUBECONFIG)))
    command("base-image", "make the base image of our images with debootstrap", lambda _: base_image.ensure())
    command("spark-operator-image", "make its image, without a node", lambda _: spark_operator.ensure_image())
    operator = command("spark-operator", "make its image, load it and install its chart", install_spark_operator)
    operator.add_argument("namespaces", nargs="+", metavar="NAMESPACE", help="where SparkApplications will be")
    operator.add_argument("--official-image", action="store_true", help="in the cluster of KUBECONFIG, which can pull")
    arguments = parser.parse_args()
    try:
        arguments.call(arguments)
    except NodeError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
