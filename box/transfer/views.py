"""The console's pages of migrations: connect, look, decide who is whom, bring, compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.console.access import only_for
from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.core.files.actions import NotYours
from box.core.files.models import File
from box.core.files.store import StoreUnavailable
from box.lib.pages import REFUSED, number_of, render, render_form
from box.lib.sealing import SealBroken
from box.lib.tables import export
from box.transfer import actions
from box.transfer.access import can_migrate
from box.transfer.archive.container import BadArchive
from box.transfer.boxed import folder
from box.transfer.cloud import BadWebhook, CloudAway, CloudRefused
from box.transfer.forms import IMPATIENT, ArchiveForm, ConnectForm, DumpForm, MatchForm
from box.transfer.gaps import SCOPES
from box.transfer.models import Match, Migration
from box.transfer.outbound.reconciliation import OutboundReconciliation, reconcile_outbound
from box.transfer.outbound.stages import OUTBOUND_STAGES
from box.transfer.presenters import counts_of, rehearsal_of, said_of, stages_of
from box.transfer.reconciliation import Reconciliation, reconcile
from box.transfer.sources import cloud_of, gaps_in
from box.transfer.sources import stages_of as stages_of_source

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

PAGE = 50
LISTED = 30


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@only_for(can_migrate)
@recently_proven
def migrations(request: PersonRequest) -> HttpResponse:
    """Those there are; POST connects another portal."""
    form = ConnectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = posted_once(
                request, Migration, lambda: actions.connect(form.cleaned_data["cloud"], by=request.user)
            )
        except (CloudRefused, CloudAway) as error:
            form.add_error("webhook", _in_words(error))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("transfer:migration", made.pk)
    return _list(request, form, ArchiveForm(), status=REFUSED if form.is_bound else 200)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@only_for(can_migrate)
@recently_proven
def outbound(request: PersonRequest) -> HttpResponse:
    """The portal that this box is to move into."""
    form = ConnectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = posted_once(
                request,
                Migration,
                lambda: actions.connect(form.cleaned_data["cloud"], by=request.user, is_outbound=True),
            )
        except (CloudRefused, CloudAway) as error:
            form.add_error("webhook", _in_words(error))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("transfer:migration", made.pk)
    scopes = sorted({stage.scope for stage in OUTBOUND_STAGES.values()})
    return render_form(request, "transfer/outbound.html", form, {"scopes": scopes})


@require_POST
@only_for(can_migrate)
@recently_proven
def from_archive(request: PersonRequest) -> HttpResponse:
    """An upload of the reader's becomes a migration."""
    form = ArchiveForm(request.POST)
    if form.is_valid():
        file = File.objects.owned_by(request.user).unattached().filter(pk=form.cleaned_data["files"]).first()
        try:
            if file is None:
                raise NotYours
            made = posted_once(request, Migration, lambda: actions.connect_archive(file, by=request.user))
        except (BadArchive, StoreUnavailable) as error:
            form.add_error(None, str(error))
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            return redirect("transfer:migration", made.pk)
    return _list(request, ConnectForm(), form, status=REFUSED)


@require_POST
@only_for(can_migrate)
@recently_proven
def from_dump(request: PersonRequest) -> HttpResponse:
    """A folder on the machine with the dump of a boxed portal becomes a migration."""
    form = DumpForm(request.POST)
    if form.is_valid():
        try:
            made = posted_once(
                request,
                Migration,
                lambda: actions.connect_dump(
                    form.cleaned_data["folder"], form.cleaned_data["portal"].lower(), by=request.user
                ),
            )
        except folder.FolderAway as error:
            form.add_error("folder", str(error))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("transfer:migration", made.pk)
    return _list(request, ConnectForm(), ArchiveForm(), status=REFUSED, dump=form)


def _list(
    request: PersonRequest,
    form: ConnectForm,
    upload: ArchiveForm,
    *,
    status: int,
    dump: DumpForm | None = None,
) -> HttpResponse:
    found = Migration.objects.select_related("by").order_by("-id")[:LISTED]
    context = {
        "form": form,
        "upload": upload,
        "dump": dump or DumpForm(),
        "place": settings.MOVING_DIR,
        "folders": folder.names(),
        "scopes": list(SCOPES),
        "migrations": found,
    }
    return render(request, "transfer/list.html", context, status=status)


def _in_words(error: Exception) -> str:
    if isinstance(error, CloudRefused):
        said = _(
            "The portal answers, but refuses this webhook (%(why)s): make a new one, and copy its address."
        )
        return said % {"why": error}
    return str(error)


@require_GET
@only_for(can_migrate)
def migration(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Migration.objects.select_related("by"), pk=pk)
    return _page(request, one)


def _page(request: PersonRequest, one: Migration, problem: str = "") -> HttpResponse:
    matches = one.matches.all()
    new = matches.filter(user=None, has_left=False).count()
    context = {
        "migration": one,
        "problem": problem,
        "counts": counts_of(one),
        "stages": stages_of(one),
        "gaps": gaps_in(one, newcomers=new) if one.state == Migration.State.READY else [],
        "rehearsal": rehearsal_of(one),
        "people": matches.count(),
        "new": matches.filter(user=None).count(),
        "left": one.time_left(timezone.now()),
        "remarks": list(said_of(one, one.remarks.order_by("-id")[:LISTED])),
        "newcomers": actions.newcomers(one).count() if one.state == Migration.State.DONE else 0,
        "reconnection": ConnectForm(),
    }
    return render(
        request, "transfer/migration.html", context, blocks="progress", status=REFUSED if problem else 200
    )


