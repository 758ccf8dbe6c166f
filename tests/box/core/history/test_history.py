"""What became of an object: once, in words, by key, and for whoever sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from box.core.accounts.actions import dismiss_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.groups.actions import NewGroup, change_group, create_group
from box.core.groups.models import Group
from box.core.history.actions import forget_lines, write
from box.core.history.models import Line
from box.core.history.presenters import PAGE, history_of
from box.core.registry.auditing import About, Entry
from box.core.registry.capabilities import Ref

if TYPE_CHECKING:
    from django.test import Client

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def group(anna: User) -> Group:
    return create_group(NewGroup("Plans", kind=Group.Kind.OPEN), by=anna)


def renamed(group: Group, name: str, by: User) -> None:
    change_group(Group.objects.get(pk=group.pk), NewGroup(name, kind=group.kind), by=by)


def sentences(group: Group) -> list[str]:
    return [f"{line.who} {line.sentence}" for line in history_of(group.ref).lines]


def test_it_says_who_changed_what_from_what_to_what(group: Group, anna: User) -> None:
    change_group(group, NewGroup("Spring plans", kind=Group.Kind.CLOSED), by=anna)
    deliver_all()
    kinds = dict(Group.Kind.choices)
    said = f"Name: Plans → Spring plans; Who joins: {kinds['open']} → {kinds['closed']}"
    assert sentences(group) == [f"Anna Test changed {said}", "Anna Test made the group"]
    with translation.override("ru"):
        assert "Plans → Spring plans" in sentences(group)[0]
        assert "changed" not in sentences(group)[0], "in the reader's language"


def test_what_changed_nothing_is_no_line(group: Group, anna: User) -> None:
    renamed(group, "Plans", anna)
    deliver_all()
    assert sentences(group) == ["Anna Test made the group"]


def test_a_secret_is_not_told_to_the_auditors(group: Group, anna: User) -> None:
    renamed(group, "Spring plans", anna)
    deliver_all()
    assert not AuditRecord.objects.filter(kind__startswith="groups.").exists()


def test_it_comes_by_key_in_as_many_queries_however_long_it_is(
    as_person: Browser, group: Group, anna: User, boris: User
) -> None:
    counts = []
    for more in (1, 3 * PAGE):
        Line.objects.bulk_create(
            Line(about_kind="groups.group", about_id=group.pk, kind="groups.created", by=who)
            for _ in range(more)
            for who in (anna, boris)
        )
        browser = as_person(boris)
        browser.get(f"/history/groups.group/{group.pk}/")
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"/history/groups.group/{group.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    first = history_of(group.ref)
    assert len(first.lines) == PAGE
    seen, before = len(first.lines), first.before
    while before:
        page = history_of(group.ref, before=before)
        seen, before = seen + len(page.lines), page.before
    assert seen == Line.objects.count()


def test_of_somebody_else_it_tells_nothing(as_person: Browser, anna: User, boris: User) -> None:
    secret = create_group(NewGroup("Secret", kind=Group.Kind.SECRET), by=anna)
    assert as_person(boris).get(f"/history/groups.group/{secret.pk}/").status_code == 404
    assert as_person(anna).get(f"/history/groups.group/{secret.pk}/").status_code == 200


def test_who_is_erased_is_named_no_more(group: Group, boris: User, olga: User, anna: User) -> None:
    Line.objects.create(about_kind="groups.group", about_id=group.pk, kind="groups.created", by=boris)
    dismiss_user(boris, by=olga)
    erase_person(User.objects.get(pk=boris.pk), by=olga)
    assert not any("Boris" in said for said in sentences(group))
    assert Line.objects.filter(by=boris).exists()


def test_a_line_is_of_an_object_whose_history_tells_of_such_things(anna: User) -> None:
    then = datetime(2020, 2, 2, tzinfo=UTC)
    plans = About("groups.group", 7, "Plans")
    write(Entry("groups.created", by_id=anna.pk, about=plans), at=then)
    write(Entry("groups.created", by_id=anna.pk))
    write(Entry("accounts.signed_in", by_id=anna.pk, about=About("org.person", anna.pk, anna.name)))
    line = Line.objects.get()
    assert (line.about_kind, line.about_id, line.kind, line.at) == ("groups.group", 7, "groups.created", then)
    before = timezone.now()
    write(Entry("groups.created", by_id=anna.pk, about=plans))
    assert Line.objects.latest("id").at >= before


def test_what_is_erased_takes_its_own_lines_along(anna: User) -> None:
    for pk in (7, 8, 9):
        write(Entry("groups.created", by_id=anna.pk, about=About("groups.group", pk, "Plans")))
    forget_lines([Ref("groups.group", 7), Ref("groups.group", 9), Ref("no.such", 8)])
    assert [line.about_id for line in Line.objects.all()] == [8]
