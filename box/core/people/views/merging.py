"""Merging two accounts: finding them, choosing which remains, and being told what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from box.core.accounts.models import User
from box.core.accounts.passwords import keeper_of
from box.core.accounts.signing_in import recently_proven
from box.core.people.duplicates import alike
from box.core.people.merging import choices, merge_people, why_not
from box.core.people.views.people import for_people_editors
from box.core.registry.belongings import moving
from box.core.structure.access import must_manage
from box.lib.pages import render, render_form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.core.accounts.requests import PersonRequest
    from box.core.people.merging import Choice

MOST_FOUND = 20


@require_GET
@for_people_editors
def duplicates(request: PersonRequest) -> HttpResponse:
    """Accounts that may be one person."""
    return render(request, "people/duplicates.html", {"pairs": alike()})


@require_GET
@for_people_editors
def with_whom(request: PersonRequest, pk: int) -> HttpResponse:
    """Asks which other account is the same person: those that look like it, and whoever is searched for."""
    person = _account(request, pk)
    text = request.GET.get("q", "")[:200]
    of_kind = User.objects.themselves().filter(is_extranet=person.is_extranet).exclude(pk=pk)
    found = of_kind.nearest(text, MOST_FOUND)
    pairs = [] if text.strip() else alike(of=person)
    context = {"person": person, "q": text, "found": found, "pairs": pairs}
    return render(request, "people/merger_with.html", context, blocks="found")


@require_http_methods(["GET", "POST"])
@for_people_editors
@recently_proven
def merger(request: PersonRequest, pk: int, gone: int) -> HttpResponse:
    """GET says what would happen, POST does it: `gone` becomes `pk`."""
    kept, other = _account(request, pk), _account(request, gone)
    refused = why_not(other, kept, by=request.user)
    offered = choices(other, kept)
    form = MergingForm(request.POST if request.method == "POST" else None, offered=offered)
    if not refused and form.is_valid():
        name = other.name
        try:
            merge_people(other, kept, of_gone=form.of_gone, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said = _("The account of %(name)s (%(login)s) is part of this one now.")
            messages.success(request, said % {"name": name, "login": other.login})
            return redirect("people:person", pk)
    context: dict[str, Any] = {
        "kept": kept,
        "gone": other,
        "refused": refused,
        "can_turn": not why_not(kept, other, by=request.user),
        "choices": [(one, form[one.field]) for one in offered],
        "moving": moving(other, kept),
        "has_no_password": not kept.has_usable_password() and not keeper_of(kept) and not keeper_of(other),
    }
    return render_form(request, "people/people_merger.html", form, context)


class MergingForm(forms.Form):
    """A radio for each field in which both have something, and the word that it is meant."""

    is_sure = forms.BooleanField(
        label=gettext_lazy(
            "I know that both are the same person, and that nobody can take this apart again."
        ),
        error_messages={"required": gettext_lazy("Tick this first: nobody can take it apart again.")},
    )

    def __init__(self, *args: Any, offered: Iterable[Choice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = list(offered)
        for one in self.offered:
            self.fields[one.field] = forms.ChoiceField(
                label=one.label,
                choices=[("kept", ""), ("gone", "")],
                initial="gone" if one.is_gones else "kept",
                required=False,
                disabled=bool(one.owner),
            )

    @property
    def of_gone(self) -> list[str]:
        return [one.field for one in self.offered if self.cleaned_data[one.field] == "gone"]


def _account(request: PersonRequest, pk: int) -> User:
    account: User = get_object_or_404(User.objects.visible_to(request.user), pk=pk)
    if account.is_erased:
        raise PermissionDenied(_("Nothing is known of this person any more: add them anew."))
    must_manage(request.user, account)
    return account
