"""What is taken back of an import, and which imports can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from box.core.events.models import Event
from box.core.imports import actions, jobs
from box.core.imports.actions import break_off, can_undo, start_undo
from box.core.imports.models import ImportedRow, ImportRun
from box.core.people.models import Skill
from tests.box.core.imports import SKILLS, imported, names

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def undone(run: ImportRun, by: User) -> ImportRun:
    start_undo(run, by=by)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    return run


def test_what_came_along_goes_with_it_the_last_first(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    take, remove = SKILLS.take, SKILLS.remove
    removed: list[int] = []

    def takes_more(entries: Any, context: Any) -> Any:
        return [
            replace(one, along=(Skill.objects.create(name=f"Of {one.number}", key=f"of-{one.number}").pk,))
            for one in take(entries, context)
        ]

    def noted(ids: Any, context: Any) -> None:
        removed.extend(ids)
        remove(ids, context)

    monkeypatch.setattr(SKILLS, "take", takes_more)
    monkeypatch.setattr(SKILLS, "remove", noted)
    run = imported("Finnish;f", "Chess;c", by=olga)
    assert (run.created, len(names())) == (2, 4)
    ids = list(Skill.objects.order_by("-pk").values_list("pk", flat=True))
    assert undone(run, olga).status == "undone"
    assert (removed, names()) == (ids, [])


def test_what_several_rows_have_changed_is_what_it_was_before_the_first(olga: User) -> None:
    chess, finnish = (Skill.objects.create(name=name, key=name[0].lower()) for name in ("Chess", "Finnish"))
    run = imported("Go;c", "Suomi;f", by=olga)
    # As once more than one row could be about one object: what each of them has changed is in it alone.
    restored: list[dict[int, Any]] = []
    last = ImportedRow.objects.get(run=run, object_id=chess.pk)
    ImportedRow.objects.create(
        run=run, row=3, object_id=chess.pk, state=last.state, before="Draughts", is_new=False
    )
    with mock.patch.object(SKILLS, "restore", lambda before, context: restored.append(before)):
        undone(run, olga)
    assert restored == [
        {chess.pk: "Draughts", finnish.pk: "Finnish"}, {chess.pk: "Chess"}
    ]  # fmt: skip


def test_so_many_are_restored_at_once(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in "abc":
        Skill.objects.create(name=key.upper(), key=key)
    run = imported("Ah;a", "Be;b", "Ce;c", by=olga)
    restored: list[int] = []
    monkeypatch.setattr(actions, "BATCH", 2)
    monkeypatch.setattr(SKILLS, "restore", lambda before, context: restored.append(len(before)))
    undone(run, olga)
    assert restored == [2, 1]


def test_one_is_undone_once_and_no_other_with_it(olga: User) -> None:
    run, other = imported("Finnish;f", by=olga), imported("Chess;c", by=olga)
    read_before = ImportRun.objects.get(pk=run.pk)
    start_undo(run, by=olga)
    # Chosen in two windows at once.
    start_undo(read_before, by=olga)
    told = Event.objects.filter(kind="imports.ImportStarted", payload__is_undo=True)
    assert [one.payload["run_id"] for one in told] == [run.pk]
    run.refresh_from_db()
    with pytest.raises(ValidationError, match="any more"):
        start_undo(run, by=olga)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.status, other.status, names()) == ("undone", "done", ["Chess"])
    assert [one.run_id for one in ImportedRow.objects.all()] == [other.pk]


def test_an_undo_that_cannot_be_ends_by_itself(olga: User) -> None:
    run, other = imported("Finnish;f", by=olga), imported("Chess;c", by=olga)
    start_undo(other, by=olga)
    Skill.objects.filter(key="f").update(name="Suomi")
    assert undone(run, olga).status == "done"
    start_undo(run, by=olga)
    break_off(run)
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.status, other.status) == ("done", "undoing")


def test_who_has_chosen_no_language_is_not_told_in_that_of_whoever_was_served_before(olga: User) -> None:
    run = imported("Finnish;f", by=olga)
    start_undo(run, by=olga)
    run.language = ""
    with translation.override("ru"):
        break_off(run)
    run.refresh_from_db()
    assert run.problem == "It broke off because of an error: tell an administrator."


def test_what_is_over_does_not_break_off(olga: User) -> None:
    run = imported("Finnish;f", by=olga)
    break_off(run)
    run.refresh_from_db()
    assert (run.status, run.problem) == ("done", "")
    assert Event.objects.filter(kind="imports.ImportFinished").count() == 1


def test_what_its_room_does_not_take_back_is_not_undone(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    was = imported("Finnish;f", by=olga)
    assert can_undo(was)
    monkeypatch.setattr(SKILLS, "is_undoable", False)
    run = imported("Chess;c", by=olga)
    assert not run.rows.exists(), "nothing is kept of how it was"
    for one in (was, run):
        with pytest.raises(ValidationError, match="any more"):
            start_undo(one, by=olga)


def test_what_waits_to_be_undone_is_not_forgotten_meanwhile(olga: User) -> None:
    run, other = imported("Finnish;f", by=olga), imported("Chess;c", by=olga)
    start_undo(run, by=olga)
    jobs.forget_rows(timezone.now() + jobs.UNDONE_WITHIN + timedelta(hours=1))
    assert [one.run_id for one in ImportedRow.objects.all()] == [run.pk]
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (run.status, names()) == ("undone", ["Chess"])
    # Chosen at the very moment at which it was forgotten.
    ImportRun.objects.filter(pk=other.pk).update(status="undoing")
    jobs.import_once(other.pk)
    other.refresh_from_db()
    assert (other.status, names()) == ("done", ["Chess"])
    assert "any more" in other.problem
