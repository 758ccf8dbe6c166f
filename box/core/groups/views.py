"""Groups: the list, a group with its panels, members, files and settings, and everything one does there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.backends.utils import csrf_input_lazy
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.invitations import token_of
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.core.groups import actions
from box.core.groups.access import Standing, can_create
from box.core.groups.forms import GroupForm, GuestForm
from box.core.groups.lists import file_list, group_list, member_list
from box.core.groups.models import Admission, Group, Member
from box.core.lists.views import answer
from box.core.registry.capabilities import Panel, can_send_letters, panels
from box.core.registry.services import is_on
from box.core.structure.names import person_principal
from box.lib.pages import REFUSED, lead_on, number_of, numbers_in, render, render_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

CANDIDATES = 8
USUAL_STAY = timedelta(days=90)


@require_http_methods(["GET", "POST"])
def groups(request: PersonRequest) -> HttpResponseBase:
    listed = group_list(
        request.user,
        show=request.GET.get("show", ""),
        text=request.GET.get("q", ""),
        csrf_input=lambda: csrf_input_lazy(request),
    )
    return answer(request, listed, "groups/list.html", {"can_create": can_create(request.user)})


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    if not can_create(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to create groups."))
    form = GroupForm(request.POST or None)
    if form.is_valid():
        try:
            group = posted_once(
                request, Group, lambda: actions.create_group(form.new_group(), by=request.user)
            )
            return redirect(group)
        except ValidationError as error:
            form.add_error(None, error)
    return render_form(request, "groups/new.html", form)


@require_http_methods(["GET", "DELETE"])
def group(request: PersonRequest, pk: int) -> HttpResponse:
    standing = _standing(request, pk)
    if request.method == "DELETE":
        return _delete(request, standing)
    shown = _panels()
    chosen = next((item for item in shown if item[0] == request.GET.get("show")), shown[0] if shown else None)
    context = {"panels": shown, "panel": chosen and chosen[0], "content": ""}
    if chosen and standing.can_read:
        context["content"] = chosen[1].render(request, standing.group.code)
    leading = standing.group.members.leading().select_related("user").order_by("-role", "id")
    return render(request, "groups/group.html", {"standing": standing, "leading": leading, **context})


def _panels() -> list[tuple[str, Panel]]:
    """Of services that are on, in their order: each page of a group leads to all of them."""
    serving = [(key, panel) for key, panel in panels.items() if is_on(key)]
    return sorted(serving, key=lambda item: item[1].order)


def _delete(request: PersonRequest, standing: Standing) -> HttpResponse:
    if not standing.owns:
        raise PermissionDenied(_("Only its owner and administrators delete a group."))
    actions.delete_group(standing.group, by=request.user)
    said = _("The group “%(name)s” is deleted.") % {"name": standing.group.name}
    return lead_on(request, reverse("groups:list"), said)


@require_http_methods(["POST", "DELETE"])
def membership(request: PersonRequest, pk: int) -> HttpResponse:
    """POST comes, or asks to; DELETE leaves, takes the request back or declines the invitation."""
    standing = _standing(request, pk)
    group = standing.group
    if request.method == "DELETE":
        _allowed(lambda: actions.leave_group(group, by=request.user))
        is_seen = Group.objects.visible_to(request.user).filter(pk=pk).exists()
        to = group.get_absolute_url() if is_seen else reverse("groups:list")
        said = _("You are not in the group “%(name)s” any more.") if standing.is_member else ""
        return lead_on(request, to, said % {"name": group.name})
    is_in = _allowed(lambda: actions.join_group(group, by=request.user))
    said = _("You are in the group now.") if is_in else _("The moderators will hear of your request.")
    return lead_on(request, group.get_absolute_url(), said)


@require_http_methods(["GET", "POST"])
def members(request: PersonRequest, pk: int) -> HttpResponseBase:
    standing = _standing(request, pk)
    if not standing.can_see_people:
        raise Http404
    pending = standing.group.admissions.select_related("user", "by").order_by("id")
    context = {"standing": standing, "panels": _panels(), "pending": pending if standing.leads else []}
    return answer(request, member_list(standing), "groups/members.html", context)


@require_http_methods(["GET", "POST"])
def files(request: PersonRequest, pk: int) -> HttpResponseBase:
    standing = _standing(request, pk)
    if not standing.can_read:
        raise Http404
    context = {"standing": standing, "panels": _panels()}
    return answer(request, file_list(standing), "groups/files.html", context)


@require_http_methods(["GET", "POST"])
def invitations(request: PersonRequest, pk: int) -> HttpResponse:
    standing = _managed(request, pk)
    problem = ""
    if request.method == "POST":
        ids = numbers_in(code[1:] for code in request.POST.getlist("person"))
        people = list(_candidates(request, standing).filter(pk__in=ids[:200]))
        problem = _("Choose whom to invite.") if not people else ""
        try:
            if people:
                actions.invite_people(standing.group, people, by=request.user)
                return lead_on(request, reverse("groups:members", args=[pk]), _("The invitations are sent."))
        except ValidationError as error:
            problem = " ".join(error.messages)
    context = {"standing": standing, "problem": problem}
    return render(request, "groups/invite.html", context, status=REFUSED if problem else 200)


@require_GET
def candidates(request: PersonRequest, pk: int) -> HttpResponse:
    """Whom one may invite, as found by a part of the name."""
    text = request.GET.get("q", "")[:200]
    people = _candidates(request, _managed(request, pk))
    found = people.nearest(text, CANDIDATES) if text else people.by_name()[:CANDIDATES]
    context = {"principals": map(person_principal, found), "section": "groups"}
    return render(request, "principals.html", context, blocks="options")


@require_http_methods(["GET", "POST"])
def guests(request: PersonRequest, pk: int) -> HttpResponse:
    standing = _standing(request, pk)
    if not standing.can_invite_guests:
        raise PermissionDenied(
            _("Only who leads a group for outside guests, and has the right, invites them.")
        )
    first = {"expires_on": timezone.localdate() + USUAL_STAY}
    form = GuestForm(request.POST or None, initial=first)
    if form.is_valid():
        try:
            member = actions.invite_guest(standing.group, form.new_guest(), by=request.user)
            return _invited(request, member)
        except ValidationError as error:
            form.add_error(None, error)
    return render_form(request, "groups/guests.html", form, {"standing": standing})


def _invited(request: PersonRequest, member: Member) -> HttpResponse:
    """Where no letters leave the box, on to the link itself, for the one who made this guest known."""
    group, person = member.group_id, member.user
    if not can_send_letters() and _is_new(person):
        return redirect("groups:guest-invitation", group, person.pk)
    said = _("%(name)s is in the group. Who is new here gets a letter with the link.") % {"name": person.name}
    return lead_on(request, reverse("groups:members", args=[group]), said)


def _is_new(person: User) -> bool:
    """Whether nobody but this group knows the guest: a link of theirs opens nothing of others."""
    return person.is_extranet and person.invited_at is not None and person.group_members.count() == 1


@never_cache
@require_GET
def guest_invitation(request: PersonRequest, pk: int, person_pk: int) -> HttpResponse:
    """The link, to be given to the guest."""
    standing = _standing(request, pk)
    if not standing.can_invite_guests:
        raise PermissionDenied(
            _("Only who leads a group for outside guests, and has the right, invites them.")
        )
    person = get_object_or_404(User.objects.active(), pk=person_pk, group_members__group=pk)
    if not _is_new(person) or can_send_letters():
        raise Http404
    link = request.build_absolute_uri(reverse("accounts:join", args=[token_of(person)]))
    context = {"standing": standing, "person": person, "link": link}
    return render(request, "groups/guest_invitation.html", context)


def _candidates(request: PersonRequest, standing: Standing) -> Any:
    there = Member.objects.filter(group=standing.group).values("user")
    people = User.objects.active().visible_to(request.user).exclude(pk__in=there)
    return people if standing.group.kind == Group.Kind.EXTRANET else people.employees()


@require_http_methods(["GET", "POST"])
def settings(request: PersonRequest, pk: int) -> HttpResponse:
    standing = _standing(request, pk)
    if not standing.leads:
        raise PermissionDenied(_("Only moderators change a group."))
    form = GroupForm(request.POST or None, instance=Group.objects.get(pk=pk))
    if form.is_valid():
        try:
            actions.change_group(standing.group, form.new_group(), by=request.user)
            return lead_on(request, standing.group.get_absolute_url(), _("The group is saved."))
        except ValidationError as error:
            form.add_error(None, error)
    heirs = standing.group.members.filter(user__is_extranet=False).exclude(role=Member.Role.OWNER)
    context = {"standing": standing, "heirs": heirs.newest_first()[:500]}
    return render_form(request, "groups/settings.html", form, context)


@require_http_methods(["POST", "DELETE"])
def archive(request: PersonRequest, pk: int) -> HttpResponse:
    standing = _owned(request, pk)
    act = actions.archive_group if request.method == "POST" else actions.reopen_group
    act(standing.group, by=request.user)
    said = _("The group is in the archive.") if request.method == "POST" else _("The group is open again.")
    return lead_on(request, standing.group.get_absolute_url(), said)


@require_POST
def owner(request: PersonRequest, pk: int) -> HttpResponse:
    standing = _owned(request, pk)
    heir = get_object_or_404(User, group_members__group=pk, pk=number_of(request.POST, "person") or 0)
    _allowed(lambda: actions.hand_over(standing.group, heir, by=request.user))
    said = _("%(name)s owns the group now.") % {"name": heir.name}
    return lead_on(request, standing.group.get_absolute_url(), said)


@require_http_methods(["POST", "DELETE"])
def member(request: PersonRequest, pk: int) -> HttpResponse:
    """POST gives the member a role, DELETE takes them out."""
    member = get_object_or_404(Member.objects.select_related("user"), pk=pk)
    standing = _standing(request, member.group_id)
    if not standing.can_see_people:
        raise Http404
    if not standing.can_change(member):
        raise PermissionDenied(_("Only who leads the group changes that."))
    if request.method == "DELETE":
        _allowed(lambda: actions.remove_member(member, by=request.user))
        said = _("%(name)s is not in the group any more.") % {"name": member.user.name}
    else:
        if not standing.owns:
            raise PermissionDenied(_("Only the owner makes moderators."))
        _allowed(lambda: actions.set_role(member, request.POST.get("role", ""), by=request.user))
        said = _("Saved.")
    return lead_on(request, reverse("groups:members", args=[member.group_id]), said)


@require_http_methods(["POST", "DELETE"])
def admission(request: PersonRequest, pk: int) -> HttpResponse:
    """POST accepts a request, DELETE declines it or takes an invitation back."""
    admission = get_object_or_404(Admission.objects.select_related("user", "group"), pk=pk)
    standing = _standing(request, admission.group_id)
    if not standing.leads:
        raise Http404
    if request.method == "POST":
        _allowed(lambda: actions.accept_request(admission, by=request.user))
        said = _("%(name)s is in the group now.") % {"name": admission.user.name}
    else:
        actions.refuse_admission(admission, by=request.user)
        said = _("Done.")
    return lead_on(request, reverse("groups:members", args=[admission.group_id]), said)


def _standing(request: PersonRequest, pk: int) -> Standing:
    seen = Group.objects.visible_to(request.user).with_standing_of(request.user)
    return Standing.of(request.user, get_object_or_404(seen, pk=pk))


def _managed(request: PersonRequest, pk: int) -> Standing:
    standing = _standing(request, pk)
    if not standing.can_manage:
        raise PermissionDenied(_("Only moderators do that, and in a group that is not archived."))
    return standing


def _owned(request: PersonRequest, pk: int) -> Standing:
    standing = _standing(request, pk)
    if not standing.owns:
        raise PermissionDenied(_("Only the owner and administrators do that."))
    return standing


def _allowed[R](act: Callable[[], R]) -> R:
    try:
        return act()
    except actions.GroupRefused as error:
        raise PermissionDenied(" ".join(error.messages)) from None
