"""Who gets in, and as what."""

from __future__ import annotations

from typing import Any

import pytest
from health_console.access import COOKIE, SESSION_S, Access
from health_console.privacy import Role
from health_pipeline.settings import ConsoleSettings, SettingsError
from hypothesis import given
from hypothesis import strategies as st

TOKEN, PATIENTS, PROXY = "t" * 16, "p" * 16, "x" * 16
NOW = 1_767_355_200.0


def access(**own: Any) -> Access:
    told = {"pipeline": "p", "bootstrap_servers": "", "port": 0, "token": TOKEN, "patients_token": PATIENTS} | own
    return Access.of(ConsoleSettings(**told))


def role(rules: Access, token: str = "", cookie: str = "", now: float = NOW, **headers: str) -> Role | None:
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        given_headers["authorization"] = f"Bearer {token}"
    return rules.role(given_headers, {COOKIE: cookie} if cookie else {}, now)


def test_tokens_open_what_they_are_for() -> None:
    rules = access()
    assert [role(rules, token) for token in (TOKEN, PATIENTS, "t" * 15, "t" * 17, "\udc00")] == [
        Role.VIEWER, Role.PATIENTS, None, None, None,
    ]  # fmt: skip
    assert role(rules) is None
    assert role(rules, authorization=f"Basic {TOKEN}") is None
    assert role(access(patients_token=""), " ") is None


def test_a_session_lasts_for_its_time_and_as_long_as_its_token() -> None:
    for kind in Role:
        cookie = access().session(kind, NOW)
        assert role(access(), cookie=cookie) is kind
        assert role(access(), cookie=cookie, now=NOW + SESSION_S + 1) is None
        others = access(token="o" * 16, patients_token="q" * 16)
        assert role(others, cookie=cookie) is None
    assert role(access(patients_token=""), cookie=access().session(Role.PATIENTS, NOW)) is None


@given(st.integers(0, 120), st.characters())
def test_a_session_that_was_changed_is_none(place: int, letter: str) -> None:
    cookie = access().session(Role.VIEWER, NOW)
    changed = cookie[:place] + letter + cookie[place + 1 :]
    assert changed == cookie or role(access(), cookie=changed) is None


@given(st.text(max_size=100))
def test_whatever_is_sent_as_a_session_raises_nothing(text: str) -> None:
    assert role(access(), cookie=text or "x") is None


BEHIND_A_PROXY = {"groups_header": "X-Groups", "patients_group": "clinicians", "proxy_token": PROXY}


def test_a_proxy_is_believed_with_its_own_token() -> None:
    rules = access(**BEHIND_A_PROXY)
    assert role(rules, PROXY, x_groups="staff, clinicians") is Role.PATIENTS
    assert role(rules, PROXY, x_groups="staff,cliniciansX") is Role.VIEWER
    assert role(rules, PROXY) is Role.VIEWER
    assert role(access(proxy_token=PROXY), PROXY, **{"": "clinicians"}) is Role.VIEWER
    assert role(access(proxy_token=PROXY, groups_header="", patients_group=""), "") is None


def test_whoever_is_not_the_proxy_tells_of_groups_in_vain() -> None:
    """The console can be reached past the proxy, and the token that opens it is in many hands."""
    rules = access(**BEHIND_A_PROXY)
    viewer = rules.session(Role.VIEWER, NOW)
    assert role(rules, TOKEN, x_groups="clinicians") is Role.VIEWER
    assert role(rules, TOKEN, x_groups="staff, clinicians", cookie=viewer) is Role.VIEWER
    assert role(rules, cookie=viewer, x_groups="clinicians") is Role.VIEWER
    assert role(rules, x_groups="clinicians") is None
    assert role(rules, "", authorization="Bearer ", x_groups="clinicians") is None
    assert role(rules, PROXY[:-1], x_groups="clinicians") is None
    assert role(access(token="", **BEHIND_A_PROXY), x_groups="clinicians") is Role.VIEWER


def test_a_proxys_token_signs_nobody_in() -> None:
    """Its owner is no person, and a session would outlive what the proxy knows of the one who has it."""
    assert access(**BEHIND_A_PROXY).role_of_token(PROXY) is None


@pytest.mark.parametrize(
    ("own", "complaint"),
    [
        ({"host": "10.0.0.7", "token": ""}, "HEALTH_TOKEN is not set"),
        ({"token": "short"}, "HEALTH_TOKEN is shorter than 16"),
        ({"patients_token": "short"}, "HEALTH_PATIENTS_TOKEN is shorter"),
        ({"patients_token": TOKEN}, "HEALTH_TOKEN and HEALTH_PATIENTS_TOKEN are the same"),
        (BEHIND_A_PROXY | {"proxy_token": ""}, "HEALTH_PROXY_TOKEN is not set"),
        (BEHIND_A_PROXY | {"proxy_token": "short"}, "HEALTH_PROXY_TOKEN is shorter"),
        (BEHIND_A_PROXY | {"proxy_token": TOKEN}, "HEALTH_TOKEN and HEALTH_PROXY_TOKEN are the same"),
        (BEHIND_A_PROXY | {"proxy_token": PATIENTS}, "HEALTH_PATIENTS_TOKEN and HEALTH_PROXY_TOKEN are the same"),
    ],
)
def test_what_would_leave_it_open_is_refused(own: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        access(**own)


def test_on_the_loopback_interface_whoever_is_there_is_a_viewer() -> None:
    rules = access(token="", patients_token="")
    assert role(rules) is Role.VIEWER
    assert role(rules, "anything") is None
