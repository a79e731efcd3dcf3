"""Who may see what: a bearer token, a session that a browser got for one, or the word of a trusted proxy; pure.

A session is a signed note of its role and its end, so nothing is kept here, and another token ends all of them. What
makes a proxy trusted is a token of its own: whoever has another one may reach the console past it, and say of himself
what he likes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

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
    proxy_token: str
    groups_header: str
    patients_group: str

    @classmethod
    def of(cls, settings: ConsoleSettings) -> Access:
        """The rules in the settings; SettingsError when they would leave it open to a network, or to guessing."""
        if settings.host not in _LOOPBACK and not settings.token:
            raise SettingsError(f"HEALTH_TOKEN is not set, and {settings.host} is no address of the loopback interface")
        if settings.groups_header and not settings.proxy_token:
            raise SettingsError("HEALTH_PROXY_TOKEN is not set, and without it nobody's word about groups is believed")
        _check({
            "HEALTH_TOKEN": settings.token,
            "HEALTH_PATIENTS_TOKEN": settings.patients_token,
            "HEALTH_PROXY_TOKEN": settings.proxy_token,
        })  # fmt: skip
        return cls(settings.token, settings.patients_token, settings.proxy_token, settings.groups_header.lower(),
                   settings.patients_group)  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked for anything."""
        return not self.token

    def role(self, headers: Mapping[str, str], cookies: Mapping[str, str], now: float) -> Role | None:
        """The role of a request, None when it may see nothing. Names of headers in lower case; ``now``: UTC seconds."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            shown = token.strip()
            return self._proxied(headers) if _same(shown, self.proxy_token) else self.role_of_token(shown)
        held = self._role_of_session(cookies.get(COOKIE, ""), now)
        return Role.VIEWER if held is None and self.is_open else held

    def role_of_token(self, token: str) -> Role | None:
        """What a person's token is good for; a proxy's is none."""
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

    def _proxied(self, headers: Mapping[str, str]) -> Role:
        """The role of somebody of whom the proxy tells."""
        if not (self.groups_header and self.patients_group):
            return Role.VIEWER
        groups = {group.strip() for group in headers.get(self.groups_header, "").split(",")}
        return Role.PATIENTS if self.patients_group in groups else Role.VIEWER

    def _key(self, role: Role) -> str:
        return self.patients_token if role is Role.PATIENTS else self.token

    def _signature(self, note: str, role: Role) -> str:
        return hmac.new(self._key(role).encode(), b"session|" + note.encode(), hashlib.sha256).hexdigest()


def _check(tokens: Mapping[str, str]) -> None:
    """SettingsError when one could be guessed, or would be good for what another one is for."""
    for variable, token in tokens.items():
        if token and len(token) < SHORTEST_TOKEN:
            raise SettingsError(f"{variable} is shorter than {SHORTEST_TOKEN} characters")
    for one, other in combinations(tokens, 2):
        if tokens[one] and tokens[one] == tokens[other]:
            raise SettingsError(f"{one} and {other} are the same")


def _same(given: str, secret: str) -> bool:
    return bool(secret) and hmac.compare_digest(given.encode(errors="replace"), secret.encode())
