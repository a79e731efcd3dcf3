"""Who the patients are is shown only to whoever may know; pure.

A hidden patient has a handle, a keyed hash: the same patient has the same one for as long as the key lives, which is as
long as the process. A dead letter, of which nobody knows what is where in it, keeps its shape and loses its content.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from enum import IntEnum

from health_events import EVENTS

_HANDLE = 6  # hex digits: two of a thousand patients in alarm share one in every 30 cities
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"['\"`].*", re.DOTALL)  # where a quotation ends is up to whoever wrote what is quoted
# What may be read in a dead letter: names of the contract's fields, and JSON's own words.
_VOCABULARY = frozenset({field.name for event in EVENTS for field in event.fields} | {"true", "false", "null"})


class Role(IntEnum):
    """What somebody may see."""

    VIEWER = 0  # everything but who the patients are
    PATIENTS = 1


class Names:
    """Patients' names as a role sees them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def patient(self, patient_id: str, role: Role) -> str:
        """The id itself, or a handle such as ``3fa94c``."""
        if role >= Role.PATIENTS:
            return patient_id
        return hmac.new(self._key, patient_id.encode(errors="replace"), hashlib.sha256).hexdigest()[:_HANDLE]

    def text(self, text: str, patient_id: str, role: Role) -> str:
        """A sentence about that patient."""
        return text.replace(patient_id, self.patient(patient_id, role))


def shape(text: str) -> str:
    """A text that may hold anything, with only its shape left: ``{"heart_rate":"nine"}`` -> ``{"heart_rate":"xxxx"}``.

    Letters become x and digits 0, but for the names of the contract's fields, so that one still sees what broke.
    """
    return _WORD.sub(lambda word: word[0] if word[0] in _VOCABULARY else _mask(word[0]), text)


def unquoted(reason: str) -> str:
    """A reason without what it may quote of a record."""
    return _QUOTED.sub(lambda quoted: shape(quoted[0]), reason)


def _mask(word: str) -> str:
    return "".join("0" if letter.isdigit() else letter if letter == "_" else "x" for letter in word)
