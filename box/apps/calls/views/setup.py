"""Connecting PBXs: where they are, how they write numbers, who sits where, what their administrators get."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from box.apps.calls.actions.blocklist import block_number, unblock_number
from box.apps.calls.actions.setup import extension_rows, follow_profiles, import_extensions
from box.apps.calls.configuration import files_for, packed, sounds_for
from box.apps.calls.forms.calls import BlockForm
from box.apps.calls.forms.exchange import (
    ConfigurationForm,
    ExtensionForm,
    NumbersForm,
    PbxForm,
    ProfileFieldForm,
    TableForm,
)
from box.apps.calls.models import BlockedNumber
from box.apps.calls.views.guards import found_pbx, only_for_administrators, posted
from box.apps.calls.words import phone_shown
from box.bridges.telephony.actions import remove_pbx, save_pbx, set_extensions
from box.bridges.telephony.asterisk_conf import Unwritable
from box.bridges.telephony.models import Pbx
from box.bridges.telephony.originate import NotAllowed
from box.bridges.telephony.plan import Release, release_for
from box.bridges.telephony.probe import is_good, probe
from box.bridges.telephony.recordings import RecordingRefused
from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.core.lists.export import EXPORTED
from box.core.registry.auditing import record
from box.core.registry.company import PHONE_REGION
from box.lib.pages import REFUSED, lead_on, render, render_form
from box.lib.tables import export

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest

MOST_EXTENSIONS = 500


@require_http_methods(["GET"])
@only_for_administrators
def exchanges(request: PersonRequest) -> HttpResponse:
    return render(request, "calls/setup/list.html", {"exchanges": list(Pbx.objects.order_by("name"))})


@sensitive_post_parameters("secret", "dsn")
@require_http_methods(["GET", "POST"])
@only_for_administrators
@recently_proven
def new(request: PersonRequest) -> HttpResponse:
    """The secret is suggested: it goes into the configuration that the PBX gets."""
    pbx = Pbx(region=PHONE_REGION.value, is_on=True)
    return _connection(request, pbx)


@sensitive_post_parameters("secret", "dsn")
@require_http_methods(["GET", "POST", "DELETE"])
@only_for_administrators
@recently_proven
def exchange(request: PersonRequest, pk: int) -> HttpResponse:
    pbx = found_pbx(pk)
    if request.method != "DELETE":
        return _connection(request, pbx)
    try:
        remove_pbx(pbx, by=request.user)
    except ValidationError as error:
        return _shown(request, pbx, PbxForm(pbx=pbx), trouble=" ".join(error.messages), status=REFUSED)
    return lead_on(request, redirect("calls:exchanges").headers["Location"], _("The PBX is removed."))


def _connection(request: PersonRequest, pbx: Pbx) -> HttpResponse:
    if request.method == "GET":
        return _shown(request, pbx, PbxForm(pbx=pbx))
    form = PbxForm(request.POST, pbx=pbx)
    if not form.is_valid():
        return _shown(request, pbx, form, status=REFUSED)
    made = form.pbx()
    if request.POST.get("do") == "test":
        steps = probe(made)
        return _shown(request, made, form, steps=steps, is_good=is_good(steps))
    try:
        made = _kept(request, made)
    except ValidationError as error:
        form.add_error(None, error)
        return _shown(request, pbx, form, status=REFUSED)
    messages.success(request, _("“%(name)s” is saved.") % {"name": made.name})
    return redirect("calls:numbers" if not pbx.lines else "calls:exchange", made.pk)


def _kept(request: PersonRequest, made: Pbx) -> Pbx:
    if made.pk:
        save_pbx(made, by=request.user)
        return made
    made.delivery_key = secrets.token_urlsafe(32)

    def add() -> Pbx:
        save_pbx(made, by=request.user)
        return made

    return posted_once(request, Pbx, add)


def _shown(
    request: PersonRequest, pbx: Pbx, form: PbxForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "pbx": pbx,
        "form": form,
        "tab": "exchange",
        "steps": [],
        "is_good": False,
        "trouble": "",
        **more,
    }
    return render(request, "calls/setup/exchange.html", context, blocks="tried", status=status)


@require_http_methods(["GET", "POST"])
@only_for_administrators
def numbers(request: PersonRequest, pk: int) -> HttpResponse:
    form = NumbersForm(posted(request), pbx=found_pbx(pk))
    if form.is_valid():
        try:
            save_pbx(form.pbx(), by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The rules are saved."))
            return redirect("calls:numbers", pk)
    return render_form(request, "calls/setup/numbers.html", form, {"pbx": form.stored, "tab": "numbers"})


@require_http_methods(["GET", "POST"])
@only_for_administrators
def extensions(request: PersonRequest, pk: int) -> HttpResponse:
    """One by hand, or a table of them."""
    pbx = found_pbx(pk)
    is_table, is_field = "table" in request.POST, "profile_field" in request.POST
    by_hand = request.method == "POST" and not is_table and not is_field
    form = ExtensionForm(request.POST if by_hand else None)
    table = TableForm(request.POST if is_table else None)
    field = ProfileFieldForm(request.POST if is_field else None, pbx=pbx)
    try:
        changed = _changed(pbx, form, table, field, by=request.user)
        if changed is not None:
            return _given(request, pbx, changed)
    except ValidationError as error:
        (table if is_table else form).add_error(None, error)
    rows = pbx.extensions.select_related("user").order_by("number")[: MOST_EXTENSIONS + 1]
    forms = {"form": form, "table": table, "field": field}
    context = {"pbx": pbx, **forms, "tab": "extensions", "extensions": list(rows)}
    has_browsers = any(one.is_browser for one in rows)
    context["leads_to_browsers"] = pbx.name in settings.BROWSER_PHONES or not has_browsers
    status = REFUSED if request.method == "POST" else 200
    return render(request, "calls/setup/extensions.html", context, status=status)


def _changed(
    pbx: Pbx, form: ExtensionForm, table: TableForm, field: ProfileFieldForm, *, by: User
) -> int | None:
    """Does what the form asks for that was sent and is in order; None where none is."""
    if form.is_valid():
        number, person = form.cleaned_data["number"], form.cleaned_data["person"]
        in_browser = {number} if form.cleaned_data["in_browser"] else set()
        return set_extensions(pbx, [(number, person)], in_browser=in_browser, by=by)
    if table.is_valid():
        return import_extensions(pbx, table.cleaned_data["table"], by=by)
    if field.is_valid():
        pbx.profile_field = field.cleaned_data["profile_field"]
        save_pbx(pbx, by=by)
        return follow_profiles(pbx, by=by)
    return None


@require_http_methods(["GET"])
@only_for_administrators
def extension_table(request: PersonRequest, pk: int) -> HttpResponseBase:
    """As the page of extensions takes it in again."""
    rows = extension_rows(found_pbx(pk))
    record(
        EXPORTED, by_id=request.user.pk, list=str(_("Extensions")), format="csv", filter="", rows=len(rows)
    )
    return export("csv", "extensions", (_("Extension"), _("E-mail or login"), ""), rows)


def _given(request: PersonRequest, pbx: Pbx, count: int) -> HttpResponse:
    said = ngettext("%(num)s extension is given out.", "%(num)s extensions are given out.", count)
    messages.success(request, said % {"num": count})
    return redirect("calls:extensions", pbx.pk)


@require_http_methods(["GET", "POST"])
@only_for_administrators
@recently_proven
def configuration(request: PersonRequest, pk: int) -> HttpResponse:
    """Shown, or as one archive. The manager's secret is in it, so it is asked who wants it."""
    pbx = found_pbx(pk)
    release = release_for(pbx.version) or Release(20)
    usual = {"asterisk": release, "boxes": request.get_host().partition(":")[0], "records": True}
    form = ConfigurationForm(posted(request), initial=usual)
    files: dict[str, str] = {}
    if form.is_valid():
        try:
            files = _files(request, pbx, form)
        except (Unwritable, NotAllowed, RecordingRefused, ValueError) as error:
            form.add_error(None, str(error))
    if files and request.POST.get("do") == "download":
        headers = {
            "Content-Disposition": f'attachment; filename="korobka-{pbx.name}.zip"',
            "Cache-Control": "no-store",
        }
        return HttpResponse(
            packed({**files, **sounds_for(pbx)}), content_type="application/zip", headers=headers
        )
    context = {"pbx": pbx, "form": form, "files": files, "tab": "configuration"}
    status = REFUSED if form.is_bound and not files else 200
    return render(request, "calls/setup/configuration.html", context, status=status)


