"""Erasing somebody who has left: nothing of them is left in any table, and all that they made."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import ScheduledPost
from box.apps.worktime.models import WorkDay
from box.core.access.principals import EVERYONE
from box.core.accounts import factors
from box.core.accounts.actions import dismiss_user, return_user, suspend_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import KnownBrowser, Passkey, Profile, User
from box.core.audit.models import AuditRecord
from box.core.drafts import models as drafts
from box.core.events.delivery import deliver_all
from box.core.lists.models import SavedView
from box.core.notify.models import Notification
from box.core.people.photos import set_photo
from box.core.registry.belongings import Belongings, belongings, going
from box.core.structure.models import Membership
from tests.box.core.people.photos import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.bridges.storage.client import S3Store

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

SAID = "Zyxwvut"
"""Stands in everything that tells of them, and nowhere else."""


@pytest.fixture
def gone(anna: User, olga: User, store: S3Store) -> User:
    """Anna under a name of her own, with something of her in every room; dismissed."""
    User.objects.filter(pk=anna.pk).update(
        **dict.fromkeys(("first_name", "last_name", "former_last_name", "patronymic", "position"), SAID),
        email=f"{SAID.lower()}@example.com",
        login=SAID.lower(),
        phone="+7 900 123-45-67",
        birthday_on=date(1990, 2, 3),
    )
    anna = User.objects.get(pk=anna.pk)
    publish_post(Draft(text="What I made", audience=(EVERYONE,)), by=anna)
    Profile.objects.create(user=anna, owners={"phone": SAID})
    Passkey.objects.create(user=anna, name=SAID, credential_id=b"x", credential=b"")
    KnownBrowser.objects.create(user=anna, digest="d", agent=SAID)
    Notification.objects.create(user=anna, kind="feed.liked", about_kind="feed.post", about_id=1, key="k")
    now = timezone.now()
    times = dict.fromkeys(("started_at", "finished_at", "forgotten_at"), now)
    WorkDay.objects.create(user=anna, on=now.date(), marks=[], state="finished", **times)
    drafts.Draft.objects.create(user=anna, place="new", content={"text": SAID}, browser="b")
    SavedView.objects.create(user=anna, list_key="x", name=SAID, query="q=1")
    ScheduledPost.objects.create(author=anna, publish_at=now, text=SAID, audience=[EVERYONE])
    factors.new_recovery_codes(anna)
    set_photo(anna, picture(), by=olga)
    dismiss_user(anna, by=olga)
    return anna


def tables_that_say(text: str) -> set[str]:
    """All of the portal's tables in any of whose rows the text stands, whatever its case."""
    found = set()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            if table not in connection.introspection.table_names(cursor):
                continue
            cursor.execute(f'SELECT 1 FROM "{table}" t WHERE t::text ILIKE %s LIMIT 1', [f"%{text}%"])
            if cursor.fetchone():
                found.add(table)
    return found


def test_nothing_of_the_person_is_left_but_the_sealed_log(gone: User, olga: User) -> None:
    deliver_all()
    assert "accounts_user" in tables_that_say(SAID)
    erase_person(gone, by=olga)
    deliver_all()
    assert tables_that_say(SAID) <= {"audit_auditrecord"}
    left = User.objects.get(pk=gone.pk)
    assert (left.name, left.initials, left.email, left.birthday_on) == ("former employee", "–", "", None)
    assert left.photo_id is None
    assert not left.has_usable_password()
    assert not Notification.objects.filter(user=left).exists()
    assert not WorkDay.objects.filter(user=left).exists()
    assert not Membership.objects.filter(user=left).exists()


def test_what_they_made_stays_under_no_name(as_person: Browser, gone: User, olga: User, boris: User) -> None:
    before = as_person(boris).get("/feed/").content.decode()
    assert SAID in before
    erase_person(gone, by=olga)
    page = as_person(boris).get("/feed/").content.decode()
    assert "What I made" in page
    assert "former employee" in page
    assert SAID not in page
    assert not User.objects.employees().matching(SAID).exists()


def test_the_page_says_beforehand_what_goes_and_that_it_is_for_good(
    as_person: Browser, gone: User, olga: User
) -> None:
    browser = as_person(olga)
    address = f"/employees/{gone.pk}/erasure/"
    page = browser.get(address).content.decode()
    assert "cannot be undone" in page
    for said in ("Profile and sign-in", "1 browser", "1 notification", "1 working day", "Sales", "photo"):
        assert said in page
    assert browser.post(address).status_code == 422
    assert User.objects.get(pk=gone.pk).first_name == SAID
    assert browser.post(address, {"is_sure": "on"}).status_code == 302
    shown = browser.get(f"/employees/{gone.pk}/").content.decode()
    assert "former employee" in shown
    assert f"/employees/{gone.pk}/details/" not in shown


def test_the_password_is_asked_for_again(as_person: Browser, gone: User, olga: User) -> None:
    browser = as_person(olga)
    session = browser.session
    del session["proven_at"]
    session.save()
    answer = browser.post(f"/employees/{gone.pk}/erasure/", {"is_sure": "on"})
    assert "/profile/proof/" in answer.headers["Location"]
    assert not User.objects.erased().exists()


def test_who_works_here_is_not_erased(as_person: Browser, boris: User, olga: User) -> None:
    with pytest.raises(ValidationError, match="dismiss them first"):
        erase_person(boris, by=olga)
    suspend_user(boris, by=olga)
    answer = as_person(olga).post(f"/employees/{boris.pk}/erasure/", {"is_sure": "on"})
    assert "dismiss them first" in answer.content.decode()


def test_who_is_erased_cannot_return_and_is_not_erased_twice(gone: User, olga: User) -> None:
    erase_person(gone, by=olga)
    erase_person(gone, by=olga)
    deliver_all()
    assert AuditRecord.objects.filter(kind="accounts.erased").count() == 1
    with pytest.raises(ValidationError, match="add them anew"):
        return_user(User.objects.get(pk=gone.pk), by=olga)


def test_the_log_keeps_its_records_and_shows_no_name(as_person: Browser, gone: User, olga: User) -> None:
    deliver_all()
    assert SAID in as_person(olga).get("/console/audit/").content.decode()
    erase_person(gone, by=olga)
    deliver_all()
    page = as_person(olga).get("/console/audit/").content.decode()
    assert SAID.lower() not in page.lower()
    assert f"former employee ({gone.pk})" in page
    answer: Any = as_person(olga).get("/console/audit/", {"as": "csv"})
    assert SAID.lower() not in b"".join(answer.streaming_content).decode().lower()


def test_all_of_it_or_nothing(gone: User, olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("in the last room")

    failing = Belongings("The last", {}, erase=fail)
    monkeypatch.setitem(belongings._offers, "zz", failing)
    with pytest.raises(RuntimeError):
        erase_person(gone, by=olga)
    assert User.objects.get(pk=gone.pk).first_name == SAID


def test_each_room_says_what_it_is(gone: User) -> None:
    assert {str(one.label) for one in going(gone)} == {
        "Profile and sign-in",
        "Place in the structure",
        "Photo, skills and absences",
        "Notifications",
        "Working time",
        "Feed",
        "Drafts",
        "Lists",
    }
