"""Forms for websites: designed, shown as people will see them, put on a page by a snippet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms as django_forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Max
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.crm.actions.web_forms import FormDraft, consent_of, retire_form, save_form, switch_form
from box.apps.crm.catalog import catalog
from box.apps.crm.models import RecordType, WebForm
from box.apps.crm.setup.access import only_administrators, setup_page
from box.apps.crm.setup.forms import Color, People, say
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.lib.forms import set_choices, set_queryset
from box.lib.questions import KINDS, Kind, Question, questions_in
from box.lib.questions_form import QuestionsForm

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

_RECEIVERS = gettext_lazy("Who gets it, in turn")
_TYPES = (RecordType.Id.LEAD, RecordType.Id.DEAL)


class WebFormForm(QuestionsForm):
    name = django_forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Seen by you only.")
    )
    heading = django_forms.CharField(label=gettext_lazy("Heading"), max_length=200)
    button = django_forms.CharField(label=gettext_lazy("What the button says"), max_length=60)
    thanks = django_forms.CharField(label=gettext_lazy("What is said afterwards"), max_length=400)
    language = django_forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    color = django_forms.RegexField(
        r"#[0-9a-fA-F]{6}", label=gettext_lazy("Colour"), widget=Color, initial="#206bc4"
    )
    stage = django_forms.ChoiceField(label=gettext_lazy("What comes of it"))
    source = django_forms.ChoiceField(label=gettext_lazy("Source"), required=False)
    receivers = django_forms.ModelMultipleChoiceField(
        User.objects.none(), label=_RECEIVERS, widget=People(_RECEIVERS),
        help_text=gettext_lazy("What a client of yours sends goes to whoever looks after the client."),
    )  # fmt: skip
    always_adds = django_forms.BooleanField(
        label=gettext_lazy("Something new each time, also of whom something is in work already"),
        required=False,
    )
    consent = django_forms.CharField(
        label=gettext_lazy("What people agree to"), required=False, max_length=4000,
        widget=django_forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Left empty: nothing is asked. Who agreed to which wording is kept."),
    )  # fmt: skip

    def __init__(self, form: WebForm | None, data: Any = None) -> None:
        super().__init__(
            data,
            initial=_initial(form),
            questions=questions_in(form.questions) if form else _first_questions(),
        )
        known = catalog()
        stages = [
            (str(stage.pk), f"{stage.pipeline}: {stage}")
            for type_id in _TYPES
            for stage in known.stages_of_type(known.types[type_id])
            if stage.is_open
        ]
        set_choices(self, "stage", stages)
        sources = [(str(one.pk), str(one)) for one in known.standing_sources]
        set_choices(self, "source", [("", "–"), *sources])
        employees = User.objects.active().employees().order_by("last_name", "first_name")
        set_queryset(self, "receivers", employees)

    @property
    def draft(self) -> FormDraft:
        data, known = self.cleaned_data, catalog()
        stage = known.stages[int(data["stage"])]
        names = ("name", "heading", "button", "thanks", "language", "color", "consent", "always_adds")
        return FormDraft(
            type=stage.pipeline.type, stage=stage,
            source=known.sources[int(data["source"])] if data["source"] else None,
            questions=self.questions(), receivers=list(data["receivers"]),
            **{name: data[name] for name in names},
        )  # fmt: skip


def _initial(form: WebForm | None) -> dict[str, Any]:
    if form is None:
        return {
            "heading": _("Write to us"), "button": _("Send"), "thanks": _("Thank you! We will answer soon."),
        }  # fmt: skip
    initial: dict[str, Any] = {
        name: getattr(form, name)
        for name in ("name", "heading", "button", "thanks", "language", "color", "always_adds")
    }
    initial |= {"stage": str(form.stage_id or ""), "source": str(form.source_id or "")}
    return initial | {
        "consent": consent_of(form),
        "receivers": list(form.receivers.values_list("user", flat=True)),
    }


def _first_questions() -> list[Question]:
    return [
        Question("q1", Kind.NAME, str(KINDS[Kind.NAME])),
        Question("q2", Kind.PHONE, str(KINDS[Kind.PHONE]), is_required=True),
        Question("q3", Kind.TEXT, _("Your question")),
    ]


@require_http_methods(["GET", "POST"])
@only_administrators
def forms(request: PersonRequest) -> HttpResponse:
    """GET shows them, POST adds one."""
    form = WebFormForm(None, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = posted_once(request, WebForm, lambda: save_form(None, form.draft, by=request.user))
        except ValidationError as error:
            say(form, error)
        else:
            return redirect("crm:setup-form", made.pk)
    # Numbers of answers are of forms, which are few; each is counted along its index.
    standing = WebForm.objects.standing().annotate(count=Count("answers"), last_at=Max("answers__at"))
    context = {"forms": standing.select_related("type").order_by("pk"), "form": form}
    return setup_page(request, "forms", "crm/setup/web_forms.html", context, is_refused=form.is_bound)


@require_http_methods(["GET", "POST"])
@only_administrators
def form(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(WebForm.objects.standing(), pk=pk)
    shown = WebFormForm(one, request.POST if request.method == "POST" else None)
    if shown.is_valid():
        try:
            save_form(one, shown.draft, by=request.user)
        except ValidationError as error:
            say(shown, error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": one.name})
            return redirect("crm:setup-form", pk)
    address = request.build_absolute_uri(one.get_absolute_url())
    context = {"web_form": one, "form": shown, "address": address, "snippet": _snippet(address)}
    return setup_page(request, "forms", "crm/setup/web_form.html", context, is_refused=shown.is_bound)


def _snippet(address: str) -> str:
    return f'<script src="{address}embed.js" async></script>'


@require_POST
@only_administrators
def switch(request: PersonRequest, pk: int) -> HttpResponse:
    """`to` is on, off or away."""
    one, to = get_object_or_404(WebForm.objects.standing(), pk=pk), request.POST.get("to")
    if to == "away":
        retire_form(one, by=request.user)
        messages.success(request, _("The form “%(name)s” takes nothing any more.") % {"name": one.name})
    else:
        switch_form(one, to == "on", by=request.user)
    return redirect("crm:setup-forms")
