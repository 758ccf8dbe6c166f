"""Erasing a person who has left: what the structure and their photo tell of them, and the page that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.accounts.signing_in import recently_proven
from box.core.people.views.people import for_people_editors
from box.core.registry.belongings import going
from box.core.structure.access import must_manage
from box.lib.pages import render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


class ErasureForm(forms.Form):
    is_sure = forms.BooleanField(
        label=gettext_lazy("I know that nobody can bring this back."),
        error_messages={"required": gettext_lazy("Tick this first: nobody can bring it back.")},
    )


@require_http_methods(["GET", "POST"])
@for_people_editors
@recently_proven
def erasure(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows what would go, room by room; POST erases it."""
    person = get_object_or_404(User.objects.visible_to(request.user), pk=pk)
    must_manage(request.user, person)
    form = ErasureForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        name = person.name
        try:
            erase_person(person, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("What was known of %(name)s is erased.") % {"name": name})
            return redirect("people:person", pk)
    return render_form(request, "people/erasure.html", form, {"person": person, "going": going(person)})
