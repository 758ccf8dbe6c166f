"""A person's photo, and their leaving."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.access import can_edit_profile, can_manage_people
from box.core.accounts.models import User
from box.core.files.pictures import answer_with
from box.core.files.store import StoreUnavailable
from box.core.people.forms import DismissalForm, square_of
from box.core.people.models import PhotoSquare
from box.core.people.offboarding import dismiss
from box.core.people.photos import choose_square, remove_photo, set_photo
from box.core.people.views.people import changed, for_people_editors
from box.core.registry.capabilities import holdings
from box.core.structure.access import must_manage
from box.core.structure.holdings import manager_of
from box.lib.pages import lead_on, render_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.requests import PersonRequest

log = logging.getLogger(__name__)


@require_GET
def photo(request: PersonRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User.objects.visible_to(request.user).select_related("photo"), photo=pk)
    if person.photo is None:
        raise Http404
    return answer_with(person.photo)


@require_GET
def picture(request: PersonRequest, pk: int) -> HttpResponse:
    """What the photo was cut out of, for whoever may choose another square of it."""
    person = get_object_or_404(User.objects.visible_to(request.user), photo=pk)
    if not can_edit_profile(request.user, person):
        raise Http404
    return answer_with(get_object_or_404(PhotoSquare.objects.select_related("picture"), photo=pk).picture)


@require_POST
def photo_of(request: PersonRequest, pk: int) -> HttpResponse:
    """A file sets the photo, of the square that was chosen, if any; none takes it away."""
    person = get_object_or_404(User.objects.visible_to(request.user), pk=pk)
    file = request.FILES.get("photo")

    def change() -> None:
        if file is None or file.file is None:
            remove_photo(person, by=request.user)
        else:
            set_photo(person, file.file, square=square_of(request.POST), by=request.user)

    return _photo_changed(request, person, change)


@require_http_methods(["GET", "POST"])
def square(request: PersonRequest, pk: int) -> HttpResponse:
    """GET says which square of the picture the photo is, POST makes it another one. The address names the
    photo: of another one the numbers mean nothing."""
    person = get_object_or_404(User.objects.visible_to(request.user), photo=pk)
    if request.method == "GET":
        if not can_edit_profile(request.user, person):
            raise Http404
        kept = get_object_or_404(PhotoSquare, photo=pk)
        return JsonResponse({"left": kept.left, "top": kept.top, "side": kept.side})

    def change() -> None:
        if (chosen := square_of(request.POST)) is None:
            raise ValidationError(_("Choose the square of the picture first."))
        choose_square(person, chosen, by=request.user)

    return _photo_changed(request, person, change)


def _photo_changed(request: PersonRequest, person: User, change: Callable[[], None]) -> HttpResponse:
    if not can_edit_profile(request.user, person):
        raise PermissionDenied(_("Everybody edits their own profile, and who has that right all of them."))
    try:
        change()
    except StoreUnavailable as error:
        log.error("%s", error)
        messages.error(request, _("Files are not reachable right now. Try again in a minute."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("people:person", person.pk)


@require_http_methods(["GET", "POST", "DELETE"])
@for_people_editors
def dismissal(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows what the person holds and asks for a successor; POST dismisses, DELETE lets return."""
    from box.core.accounts.actions import return_user

    person = get_object_or_404(User.objects.visible_to(request.user), pk=pk)
    must_manage(request.user, person)
    if request.method == "DELETE":
        return changed(request, pk, return_user)
    manager = manager_of(person)
    form = DismissalForm(
        request.POST if request.method == "POST" else None,
        initial={"successor": manager.login if manager else ""},
    )
    if request.method == "POST" and form.is_valid():
        try:
            dismiss(person, successor=form.cleaned_data["successor"], by=request.user)
        except ValidationError as error:
            form.add_error(None, ValidationError(error.messages))
        else:
            said = _("%(name)s is dismissed and signed out everywhere.") % {"name": person.name}
            return lead_on(request, reverse("people:person", args=[pk]), said)
    held = {str(one.label): one.held(person) for one in holdings}
    context = {
        "person": person,
        "held": {label: names for label, names in held.items() if names},
        "can_manage": can_manage_people(request.user),
    }
    return render_form(request, "people/dismissal.html", form, context)