def _act(request: PersonRequest, pk: int, act: Callable[[Migration], Any]) -> HttpResponse:
    """And shows the page again, with why not where that is so."""
    one = get_object_or_404(Migration.objects.select_related("by"), pk=pk)
    try:
        act(one)
    except ValidationError as error:
        return _page(request, one, " ".join(error.messages))
    return redirect("transfer:migration", pk)


@sensitive_post_parameters()
@require_POST
@only_for(can_migrate)
@recently_proven
def connection(request: PersonRequest, pk: int) -> HttpResponse:
    """By another webhook, where the one before is no longer valid."""
    form = ConnectForm(request.POST)

    def act(one: Migration) -> None:
        if not form.is_valid():
            raise ValidationError([str(text) for texts in form.errors.values() for text in texts])
        try:
            actions.reconnect(one, form.cleaned_data["cloud"], by=request.user)
        except (CloudRefused, CloudAway) as error:
            raise ValidationError(_in_words(error)) from None

    return _act(request, pk, act)


@require_GET
@only_for(can_migrate)
def people(request: PersonRequest, pk: int) -> HttpResponse:
    """Who of the portal is who here."""
    return _people(request, get_object_or_404(Migration, pk=pk))


def _people(request: PersonRequest, one: Migration, wrong: tuple[Match, str] | None = None) -> HttpResponse:
    sought, after = request.GET.get("q", "").strip()[:100], number_of(request.GET, "after")
    found = one.matches.select_related("user").order_by("id")
    if sought:
        found = found.filter(name__icontains=sought) | found.filter(email__icontains=sought)
    if after:
        found = found.filter(pk__gt=after)
    rows = list(found[: PAGE + 1])
    context = {
        "migration": one,
        "rows": rows[:PAGE],
        "more": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "q": sought,
        "wrong": wrong,
        "can_decide": one.state == Migration.State.READY and not one.passes and not one.is_outbound,
    }
    return render(request, "transfer/people.html", context, status=REFUSED if wrong else 200)


@require_POST
@only_for(can_migrate)
def match(request: PersonRequest, pk: int, match: int) -> HttpResponse:
    one = get_object_or_404(Migration, pk=pk)
    found = get_object_or_404(one.matches.select_related("user"), pk=match)
    form = MatchForm(request.POST)
    problem = "" if form.is_valid() else " ".join(str(text) for text in form.errors.get("person", []))
    if not problem:
        try:
            actions.decide_match(found, form.cleaned_data["person"], by=request.user)
        except ValidationError as error:
            problem = " ".join(error.messages)
    if problem:
        return _people(request, one, (found, problem))
    messages.success(request, _("%(name)s is decided.") % {"name": found.name})
    return redirect("transfer:people", pk)


@require_POST
@only_for(can_migrate)
@recently_proven
def passes(request: PersonRequest, pk: int) -> HttpResponse:
    """The first, or another one."""
    chosen = request.POST.getlist("stages")

    def act(one: Migration) -> None:
        if not one.passes and not chosen:
            raise ValidationError(_("Choose what is to come."))
        actions.begin(one, [key for key in chosen if key in stages_of_source(one)], by=request.user)

    return _act(request, pk, act)


@require_POST
@only_for(can_migrate)
@recently_proven
def dry_run(request: PersonRequest, pk: int) -> HttpResponse:
    """Everything that would come is read once."""
    return _act(request, pk, lambda one: actions.begin_dry_run(one, by=request.user))


@require_POST
@only_for(can_migrate)
def pause(request: PersonRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lambda one: actions.pause(one, by=request.user))


@require_POST
@only_for(can_migrate)
def resumption(request: PersonRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lambda one: actions.resume(one, by=request.user))


@require_GET
@only_for(can_migrate)
def reconciliation(request: PersonRequest, pk: int) -> HttpResponse:
    """Both sides compared, as they are now."""
    one = get_object_or_404(Migration, pk=pk)
    found: Reconciliation | OutboundReconciliation | None = None
    trouble = ""
    try:
        if one.is_outbound:
            found = reconcile_outbound(one, cloud_of(one, attempts=IMPATIENT))
        else:
            # An archive and a dump are what they were when somebody looked.
            is_kept = one.archive_id or one.folder
            found = reconcile(one, None if is_kept else cloud_of(one, attempts=IMPATIENT))
    except (CloudAway, CloudRefused, BadWebhook, SealBroken) as error:
        trouble = _in_words(error)
    context = {"migration": one, "found": found, "trouble": trouble}
    page = "transfer/outbound_reconciliation.html" if one.is_outbound else "transfer/reconciliation.html"
    return render(request, page, context)


@require_POST
@only_for(can_migrate)
@recently_proven
def invitations(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Migration, pk=pk)
    actions.ask_to_invite(one, by=request.user)
    messages.success(request, _("The invitations are on their way."))
    return redirect("transfer:migration", pk)


@require_GET
@only_for(can_migrate)
def remarks(request: PersonRequest, pk: int) -> StreamingHttpResponse:
    """What did not come, or not as it was, as a table to save."""
    one = get_object_or_404(Migration, pk=pk)

    def rows() -> Iterator[list[str]]:
        for said in said_of(one, one.remarks.order_by("id").iterator()):
            yield [str(said.kind), said.theirs, said.text]

    number = _("Number here") if one.is_outbound else _("Number there")
    return export("xlsx", f"migration-{one.pk}", [_("Kind"), number, _("What and why")], rows())


@require_POST
@only_for(can_migrate)
@recently_proven
def undoing(request: PersonRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lambda one: actions.begin_undo(one, by=request.user))


@require_POST
@only_for(can_migrate)
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Migration.objects.select_related("by"), pk=pk)
    try:
        actions.forget(one, by=request.user)
    except ValidationError as error:
        return _page(request, one, " ".join(error.messages))
    messages.success(request, _("The connection with %(portal)s is removed.") % {"portal": one.portal})
    return redirect("transfer:list")
