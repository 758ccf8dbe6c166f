"""A person's skills: adding, taking away, confirming, and what others have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.access import can_edit_profile, can_see_company
from box.core.accounts.models import User
from box.core.people import skills
from box.core.people.models import PersonSkill
from box.lib.pages import REFUSED, render, wants_part

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


def skills_context(request: PersonRequest, person: User) -> dict[str, Any]:
    """What the part of the profile needs. Outside guests have no skills, and see nobody's."""
    if person.is_extranet or person.is_erased or not can_see_company(request.user):
        return {"skills": [], "can_add_skills": False, "can_confirm": False, "skill_problem": ""}
    return {
        "skills": skills.shown_skills(person, reader=request.user),
        "can_add_skills": can_edit_profile(request.user, person),
        "can_confirm": skills.can_confirm(request.user, person),
        "skill_problem": "",
    }


@require_POST
def person_skills(request: PersonRequest, pk: int) -> HttpResponse:
    """Adds one."""
    person = _whose(request, pk)
    _must_edit(request, person)
    try:
        skills.add_skill(person, request.POST.get("name", ""), by=request.user)
    except ValidationError as error:
        return _answer(request, person, problem=" ".join(error.messages))
    return _answer(request, person)


@require_http_methods(["DELETE"])
def person_skill(request: PersonRequest, pk: int) -> HttpResponse:
    one = _skill(request, pk)
    _must_edit(request, one.user)
    skills.remove_skill(one.user, one.skill, by=request.user)
    return _answer(request, one.user)


@require_http_methods(["POST", "DELETE"])
def confirmation(request: PersonRequest, pk: int) -> HttpResponse:
    """POST says that the person can do it, DELETE takes that back."""
    one = _skill(request, pk)
    change = skills.confirm_skill if request.method == "POST" else skills.withdraw_confirmation
    change(one.user, one.skill, by=request.user)
    return _answer(request, one.user)


@require_GET
def suggestions(request: PersonRequest, pk: int) -> HttpResponse:
    """What others call what begins like that."""
    person = _whose(request, pk)
    _must_edit(request, person)
    context: dict[str, Any] = {} if wants_part(request) else skills_context(request, person)
    found = skills.suggested(request.GET.get("name", ""), besides=person)
    return render(
        request, "people/skills.html", {**context, "person": person, "names": found}, blocks="options"
    )


def _whose(request: PersonRequest, pk: int) -> User:
    if not can_see_company(request.user):
        raise Http404
    found: User = get_object_or_404(User.objects.filter(is_extranet=False), pk=pk)
    return found


def _skill(request: PersonRequest, pk: int) -> PersonSkill:
    if not can_see_company(request.user):
        raise Http404
    return get_object_or_404(PersonSkill.objects.select_related("user", "skill"), pk=pk)


def _must_edit(request: PersonRequest, person: User) -> None:
    if not can_edit_profile(request.user, person):
        raise PermissionDenied(_("Everybody edits their own profile, and who has that right all of them."))


def _answer(request: PersonRequest, person: User, *, problem: str = "") -> HttpResponse:
    if not wants_part(request) and not problem:
        return redirect("people:person", person.pk)
    context = {"person": person, **skills_context(request, person), "skill_problem": problem, "names": []}
    return render(request, "people/skills.html", context, blocks="skills", status=REFUSED if problem else 200)
