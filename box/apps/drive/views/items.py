"""Putting in, naming, moving."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from box.apps.drive.access import can_edit
from box.apps.drive.actions import tree
from box.apps.drive.actions.locking import allowed
from box.apps.drive.forms import NameForm, numbers_of
from box.apps.drive.models import PAGE, Item
from box.apps.drive.presenters import drives_of, name_of, way_to
from box.apps.drive.views.lookup import DONE, folder_of, item_of, items_of
from box.core.events.nonces import posted_once
from box.lib.pages import lead_on, number_of, render, render_form, wants_part, with_toast

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

CONFLICT = 409


@require_POST
def files(request: PersonRequest, pk: int) -> HttpResponse:
    """Files that the browser has just uploaded go into the folder."""
    folder = allowed(folder_of(request, pk), by=request.user)
    ids = numbers_of(request.POST.getlist("files"), most=tree.MOST_AT_ONCE + 1)
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
def place(request: PersonRequest) -> HttpResponse:
    """Where the chosen things go: GET walks through folders, POST moves."""
    if request.method == "GET":
        return _place_page(request, items_of(request, request.GET))
    items = items_of(request, request.POST)
    to = folder_of(request, number_of(request.POST, "to") or 0)
    was_in = items[0].parent or items[0]
    try:
        tree.move_items(items, to, by=request.user)
    except ValidationError as error:
        return refused(request, was_in, error)
    said = ngettext(
        "%(num)s thing is moved to “%(to)s”.", "%(num)s things are moved to “%(to)s”.", len(items)
    )
    return done(request, was_in, said % {"num": len(items), "to": _called(to, request)})


def _place_page(request: PersonRequest, items: list[Item]) -> HttpResponse:
    chosen = number_of(request.GET, "in")
    here = folder_of(request, chosen) if chosen else (items[0].parent or items[0])
    seen = Item.objects.visible_to(request.user).in_folder(here).folders()
    inside = seen.exclude(pk__in=[item.pk for item in items]).listed()[:PAGE]
    context = {
        "items": items,
        "query": urlencode({"items": [item.pk for item in items]}, doseq=True),
        "drives": drives_of(request.user),
        "here": here,
        "top": here.path[0],
        "title": _called(here, request),
        "way": way_to(here, request.user),
        "inside": inside,
        "can_edit": can_edit(request.user, here) and any(item.parent_id != here.pk for item in items),
    }
    return render(request, "drive/place.html", context, blocks="dialog")


def _called(folder: Item, request: PersonRequest) -> str:
    return name_of(folder.drive, request.user) if folder.is_root else folder.name


def done(request: PersonRequest, folder: Item, said: str = "") -> HttpResponse:
    """The page hears that its list is to be fetched anew; without htmx it is the folder's page again."""
    if wants_part(request):
        response = HttpResponse(status=204)
        return with_toast(response, said, event=DONE) if said else trigger_client_event(response, DONE)
    return lead_on(request, folder.get_absolute_url(), said)


def refused(request: PersonRequest, folder: Item, error: ValidationError) -> HttpResponse:
    context = {"folder": folder, "problem": " ".join(error.messages)}
    return render(request, "drive/refused.html", context, status=CONFLICT)
