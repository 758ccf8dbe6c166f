"""What is in order and what is not, each with the way to mend it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import translation

from appliance.client import (
    BackupPlan,
    BackupSetState,
    BackupState,
    BackupTargetState,
    BackupWarning,
    CertificateState,
)
from box.console.access import SEE
from box.console.checklist import NAMES_SHOWN, RENEWED_BEFORE, Check, checks_for
from box.core.access.actions import create_role, set_grantees
from box.core.notify.models import QueuedLetter
from box.core.registry.settings import store

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
NOTHING = BackupState()
SET_UP = BackupState(
    NOW,
    BackupPlan("02:00", 24, 7, 3, 7, 4, 6, NOW + timedelta(hours=11)),
    (BackupTargetState("disk", "/mnt/backup", NOW, ()),),
)
MADE = replace(SET_UP, sets=(BackupSetState("20261126-020000F", "disk", "full", NOW, 1, 1, 1, 1),))
OWN = CertificateState(
    "portal", "Korobka", ("portal.test",), NOW, NOW + timedelta(days=90), "00", is_own=True
)


def checked(
    reader: User, backups: BackupState = MADE, certificate: CertificateState = OWN
) -> dict[str, Check]:
    """By title, the last one of each."""
    return {one.title: one for one in checks_for(reader, backups, certificate, "0.1.0", now=NOW)}


def test_a_box_that_was_just_installed_is_not_in_order(olga: User) -> None:
    checks = checked(olga, NOTHING)
    states = {title: one.state for title, one in checks.items()}
    assert states == {
        "Backups": "bad", "Mail": "bad", "Certificate": "good", "Second factor": "warn", "Updates": "good",
    }  # fmt: skip
    assert checks["Backups"].url == "/console/backups/targets/new/"
    assert checks["Mail"].url == "/console/settings/mail/"
    assert checks["Second factor"].url == "/profile/security/"
    assert "0.1.0" in checks["Updates"].about


def test_everything_can_be_in_order(olga: User) -> None:
    store({"mail.host": "mail.example.com"})
    olga.has_second_factor = True
    olga.save(update_fields=["has_second_factor"])
    assert {one.state for one in checked(olga).values()} == {"good"}


def test_backups_need_a_set_and_no_warning(olga: User) -> None:
    assert checked(olga, SET_UP)["Backups"].state == "warn"
    warned = replace(MADE, targets=(replace(MADE.targets[0], warnings=(BackupWarning("late", "disk"),)),))
    late = checked(olga, warned)["Backups"]
    assert (late.state, late.url) == ("bad", "/console/backups/")
    assert late.about == "disk: The newest backup is older than the schedule allows."


def test_letters_that_a_server_does_not_take_are_told(olga: User) -> None:
    store({"mail.host": "mail.example.com"})
    letter = QueuedLetter.objects.create(
        key="a", to="a@example.com", language="en", subject="A", error="550 no"
    )
    assert checked(olga)["Mail"].state == "bad"
    assert "550 no" in checked(olga)["Mail"].about
    # Given up, or sent at last: it waits no more.
    letter.sent_at = NOW
    letter.save()
    assert checked(olga)["Mail"].state == "good"


@pytest.mark.parametrize(
    ("left", "state"),
    [
        (timedelta(0), "bad"),
        (timedelta(minutes=1), "warn"),
        (RENEWED_BEFORE - timedelta(minutes=1), "warn"),
        (RENEWED_BEFORE, "good"),
    ],
)
def test_a_certificate_is_told_of_in_time(olga: User, left: timedelta, state: str) -> None:
    given = replace(OWN, is_own=False, not_after=NOW + left)
    check = checked(olga, certificate=given)["Certificate"]
    assert check.state == state
    assert ("boxctl certificate replace" in check.about) == (state != "good")
    own = checked(olga, certificate=replace(given, is_own=True))["Certificate"]
    assert "boxctl certificate replace" not in own.about


def test_administrators_with_a_password_alone_are_named(
    olga: User, anna: User, person: Callable[..., User]
) -> None:
    others = [person(f"Admin{number}", is_administrator=True) for number in range(NAMES_SHOWN)]
    about = checked(olga)["Second factor"].about
    assert about.endswith("….")
    assert anna.name not in about
    for one in others:
        one.has_second_factor = True
        one.save(update_fields=["has_second_factor"])
    assert checked(olga)["Second factor"].about.endswith(f"{olga.name}.")


def test_whoever_only_looks_is_led_to_nothing_that_they_may_not(olga: User, cara: User) -> None:
    role = create_role("Lookers", {SEE: "all"}, by=olga)
    set_grantees(role, [f"U{cara.pk}"], by=olga)
    checks = checked(cara, NOTHING)
    assert (checks["Backups"].url, checks["Mail"].url) == ("", "")


def test_it_reads_in_russian(olga: User) -> None:
    with translation.override("ru"):
        assert checked(olga, NOTHING)["Почта"].about.startswith("Портал не отправляет писем")