def _files(request: PersonRequest, pbx: Pbx, form: ConfigurationForm) -> dict[str, str]:
    return files_for(
        pbx,
        asterisk=form.cleaned_data["asterisk"],
        boxes=form.cleaned_data["boxes"],
        records=form.cleaned_data["records"],
        transcodes_opus=form.cleaned_data["transcodes_opus"],
        base=request.build_absolute_uri("/").rstrip("/"),
    )


@require_http_methods(["GET", "POST"])
@only_for_administrators
def blocked(request: PersonRequest) -> HttpResponse:
    """Numbers from which nobody is put through."""
    form = BlockForm(posted(request))
    if form.is_valid():
        block_number(form.cleaned_data["number"], form.cleaned_data["reason"], by=request.user)
        return redirect("calls:blocked")
    context = {
        "numbers": list(BlockedNumber.objects.select_related("by").order_by("-id")[:500]),
        "shown": phone_shown,
    }
    return render_form(request, "calls/setup/blocked.html", form, context)


@require_http_methods(["DELETE"])
@only_for_administrators
def unblock(request: PersonRequest, pk: int) -> HttpResponse:
    unblock_number(get_object_or_404(BlockedNumber, pk=pk), by=request.user)
    return lead_on(request, redirect("calls:blocked").headers["Location"], _("The number may call again."))
