"""Other names for who is in a record, and records that nobody can read without the key.

A name is ``<key id>-<32 hex digits>``, the first 128 bits of an HMAC-SHA256 of field and value: the same patient has
the same name for as long as the key lives, in every table, and nobody finds the patient by trying ids without the key.
A record that breaks the contract is kept whole, and where an id may be in it nobody knows: so all of it is sealed, with
AES-256-GCM and another key made of the same secret.

``python -m health_producer.pseudonyms`` is for who holds the key: ``open`` and ``name`` (see ``main``).
"""

from __future__ import annotations

import argparse
import base64
import hmac
import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from health_events import Event, by_name
from health_pipeline.settings import ProducerSettings, SettingsError

KEY_VARIABLE = "HEALTH_PSEUDONYM_KEY"
_LEAST_KEY_CHARS = 32
_NAME_DIGITS = 32
_NONCE_BYTES = 12
# A patient's watch sends on and on, so most names are asked for again.
_REMEMBERED = 65_536
_ONCE = "event_id"
_NAMES, _LETTERS = b"health-streaming pseudonyms", b"health-streaming dead letters"


class Pseudonyms:
    """Those of one key. ``key_id`` is told in the open; SettingsError when the key is too short to be one."""

    def __init__(self, event: Event, key_id: str, key: str) -> None:
        if len(key) < _LEAST_KEY_CHARS:
            wanted = f"must have {_LEAST_KEY_CHARS} at least: openssl rand -hex 32"
            raise SettingsError(f"{KEY_VARIABLE} has {len(key)} characters and {wanted}")
        self._prefix, self._mark = f"{key_id}-", f"sealed:{key_id}:".encode()
        names = hmac.digest(key.encode(), _NAMES, "sha256")
        self._cipher = AESGCM(hmac.digest(key.encode(), _LETTERS, "sha256"))
        personal = [field.name for field in event.fields if field.personal]
        self._begun = {field: hmac.new(names, f"{field}\0".encode(), "sha256") for field in personal}
        known = lru_cache(maxsize=_REMEMBERED)(self.name)
        # An event's id comes once, and would only push patients out.
        self.namers = tuple((field, self.name if field == _ONCE else known) for field in personal)

    def seal(self, record: bytes) -> bytes:
        """``sealed:<key id>:``, a nonce and the record, encrypted; 28 bytes longer but for the mark."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._mark + nonce + self._cipher.encrypt(nonce, record, self._mark)

    def open(self, sealed: bytes) -> bytes:
        """The record; ValueError when this key has not sealed it, or somebody has changed it since."""
        body = sealed.removeprefix(self._mark)
        if body == sealed:
            raise ValueError(f"does not begin with {self._mark.decode()}")
        try:
            return self._cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], self._mark)
        except InvalidTag as error:
            raise ValueError("sealed with another key, or changed since") from error

    def name(self, field: str, value: str) -> str:
        """What ``value`` of ``field`` is called; the same text in another field is called otherwise."""
        begun = self._begun[field].copy()
        begun.update(value.encode())
        return self._prefix + begun.hexdigest()[:_NAME_DIGITS]


def pseudonyms_of(settings: ProducerSettings) -> Pseudonyms | None:
    """Those that the settings want; SettingsError when they name a key that is not there."""
    if not settings.pseudonym_key_id:
        return None
    return Pseudonyms(by_name(settings.source), settings.pseudonym_key_id, settings.pseudonym_key)


def main(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """``open`` a dead letter's payload (base64, from standard input), or ``name`` what a patient is called.

    The key is read from HEALTH_PSEUDONYM_KEY, so that it is in no list of processes.
    """
    parser = argparse.ArgumentParser(prog="python -m health_producer.pseudonyms", description=main.__doc__)
    parser.add_argument("--key-id", default="k1")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("open")
    naming = commands.add_parser("name")
    naming.add_argument("value")
    naming.add_argument("--field", default="entity_id", choices=["event_id", "entity_id", "device_id"])
    asked: Any = parser.parse_args(arguments)
    try:
        pseudonyms = Pseudonyms(by_name("vitals"), asked.key_id, environ.get(KEY_VARIABLE, ""))
        if asked.command == "name":
            sys.stdout.write(pseudonyms.name(asked.field, asked.value) + "\n")
        else:
            sys.stdout.buffer.write(pseudonyms.open(base64.b64decode(sys.stdin.read(), validate=False)))
    except ValueError as error:
        sys.stderr.write(f"health_producer.pseudonyms: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
