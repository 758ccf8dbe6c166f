"""What people can do, and who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from box.core.accounts.actions import dismiss_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.people.models import PersonSkill, Skill
from box.core.people.skills import (
    MOST_SKILLS,
    add_skill,
    confirm_skill,
    remove_skill,
    shown_skills,
    suggested,
    withdraw_confirmation,
)
from box.core.registry.belongings import going

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def test_a_skill_is_one_however_it_is_written(anna: User, boris: User) -> None:
    first = add_skill(anna, "  Spoken   Finnish ", by=anna)
    assert add_skill(boris, "spoken finnish", by=boris) == first
    add_skill(anna, "SPOKEN FINNISH", by=anna)
    assert [one.name for one in shown_skills(anna, reader=boris)] == ["Spoken Finnish"]


def test_bad_ones_are_refused(anna: User) -> None:
    for name in ("  ", "x" * 61):
        with pytest.raises(ValidationError):
            add_skill(anna, name, by=anna)
    for number in range(MOST_SKILLS):
        add_skill(anna, f"Skill {number}", by=anna)
    with pytest.raises(ValidationError):
        add_skill(anna, "One more", by=anna)
    add_skill(anna, "skill 7", by=anna)


def test_colleagues_confirm_it_and_nobody_their_own(anna: User, boris: User, cara: User, erik: User) -> None:
    finnish = add_skill(anna, "Finnish", by=anna)
    excel = add_skill(anna, "Excel", by=anna)
    for one in (boris, cara, boris):
        confirm_skill(anna, finnish, by=one)
    for one in (anna, erik):
        with pytest.raises(PermissionDenied):
            confirm_skill(anna, finnish, by=one)
    shown = shown_skills(anna, reader=boris)
    assert [(one.skill_id, one.confirmed_by, one.is_mine) for one in shown] == [
        (finnish.pk, (boris, cara), True),
        (excel.pk, (), False),
    ]
    withdraw_confirmation(anna, finnish, by=boris)
    assert shown_skills(anna, reader=boris)[0].confirmed_by == (cara,)


def test_what_nobody_has_any_more_is_suggested_to_nobody(anna: User, boris: User, cara: User) -> None:
    finnish = add_skill(anna, "Spoken Finnish", by=anna)
    add_skill(boris, "Spoken Finnish", by=boris)
    add_skill(boris, "Finnish law", by=boris)
    assert suggested("finn", besides=cara) == ["Spoken Finnish", "Finnish law"]
    assert suggested("finn", besides=boris) == []
    assert suggested("inn", besides=cara) == []
    for person in (anna, boris):
        remove_skill(person, finnish, by=person)
    assert suggested("spo", besides=cara) == []
    assert not Skill.objects.filter(pk=finnish.pk).exists()


def test_people_are_found_by_what_they_can(as_person: Browser, anna: User, boris: User, cara: User) -> None:
    finnish = add_skill(anna, "Финский", by=anna)
    browser = as_person(cara)
    # Beside the list stands who is new.
    page = browser.get(f"/employees/?skill={finnish.pk}").content.decode().partition("<aside")[0]
    assert "Anna Test" in page or "Test Anna" in page
    assert "Boris" not in page
    assert "Can:</span> Финский" in page
    assert "Anna" in browser.get("/employees/?q=finsk").content.decode()
    remove_skill(anna, finnish, by=anna)
    assert not User.objects.matching("finsk").exists()


def test_the_profile_shows_and_changes_them(as_person: Browser, anna: User, boris: User) -> None:
    own, other = as_person(anna), as_person(boris)
    answer = own.post(f"/employees/{anna.pk}/skills/", {"name": "Finnish"}, headers=HTMX)
    assert "Finnish" in answer.content.decode()
    skill = PersonSkill.objects.get()
    assert own.post(f"/employees/{anna.pk}/skills/", {"name": " "}, headers=HTMX).status_code == 422
    answer = other.post(f"/skills/{skill.pk}/confirmation/", headers=HTMX)
    assert 'aria-pressed="true"' in answer.content.decode()
    page = own.get(f"/employees/{anna.pk}/").content.decode()
    assert "Confirmed by Boris Test" in page
    assert "confirmation" not in page
    options = own.get(f"/employees/{anna.pk}/skills/names/?name=fin", headers=HTMX).content.decode()
    assert "Finnish" not in options
    other.delete(f"/skills/{skill.pk}/confirmation/", headers=HTMX)
    assert "Confirmed" not in own.get(f"/employees/{anna.pk}/").content.decode()
    own.delete(f"/skills/{skill.pk}/", headers=HTMX)
    assert not PersonSkill.objects.exists()


def test_erasing_takes_them(anna: User, olga: User) -> None:
    add_skill(anna, "Finnish", by=anna)
    dismiss_user(anna, by=olga)
    assert "Finnish" in [thing for one in going(anna) for thing in one.things]
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert not Skill.objects.exists()
    assert not User.objects.matching("finnish").exists()
