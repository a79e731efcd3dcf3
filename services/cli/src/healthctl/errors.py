"""What a user is told when healthctl cannot go on."""

from __future__ import annotations


class HealthctlError(Exception):
    """One clear line for the user: what is wrong and, where it helps, what to do. Never shown as a trace."""

    exit_code = 1


class InputError(HealthctlError):
    """What the user gave cannot be worked with; every problem on a line of its own."""

    exit_code = 2
