"""The command line. Commands are loaded when they are asked for, so that ``healthctl status`` starts at once."""

from __future__ import annotations

import importlib
import os
from typing import Any

import click

from healthctl.errors import HealthctlError

# name -> module with a click command of that name
_COMMANDS = {
    "up": "healthctl.commands.up",
    "down": "healthctl.commands.down",
    "status": "healthctl.commands.status",
    "logs": "healthctl.commands.logs",
    "query": "healthctl.commands.query",
    "demo": "healthctl.commands.demo",
    "plan": "healthctl.commands.plan",
    "doctor": "healthctl.commands.doctor",
}


class _Group(click.Group):
    """Loads commands late, and turns errors into one clear line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HealthctlError as error:
            failure = click.ClickException(str(error))
            failure.exit_code = error.exit_code  # type: ignore[misc] # click reads it from the instance
            raise failure from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if os.environ.get("HEALTHCTL_DEBUG"):
                raise
            told = " ".join(str(error).split()) or type(error).__name__
            hint = "HEALTHCTL_DEBUG=1 shows where"
            raise click.ClickException(f"something unforeseen: {type(error).__name__}: {told} ({hint})") from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="healthctl")
def cli() -> None:
    """Run a real-time health and emergency data system on this machine.

    The same HealthPipeline file that Kubernetes takes runs here as ordinary processes: Kafka, an S3 and Glue endpoint,
    Spark, and every component, bound to the loopback interface and supervised. No Kubernetes, Docker or cloud account.

    \b
    Examples:
      healthctl doctor                                       is everything here that it needs?
      healthctl plan -f k8s/examples/quickstart.yaml         what would run
      healthctl up   -f k8s/examples/quickstart.yaml         run it; Ctrl-C ends it
      healthctl query "SELECT count(*) FROM vitals"          ask, from another terminal
      healthctl logs alerts -f                               what a component says
      healthctl down                                         end it from another terminal

    Exit codes: 0 all is well, 1 it failed, 2 it was asked wrongly (an option, or a mistake in a file).
    """


def main() -> None:
    """Entry point of ``healthctl``."""
    cli(prog_name="healthctl")


if __name__ == "__main__":
    main()
