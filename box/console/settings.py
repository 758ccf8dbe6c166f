"""The portal's settings, a page a section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.console.access import only_for
from box.core.accounts.signing_in import recently_proven
from box.core.notify import mail
from box.core.notify.models import QueuedLetter
from box.core.portal.access import can_change_settings
from box.core.portal.actions import change_logo, change_settings
from box.core.portal.forms import SettingsForm
from box.core.portal.setup import next_step
from box.core.registry.settings import sections
from box.lib.pages import REFUSED, number_of, render
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

FAILURES_SHOWN = 20


@require_GET
@only_for(can_change_settings)
def first(request: PersonRequest) -> HttpResponse:
    return redirect("console:section", _ordered()[0][0])


@require_http_methods(["GET", "POST"])
@only_for(can_change_settings)
def section(request: PersonRequest, name: str) -> HttpResponse:
    if name not in sections:
        raise Http404
    return (recently_proven(_section) if sections[name].needs_proof else _section)(request, name)


def _section(request: PersonRequest, name: str) -> HttpResponse:
    form = SettingsForm(name, request.POST if request.method == "POST" else None)
    if form.is_valid():
        change_settings(form.values, by=request.user)
        messages.success(request, _("The settings are saved."))
        return redirect("console:section", name)
    return _page(request, name, form)


@require_POST
@only_for(can_change_settings)
def logo(request: PersonRequest) -> HttpResponse:
    try:
        change_logo(number_of(request.POST, "files"), by=request.user)
    except ValidationError as error:
        return _page(request, "company", SettingsForm("company"), logo_problem=error.messages[0])
    messages.success(request, _("The logo is saved."))
    return redirect("console:section", "company")


@require_POST
@only_for(can_change_settings)
@recently_proven
def test_letter(request: PersonRequest) -> HttpResponse:
    """Sends one at once, and says in words what came of it."""
    try:
        mail.send_test(request.user)
    except (mail.MailTrouble, mail.LetterRefused, SealBroken) as problem:
        return _page(request, "mail", SettingsForm("mail"), mail_problem=str(problem))
    messages.success(
        request,
        _("The server has taken the letter to %(to)s: look into that mailbox.") % {"to": request.user.email},
    )
    return redirect("console:section", "mail")


def _page(request: PersonRequest, name: str, form: SettingsForm, **more: Any) -> HttpResponse:
    problems = {"logo_problem": "", "mail_problem": "", **more}
    context = {"name": name, "form": form, "sections": _ordered(), "letters": _letters(name), **problems}
    context["is_unfinished"] = next_step(request.user) is not None
    this_year = timezone.localdate().year
    context["years"] = (this_year, this_year + 1)
    is_refused = form.is_bound or any(problems.values())
    return render(request, "console/settings.html", context, status=REFUSED if is_refused else 200)


def _ordered() -> list[tuple[str, Any]]:
    return sorted(sections.items(), key=lambda item: item[1].order)


def _letters(name: str) -> dict[str, Any] | None:
    """How the letters are, beside the settings of mail."""
    if name != "mail":
        return None
    return {
        "oldest": QueuedLetter.objects.waiting().order_by("send_after", "id").first(),
        "failed": list(QueuedLetter.objects.failed().order_by("-failed_at")[:FAILURES_SHOWN]),
        "has_server": bool(mail.HOST.value),
    }
