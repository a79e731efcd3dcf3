"""Who may see what: a bearer token, a session that a browser got for one, or the word of a trusted proxy; pure.

A session is a signed note of its role and its end, so nothing is kept here, and another token ends all of them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from health_pipeline.settings import ConsoleSettings, SettingsError

from health_console.privacy import Role

COOKIE = "health_console"
SESSION_S = 12 * 60 * 60
SHORTEST_TOKEN = 16  # characters: nobody may get in by trying
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Access:
    """The rules. ``is_open``: there is no token, and whoever reaches the console is a viewer."""

    token: str
    patients_token: str
    groups_header: str
    patients_group: str

    @classmethod
    def of(cls, settings: ConsoleSettings) -> Access:
        """The rules in the settings; SettingsError when they would leave it open to a network, or to guessing."""
        if settings.host not in _LOOPBACK and not settings.token:
            raise SettingsError(f"HEALTH_TOKEN is not set, and {settings.host} is no address of the loopback interface")
        for variable, token in (("HEALTH_TOKEN", settings.token), ("HEALTH_PATIENTS_TOKEN", settings.patients_token)):
            if token and len(token) < SHORTEST_TOKEN:
                raise SettingsError(f"{variable} is shorter than {SHORTEST_TOKEN} characters")
        if settings.token and settings.token == settings.patients_token:
            raise SettingsError("HEALTH_TOKEN and HEALTH_PATIENTS_TOKEN are the same")
        return cls(settings.token, settings.patients_token, settings.groups_header.lower(), settings.patients_group)

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked for anything."""
        return not self.token

    def role(self, headers: Mapping[str, str], cookies: Mapping[str, str], now: float) -> Role | None:
        """The role of a request, None when it may see nothing. Names of headers in lower case; ``now``: UTC seconds."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._proxied(self.role_of_token(token.strip()), headers)
        held = self._role_of_session(cookies.get(COOKIE, ""), now)
        return Role.VIEWER if held is None and self.is_open else held

    def role_of_token(self, token: str) -> Role | None:
        """What a token is good for."""
        if _same(token, self.patients_token):
            return Role.PATIENTS
        return Role.VIEWER if _same(token, self.token) else None

    def session(self, role: Role, now: float) -> str:
        """The cookie's value for somebody who has shown a token."""
        note = f"{int(role)}.{int(now) + SESSION_S}"
        return f"{note}.{self._signature(note, role)}"

    def _role_of_session(self, value: str, now: float) -> Role | None:
        note, _, signature = value.rpartition(".")
        number, _, ends = note.partition(".")
        if number not in {str(int(role)) for role in Role} or not (ends.isascii() and ends.isdecimal()):
            return None
        role = Role(int(number))
        is_ours = bool(self._key(role)) and _same(signature, self._signature(note, role))
        return role if is_ours and len(ends) <= len(str(2**63)) and int(ends) > now else None

    def _proxied(self, role: Role | None, headers: Mapping[str, str]) -> Role | None:
        """A caller with the token is believed what groups it tells of."""
        if role is not Role.VIEWER or not (self.groups_header and self.patients_group):
            return role
        groups = {group.strip() for group in headers.get(self.groups_header, "").split(",")}
        return Role.PATIENTS if self.patients_group in groups else role

    def _key(self, role: Role) -> str:
        return self.patients_token if role is Role.PATIENTS else self.token

    def _signature(self, note: str, role: Role) -> str:
        return hmac.new(self._key(role).encode(), b"session|" + note.encode(), hashlib.sha256).hexdigest()


def _same(given: str, secret: str) -> bool:
    return bool(secret) and hmac.compare_digest(given.encode(errors="replace"), secret.encode())
