"""Putting in, naming, moving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from box.apps.drive.access import can_edit
from box.apps.drive.actions import tree
from box.apps.drive.actions.locking import allowed
from box.apps.drive.forms import NameForm
from box.apps.drive.models import Item
from box.apps.drive.presenters import places_context, title_of
from box.apps.drive.views.lookup import DONE, folder_of, item_of
from box.core.events.nonces import posted_once
from box.lib.pages import ids_of, lead_on, number_of, render, render_form, wants_part, with_toast

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

CONFLICT = 409


@require_POST
def files(request: PersonRequest, pk: int) -> HttpResponse:
    """Files that the browser has just uploaded go into the folder."""
    folder = allowed(folder_of(request, pk), by=request.user)
    ids = list(dict.fromkeys(ids_of(request.POST, "files")))[: tree.MOST_AT_ONCE + 1]
    added = tree.Added()

    def add() -> Item:
        nonlocal added
        added = tree.add_files(folder, ids, by=request.user)
        return folder

    try:
        posted_once(request, Item, add)
    except ValidationError as error:
        return refused(request, folder, error)
    return done(request, folder, _said_of(added))


def _said_of(added: tree.Added) -> str:
    new, replaced = len(added.new), len(added.replaced)
    said = [
        ngettext("%(num)s file is here.", "%(num)s files are here.", new) % {"num": new} if new else "",
        ngettext("%(num)s file has a new version.", "%(num)s files have a new version.", replaced)
        % {"num": replaced}
        if replaced
        else "",
    ]
    return " ".join(filter(None, said))


@require_http_methods(["GET", "POST"])
def folders(request: PersonRequest, pk: int) -> HttpResponse:
    folder = folder_of(request, pk)
    form = NameForm(request.POST or None)
    if form.is_valid():
        try:
            posted_once(
                request, Item, lambda: tree.make_folder(folder, form.cleaned_data["name"], by=request.user)
            )
            return done(request, folder)
        except ValidationError as error:
            form.add_error("name", error)
    return _name_page(request, folder, form, is_new=True)


@require_http_methods(["GET", "POST"])
def name(request: PersonRequest, pk: int) -> HttpResponse:
    item = item_of(request, pk)
    form = NameForm(request.POST or None, initial={"name": item.name})
    if form.is_valid():
        try:
            tree.rename_item(item, form.cleaned_data["name"], by=request.user)
            return done(request, item.parent or item)
        except ValidationError as error:
            form.add_error("name", error)
    return _name_page(request, item, form, is_new=False)


def _name_page(request: PersonRequest, item: Item, form: NameForm, *, is_new: bool) -> HttpResponse:
    if not can_edit(request.user, item):
        raise PermissionDenied(_("You may look at this, but not change it."))
    return render_form(request, "drive/name.html", form, {"item": item, "is_new": is_new}, blocks="dialog")


@require_http_methods(["GET", "POST"])
def place(request: PersonRequest, pk: int) -> HttpResponse:
    """Where it goes: GET asks, POST moves it there."""
    item = item_of(request, pk)
    was_in = item.parent or item
    if request.method == "GET":
        context = {"item": item, **places_context(was_in, request.user, besides=[pk])}
        return render(request, "drive/place.html", context, blocks="dialog")
    to = number_of(request.POST, "to")
    if to is None:
        return refused(request, was_in, ValidationError(_("Choose a folder that you may change.")))
    folder = folder_of(request, to)
    try:
        tree.move_items([item], folder, by=request.user)
    except ValidationError as error:
        return refused(request, was_in, error)
    said = _("“%(name)s” is moved to “%(to)s”.")
    return done(request, was_in, said % {"name": item.name, "to": title_of(folder, request.user)})


@require_GET
def places(request: PersonRequest, pk: int) -> HttpResponse:
    """The folders in a folder, on the way to where the chosen rows of a list go."""
    here = folder_of(request, pk)
    context = places_context(here, request.user, besides=ids_of(request.GET, "row"))
    return render(request, "drive/places.html", context, blocks="places")


def done(request: PersonRequest, folder: Item, said: str = "") -> HttpResponse:
    """The page hears that its list is to be fetched anew; without htmx it is the folder's page again."""
    if wants_part(request):
        response = HttpResponse(status=204)
        return with_toast(response, said, event=DONE) if said else trigger_client_event(response, DONE)
    return lead_on(request, folder.get_absolute_url(), said)


def refused(request: PersonRequest, folder: Item, error: ValidationError) -> HttpResponse:
    context = {"folder": folder, "problem": " ".join(error.messages)}
    return render(request, "drive/refused.html", context, status=CONFLICT)
