"""The structure: as a chart, as a list, and by department; and changing it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, IntegerField, Value, When
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.access import can_see_company
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.core.lists.keyset import Keyset
from box.core.structure import actions, presenters, undo
from box.core.structure.access import can_edit_structure
from box.core.structure.access_changes import AccessChange, change_of_merger, change_of_move, change_of_places
from box.core.structure.forms import (
    DepartmentForm,
    MemberForm,
    MergerForm,
    NameForm,
    PlaceForm,
    TransferForm,
)
from box.core.structure.models import Department, Membership
from box.core.structure.presenters import told
from box.lib.pages import REFUSED, number_of, render, wants_part, with_toast

if TYPE_CHECKING:
    from collections.abc import Callable

    from django import forms

    from box.core.accounts.requests import PersonRequest

PAGE = 50


def for_employees[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request: Any = args[0]
        if not can_see_company(request.user):
            raise Http404
        return view(*args, **kwargs)

    return guarded


def for_editors[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Also answers what the structure refuses."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request: Any = args[0]
        if not can_edit_structure(request.user):
            raise PermissionDenied(_("The structure is changed by those whom the administrators have named."))
        try:
            return view(*args, **kwargs)
        except actions.StructureRefused as refused:
            return HttpResponse(" ".join(refused.messages), status=409, content_type="text/plain")

    return guarded


@require_GET
@for_employees
def structure(request: PersonRequest) -> HttpResponse:
    can_edit = can_edit_structure(request.user)
    context = {
        "structure": presenters.structure.value,
        "view": request.GET.get("view", ""),
        "can_edit": can_edit,
        "is_editing": can_edit and "edit" in request.GET,
    }
    return render(request, "structure/structure.html", context, blocks="tree")


@require_GET
@for_employees
def chart(request: PersonRequest) -> HttpResponse:
    """What the chart draws; no content for a page on which this very structure is `shown`."""
    found = presenters.structure.value
    headers = {"Cache-Control": "no-store"}
    if request.GET.get("shown") == found.mark:
        return HttpResponse(status=204, headers=headers)
    return JsonResponse({"mark": found.mark, "nodes": found.nodes}, headers=headers)


@require_http_methods(["GET", "DELETE"])
@for_employees
def department(request: PersonRequest, pk: int) -> HttpResponse:
    if request.method == "DELETE":
        return deletion(request, pk)
    one = _department(pk)
    context = {
        "department": one,
        "way": Department.objects.filter(pk__in=one.path[:-1]).order_by("path"),
        "below": one.children.standing().by_name(),
        "can_edit": can_edit_structure(request.user),
        **_people(request, one),
    }
    return render(request, "structure/department.html", context, blocks="people")


HEADS_FIRST = Keyset(
    (
        Case(
            When(role=Membership.Role.HEAD, then=Value(0)),
            When(role=Membership.Role.DEPUTY, then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        ),
        "user__sort_name",
    )
)


def _people(request: PersonRequest, one: Department) -> dict[str, Any]:
    """Heads first, then by name."""
    working = one.memberships.exclude(user__status=User.Status.DISMISSED).select_related("user")
    return {"found": HEADS_FIRST.page(working, after=request.GET.get("after", ""), size=PAGE)}


@require_GET
@for_employees
def people(request: PersonRequest, pk: int) -> HttpResponse:
    """The people of a department, where it was unfolded in the list or the chart."""
    one = _department(pk)
    context = {"department": one, "can_edit": can_edit_structure(request.user), **_people(request, one)}
    return render(request, "structure/members.html", context, blocks="people")


@require_http_methods(["GET", "POST"])
@for_editors
def departments(request: PersonRequest) -> HttpResponse:
    form = DepartmentForm(request.POST or None, initial={"parent": number_of(request.GET, "parent")})
    if form.is_valid():

        def create() -> Department:
            return actions.create_department(**form.cleaned_data, by=request.user)

        try:
            made = posted_once(request, Department, create)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _done(request, _("%(name)s is there now.") % {"name": made.name})
    return _asked(request, form, _("Add a department"), reverse("structure:departments"), yes=_("Add"))


@require_http_methods(["GET", "POST"])
@for_editors
def name(request: PersonRequest, pk: int) -> HttpResponse:
    one = _department(pk)
    form = NameForm(request.POST or None, initial={"name": one.name})
    if form.is_valid():
        was = one.name
        actions.rename_department(one, form.cleaned_data["name"], by=request.user)
        note = undo.note_of_name(one, was=was, by=request.user)
        return _done(request, _("Renamed to %(name)s.") % {"name": one.name}, note)
    title = _("Rename %(name)s") % {"name": one.name}
    return _asked(request, form, title, reverse("structure:name", args=[pk]), yes=_("Rename"))


@require_http_methods(["GET", "POST"])
@for_editors
def place(request: PersonRequest, pk: int) -> HttpResponse:
    """Where the department stands. Before it is moved the page says whose access that changes."""
    one = _department(pk)
    form = PlaceForm(one, request.POST or (request.GET if "under" in request.GET else None))
    change = None
    if form.is_valid():
        under: Department = form.cleaned_data["under"]
        if request.method == "POST":
            actions.move_department(one, under, by=request.user)
            note = undo.note_of_move(one, became=under, by=request.user)
            said = _("%(name)s is under %(under)s now.") % {"name": one.name, "under": under.name}
            return _done(request, said, note)
        actions.refuse_move(one, under, by=request.user)
        change = change_of_move(one, under)
    title = _("Move %(name)s") % {"name": one.name}
    return _asked(
        request, form, title, reverse("structure:place", args=[pk]), yes=_("Move"), plans=True, change=change
    )


@require_http_methods(["GET", "POST"])
@for_editors
def merger(request: PersonRequest, pk: int) -> HttpResponse:
    one = _department(pk)
    form = MergerForm(one, request.POST or (request.GET if "into" in request.GET else None))
    change = None
    if form.is_valid():
        into: Department = form.cleaned_data["into"]
        if request.method == "POST":
            actions.merge_departments(one, into, by=request.user)
            said = _("%(name)s is part of %(into)s now.") % {"name": one.name, "into": into.name}
            return _done(request, said)
        actions.refuse_move(one, into, by=request.user)
        change = change_of_merger(one, into)
    title = _("Merge %(name)s into another department") % {"name": one.name}
    return _asked(
        request,
        form,
        title,
        reverse("structure:merger", args=[pk]),
        yes=_("Merge"),
        plans=True,
        change=change,
    )


@require_http_methods(["DELETE"])
@for_editors
def deletion(request: PersonRequest, pk: int) -> HttpResponse:
    one = _department(pk)
    actions.delete_department(one, by=request.user)
    return _done(request, _("%(name)s is deleted.") % {"name": one.name})


@require_http_methods(["GET", "POST"])
@for_editors
def members(request: PersonRequest, pk: int) -> HttpResponse:
    """Adding somebody to the department, in whichever role."""
    one = _department(pk)
    form = MemberForm(request.POST or (request.GET if "person" in request.GET else None))
    change = None
    if form.is_valid():
        person: User = form.cleaned_data["person"]
        if request.method == "POST":
            return _given_role(request, one, person, form.cleaned_data["role"])
        change = change_of_places(person.pk, {*actions.roles_of(person), one.pk})
    title = _("Add somebody to %(name)s") % {"name": one.name}
    return _asked(
        request, form, title, reverse("structure:members", args=[pk]), yes=_("Add"), plans=True, change=change
    )


@require_http_methods(["POST", "DELETE"])
@for_editors
def membership(request: PersonRequest, pk: int) -> HttpResponse:
    """POST gives another role, DELETE takes the person out of the department."""
    one = _membership(pk)
    if request.method == "POST":
        role = request.POST.get("role", "")
        if role not in Membership.Role.values:
            return HttpResponse(_("There is no such role."), status=REFUSED)
        return _given_role(request, one.department, one.user, role)
    was = undo.roles_of([one.user_id])
    actions.remove_member(one.department, one.user, by=request.user)
    said = _("%(name)s has left %(department)s.") % {
        "name": one.user.name,
        "department": one.department.name,
    }
    return _done(request, said, undo.note_of_roles(was, by=request.user))


def _given_role(request: PersonRequest, one: Department, person: User, role: str) -> HttpResponse:
    touched = [person.pk, *one.memberships.filter(role=Membership.Role.HEAD).values_list("user", flat=True)]
    was = undo.roles_of(touched)
    actions.add_member(one, person, role=Membership.Role(role), by=request.user)
    said = {
        "head": _("%(name)s is the head of %(department)s now."),
        "deputy": _("%(name)s is a deputy in %(department)s now."),
        "member": _("%(name)s is a member of %(department)s now."),
    }[role]
    text = said % {"name": person.name, "department": one.name}
    return _done(request, text, undo.note_of_roles(was, by=request.user))


@require_http_methods(["GET", "POST"])
@for_editors
def transfer(request: PersonRequest, pk: int) -> HttpResponse:
    """Moving a person from one department to another."""
    one = _membership(pk)
    form = TransferForm(request.POST or (request.GET if "to" in request.GET else None))
    to: Department | None = form.cleaned_data["to"] if form.is_valid() else None
    if to is not None and request.method == "POST":
        return _transferred(request, one, to)
    title = _("Move %(name)s to another department") % {"name": one.user.name}
    return _asked(
        request,
        form,
        title,
        reverse("structure:transfer", args=[pk]),
        yes=_("Move"),
        plans=True,
        change=_change_by_transfer(one, to) if to is not None else None,
    )


def _transferred(request: PersonRequest, one: Membership, to: Department) -> HttpResponse:
    was = undo.roles_of([one.user_id])
    actions.move_member(one.user, one.department, to, by=request.user)
    said = _("%(name)s is in %(department)s now.") % {"name": one.user.name, "department": to.name}
    return _done(request, said, undo.note_of_roles(was, by=request.user))


def _change_by_transfer(one: Membership, to: Department) -> AccessChange:
    """What the person would see and no longer see."""
    return change_of_places(one.user_id, actions.roles_of(one.user).keys() - {one.department_id} | {to.pk})


@require_POST
@for_editors
def undoing(request: PersonRequest) -> HttpResponse:
    undo.undo(request.POST.get("note", ""), by=request.user)
    return _done(request, _("Undone."))


def _department(pk: int) -> Department:
    return get_object_or_404(Department.objects.standing(), pk=pk)


def _membership(pk: int) -> Membership:
    return get_object_or_404(Membership.objects.select_related("user", "department"), pk=pk)


def _asked(
    request: PersonRequest,
    form: forms.Form,
    title: str,
    address: str,
    *,
    yes: str,
    plans: bool = False,
    change: AccessChange | None = None,
) -> HttpResponse:
    """What is to be decided before it is done. What `plans` says first what it would do to people's access:
    that is `change`, once it is known."""
    context = {
        "form": form,
        "title": title,
        "address": address,
        "yes": yes,
        "plans": plans,
        "change": told(change) if change is not None else None,
    }
    # A question that was asked with an impossible answer is still only asked.
    status = REFUSED if request.method == "POST" else 200
    return render(request, "structure/plan.html", context, blocks="plan", status=status)


def _done(request: PersonRequest, said: str, note: str = "") -> HttpResponse:
    if not wants_part(request):
        messages.success(request, said)
        return redirect("structure:structure")
    action = (
        {"label": _("Undo"), "url": reverse("structure:undo"), "values": {"note": note}} if note else None
    )
    return with_toast(HttpResponse(status=204), said, action=action, event="structure-changed")
