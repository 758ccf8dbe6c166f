"""The setup of a new portal, step by step: the settings' own forms, and the first colleagues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from box.console.access import can_connect_directories, only_for
from box.core.accounts.actions import NewUser, invite
from box.core.accounts.invitations import token_of
from box.core.accounts.models import User
from box.core.accounts.signing_in import recently_proven
from box.core.notify import mail
from box.core.portal.access import can_change_settings
from box.core.portal.actions import change_logo, change_settings, pass_step
from box.core.portal.forms import SettingsForm
from box.core.portal.setup import next_step, steps_of
from box.core.registry.capabilities import can_send_letters
from box.core.registry.settings import as_of, read_version, sections
from box.core.structure.access import must_hand_links
from box.lib.pages import REFUSED, number_of, render
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

MOST_INVITED = 50


class EmailsForm(forms.Form):
    """The first colleagues, by their addresses."""

    emails = forms.CharField(
        label=gettext_lazy("E-mail addresses"),
        help_text=gettext_lazy("One a line. Each gets a link with which to join."),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=MOST_INVITED * 260,
    )

    def clean_emails(self) -> list[str]:
        emails: list[str] = self.cleaned_data["emails"].replace(",", " ").replace(";", " ").split()
        if len(emails) > MOST_INVITED:
            raise ValidationError(_("At most %(most)s at a time.") % {"most": MOST_INVITED})
        for email in emails:
            try:
                validate_email(email)
            except ValidationError:
                raise ValidationError(_("%(email)s is no e-mail address.") % {"email": email}) from None
        return emails


@require_GET
@only_for(can_change_settings)
def begin(request: PersonRequest) -> HttpResponse:
    """Goes on where it was left; where all is done it says so."""
    step = next_step(request.user)
    return redirect("console:setup-step", step) if step else render(request, "console/setup_done.html")


@require_http_methods(["GET", "POST"])
@only_for(can_change_settings)
def step(request: PersonRequest, name: str) -> HttpResponse:
    if name not in steps_of(request.user):
        raise Http404
    # Whom links are shown, others' accounts are open to.
    needs_proof = name == "people" or (name in sections and sections[name].needs_proof)
    return (recently_proven(_step) if needs_proof else _step)(request, name)


def _step(request: PersonRequest, name: str) -> HttpResponse:
    if request.method == "GET":
        return _page(request, name, _form(name, None))
    if "skip" in request.POST:
        pass_step(name, by=request.user)
        return redirect("console:setup")
    form = _form(name, request.POST)
    try:
        if form is not None and not form.is_valid():
            return _page(request, name, form)
        links = _do(request, name, form)
    except ValidationError as error:
        return _page(request, name, form, problem=error.messages[0])
    except (mail.MailTrouble, mail.LetterRefused, SealBroken) as trouble:
        # What was written is saved: it is for the next try.
        return _page(request, name, form, problem=str(trouble))
    pass_step(name, by=request.user)
    return _page(request, name, EmailsForm(), links=links) if links else redirect("console:setup")


def _form(name: str, data: Any) -> forms.Form | None:
    """The logo has none: a picture is uploaded by itself."""
    if name == "logo":
        return None
    return EmailsForm(data) if name == "people" else SettingsForm(name, data)


def _do(request: PersonRequest, name: str, form: forms.Form | None) -> dict[str, str]:
    """Returns, by address, the links that no letter brings."""
    if name == "logo":
        change_logo(number_of(request.POST, "files"), by=request.user)
    elif isinstance(form, SettingsForm):
        change_settings(form.values, by=request.user)
        if name == "mail":
            _try_mail(request)
    elif isinstance(form, EmailsForm):
        people = _invite(form.cleaned_data["emails"], by=request.user)
        if not can_send_letters():
            return {person.email: _link_of(person) for person in people if person.invited_at is not None}
        messages.success(request, _("They are invited, and stand in the list of the company."))
    return {}


def _try_mail(request: PersonRequest) -> None:
    # This request began under the settings of before.
    with as_of(read_version()):
        if can_send_letters():
            mail.send_test(request.user)
            messages.success(
                request, _("A test letter is on its way to %(to)s.") % {"to": request.user.email}
            )


@transaction.atomic
def _invite(emails: list[str], *, by: User) -> list[User]:
    """All of them or none. Who was invited already is invited again: only by whoever may have their link."""
    people = [invite(NewUser(email=email, language=by.language), by=by) for email in emails]
    must_hand_links(by, (person for person in people if person.invited_at))
    return people


def _link_of(person: User) -> str:
    return f"{settings.PORTAL_URL}{reverse('accounts:join', args=[token_of(person)])}"


def _page(
    request: PersonRequest,
    name: str,
    form: forms.Form | None,
    *,
    problem: str = "",
    links: dict[str, str] | None = None,
) -> HttpResponse:
    steps = steps_of(request.user)
    context = {
        "name": name,
        "steps": list(steps.items()),
        "number": list(steps).index(name) + 1,
        "form": form,
        "problem": problem,
        "links": links or {},
        "can_mail": can_send_letters(),
        "can_connect": can_connect_directories(request.user),
    }
    is_refused = bool(problem) or (form is not None and bool(form.errors))
    return render(request, "console/setup.html", context, status=REFUSED if is_refused else 200)
