"""Which rows of a table are one object, which are there already, and what is counted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.core.imports import actions, jobs
from box.core.imports.actions import start_import
from box.core.imports.importers import Taken
from box.core.imports.models import ImportRun
from box.core.people.models import Skill
from tests.box.core.imports import SKILLS, begun, imported, names

if TYPE_CHECKING:
    from collections.abc import Collection

    from box.core.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture
def by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A skill is known by each part of its name: `A/B` is A, and it is B."""

    def known(keys: Collection[str], context: Any) -> dict[str, int]:
        return dict(Skill.objects.filter(name__in=keys).values_list("name", "pk"))

    monkeypatch.setattr(SKILLS, "keys", lambda row: row.name.split("/"))
    monkeypatch.setattr(SKILLS, "known", known)


def problems(run: ImportRun) -> dict[int, str]:
    return dict(run.problems.values_list("row", "text"))


@pytest.mark.usefixtures("by_parts")
def test_a_row_is_the_same_as_the_first_that_has_one_of_its_keys(olga: User) -> None:
    run = imported("A;a", "B;b", "B/A;c", "A/C;d", "C;e", by=olga)
    assert problems(run) == dict.fromkeys((4, 5), "Row 2 above is the same.")
    # What was refused stands for nothing.
    assert names() == ["A", "B", "C"]


@pytest.mark.usefixtures("by_parts")
def test_a_row_that_is_several_objects_is_none_of_them(olga: User) -> None:
    imported("A;a", "B;b", by=olga)
    run = imported("A/B/C;c", "D;d", by=olga)
    assert problems(run) == {2: "This is in several already: A, B."}
    assert names() == ["A", "B", "D"]


@pytest.mark.usefixtures("by_parts")
def test_once_more_is_once_more_whatever_is_the_same(olga: User) -> None:
    imported("A;a", by=olga)
    run = imported("A;b", "A;c", by=olga, duplicates="add")
    assert (run.created, run.failed, names()) == (2, 0, ["A", "A", "A"])


def test_each_row_is_counted_once_as_what_became_of_it(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    imported("Finnish;f", "Chess;c", by=olga)
    take = SKILLS.take

    def says_what_stays(entries: Any, context: Any) -> Any:
        taken = list(take(entries, context))
        known = {one.number for one in taken}
        return taken + [Taken(one.number, one.same) for one in entries if one.number not in known]

    monkeypatch.setattr(SKILLS, "take", says_what_stays)
    run = imported("Finnish;f", "Go;c", "Polish;p", ";b", by=olga)
    assert (run.created, run.changed, run.unchanged, run.failed) == (1, 1, 1, 1)
    assert sorted(run.rows.values_list("row", flat=True)) == [3, 4], "what did not change is not undone"


def test_an_importer_is_given_what_is_in_the_columns_of_its_fields(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, str]] = []
    understand = SKILLS.understand

    def noted(cells: Any, context: Any) -> Any:
        given.append(dict(cells))
        return understand(cells, context)

    run = begun("Finnish;;x", "Chess", head="Name;Key;Remark", by=olga)
    start_import(run, ["name", "key", ""], by=olga)
    monkeypatch.setattr(SKILLS, "understand", noted)
    jobs.import_once(run.pk)
    assert given == [{"name": "Finnish"}, {"name": "Chess"}]


def test_what_went_before_is_remembered_when_it_goes_on_also_where_it_was_refused(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "BATCH", 2)
    run = begun(";b", "Finnish;f", "Chess;c", "Suomi;f", by=olga)
    start_import(run, run.columns, by=olga)
    take = SKILLS.take

    def interrupted(entries: Any, context: Any) -> Any:
        if any(one.row.name == "Chess" for one in entries):
            raise OperationalError
        return take(entries, context)

    with monkeypatch.context() as patched, pytest.raises(OperationalError):
        patched.setattr(SKILLS, "take", interrupted)
        jobs.import_once(run.pk)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (run.status, run.done, names()) == ("done", 4, ["Chess", "Finnish"])
    assert problems(run)[5] == "Row 3 above is the same."


def test_of_rows_about_one_object_the_first_counts_also_when_it_goes_on(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    chess = Skill.objects.create(name="Chess", key="c")
    monkeypatch.setattr(actions, "BATCH", 1)
    monkeypatch.setattr(SKILLS, "known", lambda keys, context: dict.fromkeys(keys, chess.pk))
    run = begun("Go;g", "Shogi;s", by=olga)
    start_import(run, run.columns, by=olga)
    take = SKILLS.take

    def interrupted(entries: Any, context: Any) -> Any:
        if not entries:
            raise OperationalError
        return take(entries, context)

    with monkeypatch.context() as patched, pytest.raises(OperationalError):
        patched.setattr(SKILLS, "take", interrupted)
        jobs.import_once(run.pk)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (run.status, names()) == ("done", ["Go"])
    assert problems(run) == {3: "Row 2 above is the same."}


def test_what_is_wrong_is_said_in_the_language_of_who_imports(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga.language = "ru"
    olga.save(update_fields=["language"])
    with translation.override("ru"):
        same = _("Row %(row)s above is the same.") % {"row": 2}
        broke_off = _("It broke off because of an error: tell an administrator.")
    assert problems(imported("Finnish;f", "Suomi;f", by=olga)) == {3: same}
    monkeypatch.setattr(SKILLS, "take", lambda entries, context: 1 / 0)
    assert imported("Finnish;f", by=olga).problem == broke_off


def test_moments_are_those_of_who_imports(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    olga.time_zone = "Asia/Tokyo"
    olga.save(update_fields=["time_zone"])
    zones: list[str] = []
    take = SKILLS.take

    def noted(entries: Any, context: Any) -> Any:
        zones.append(timezone.get_current_timezone_name())
        return take(entries, context)

    monkeypatch.setattr(SKILLS, "take", noted)
    imported("Finnish;f", by=olga)
    assert zones == ["Asia/Tokyo"]
