"""Robots of a type: made with a form, switched on and off, and what they did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.crm.catalog import catalog
from box.apps.crm.conditions import OPERATORS, Type
from box.apps.crm.fields import DEMANDABLE
from box.apps.crm.models import Activity, Record, RecordType, Robot, RobotRun
from box.apps.crm.robots import actions
from box.apps.crm.robots.effects import FILLED, LONGEST_ADDRESS, MOST_OPEN
from box.apps.crm.robots.letters import CLIENT, COLLEAGUE, LONGEST
from box.apps.crm.robots.values import FIELDS
from box.apps.crm.robots.webhooks import token_of
from box.apps.crm.routing import WAYS
from box.apps.crm.setup.access import only_administrators, setup_page
from box.apps.crm.setup.forms import People
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.core.fields.kinds import number_of
from box.core.fields.values import finder
from box.lib.forms import set_choices, set_queryset

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

PERSON = "org.person"
CONDITIONS = 3
SHOWN_RUNS = 30
# A field that is filled in or a source is chosen by its own word.
_FILLED = {name: DEMANDABLE.get(name, gettext_lazy("about the source")) for name in FILLED}
_PLANNED = [
    (one.value, one.label)
    for one in (Activity.Kind.CALL, Activity.Kind.EMAIL, Activity.Kind.MEETING, Activity.Kind.TASK)
]

_RECEIVERS = [
    (CLIENT, pgettext_lazy("letter", "the client")),
    (COLLEAGUE, pgettext_lazy("letter", "a colleague")),
]


class RobotForm(forms.Form):
    """`text` means by the effect: what is planned, what a field is filled with, or what a letter is about."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    trigger = forms.ChoiceField(label=pgettext_lazy("robot", "When"), choices=Robot.Trigger.choices)
    stage = forms.ChoiceField(label=gettext_lazy("Stage"), required=False)
    date_field = forms.ChoiceField(
        label=gettext_lazy("Date"), choices=Robot.DateField.choices, required=False
    )
    days = forms.IntegerField(label=gettext_lazy("Days"), required=False, min_value=-365, max_value=365)
    delay_hours = forms.IntegerField(
        label=gettext_lazy("Then it waits, in hours"),
        required=False,
        min_value=0,
        max_value=actions.LONGEST_DELAY,
    )
    in_hours = forms.BooleanField(
        label=gettext_lazy("Only in the company's working hours: else it waits until they begin"),
        required=False,
    )
    # No input is called as a method of forms in a browser: it would stand in its place.
    holds = forms.ChoiceField(
        label=pgettext_lazy("robot", "If"),
        choices=[("all", gettext_lazy("all of this holds")), ("any", gettext_lazy("one of this holds"))],
    )
    effect = forms.ChoiceField(label=pgettext_lazy("robot", "It does"), choices=Robot.Effect.choices)
    kind = forms.ChoiceField(label=gettext_lazy("What is planned"), choices=_PLANNED, required=False)
    field = forms.ChoiceField(label=gettext_lazy("Field"), choices=list(_FILLED.items()), required=False)
    text = forms.CharField(label=gettext_lazy("Text or subject"), max_length=400, required=False)
    to = forms.ChoiceField(label=pgettext_lazy("letter", "To whom"), choices=_RECEIVERS, required=False)
    letter = forms.CharField(
        label=gettext_lazy("Letter"),
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 6, "data-grow": ""}),
        help_text=gettext_lazy(
            "{title}, {client}, {amount} and {responsible} give way to what the record holds."
        ),
    )
    in_days = forms.IntegerField(
        label=gettext_lazy("In how many days"), required=False, min_value=0, max_value=365
    )
    to_stage = forms.ChoiceField(label=gettext_lazy("Into the stage"), required=False)
    person = forms.CharField(
        label=gettext_lazy("Whom"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Left empty: whoever is responsible."),
    )
    people = forms.ModelMultipleChoiceField(
        User.objects.none(),
        label=gettext_lazy("Among whom"),
        required=False,
        widget=People(gettext_lazy("Among whom")),
    )
    way = forms.ChoiceField(
        label=gettext_lazy("How it is handed out"), choices=list(WAYS.items()), required=False
    )
    most_open = forms.IntegerField(
        label=gettext_lazy("Not to whoever has so many open"),
        required=False,
        min_value=1,
        max_value=MOST_OPEN,
        help_text=gettext_lazy("Left empty: however much they have."),
    )
    waits_for_work = forms.BooleanField(
        label=gettext_lazy("Only to who is at work: in their own or the company's hours, and not away"),
        required=False,
    )
    address = forms.URLField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=LONGEST_ADDRESS,
        assume_scheme="https",
        help_text=gettext_lazy("It is told the number of the record, and nothing else."),
    )

    def __init__(self, kind: RecordType, robot: Robot | None, data: Any = None) -> None:
        super().__init__(data, initial=_initial(robot))
        known = catalog()
        stages = [
            (str(stage.pk), f"{stage.pipeline}: {stage}" if len(known.pipelines_of(kind)) > 1 else str(stage))
            for stage in known.stages_of_type(kind)
        ]
        set_choices(self, "stage", [("", "–"), *stages])
        set_choices(self, "to_stage", [("", "–"), *stages])
        set_queryset(self, "people", User.objects.active().employees())
        for number in range(CONDITIONS):
            self.fields[f"field-{number}"] = forms.ChoiceField(
                label=gettext_lazy("Field"),
                required=False,
                choices=[("", "–"), *((name, one.label) for name, one in FIELDS.items())],
            )
            self.fields[f"is-{number}"] = forms.ChoiceField(
                label=gettext_lazy("How it is compared"),
                required=False,
                choices=[(name, one.label) for name, one in OPERATORS.items()],
            )
            self.fields[f"value-{number}"] = forms.CharField(
                label=gettext_lazy("Value"), required=False, max_length=400
            )

    @property
    def rows(self) -> list[list[forms.BoundField]]:
        """Of conditions."""
        return [
            [self[f"{name}-{number}"] for name in ("field", "is", "value")] for number in range(CONDITIONS)
        ]

    def draft(self, by: User) -> actions.RobotDraft:
        """Raises ValidationError."""
        data = self.cleaned_data
        stages = catalog().stages
        person = data["person"].strip()
        try:
            user_id = finder(by)(PERSON, person) if person else None
        except ValueError:
            raise ValidationError(
                {"person": _("There is no employee %(name)s.") % {"name": person}}
            ) from None
        settings = {
            "kind": data["kind"], "text": data["text"], "in_days": data["in_days"] or 0,
            "field": data["field"], "stage_id": int(data["to_stage"] or 0), "user_id": user_id,
            "people": [one.pk for one in data["people"]], "way": data["way"],
            "most_open": data["most_open"], "waits_for_work": data["waits_for_work"],
            "address": data["address"], "to": data["to"], "letter": data["letter"],
        }  # fmt: skip
        return actions.RobotDraft(
            name=data["name"], trigger=data["trigger"], effect=data["effect"], days=data["days"] or 0,
            stage=stages[int(data["stage"])] if data["stage"] else None, date_field=data["date_field"],
            delay_hours=data["delay_hours"] or 0, in_hours=data["in_hours"],
            condition={data["holds"]: self._tests()}, settings=settings,
        )  # fmt: skip

    def _tests(self) -> list[dict[str, Any]]:
        data, tests = self.cleaned_data, []
        for number in range(CONDITIONS):
            name = data[f"field-{number}"]
            if name:
                tests.append(_test(name, data[f"is-{number}"] or "equal", data[f"value-{number}"].strip()))
        return tests


def _test(name: str, how: str, value: str) -> dict[str, Any]:
    """As `box.apps.crm.conditions` reads it; several choices are parted by commas."""
    operator = OPERATORS[how]
    if not operator.takes_value:
        return {"field": name, "is": how}
    if operator.takes_many:
        return {"field": name, "is": how, "value": [one.strip() for one in value.split(",") if one.strip()]}
    if FIELDS[name].type == Type.NUMBER:
        try:
            value = f"{number_of(value):f}"
        except ValueError:
            raise ValidationError(_("“%(text)s” is no number.") % {"text": value}) from None
    return {"field": name, "is": how, "value": value}


def _initial(robot: Robot | None) -> dict[str, Any]:
    if robot is None:
        return {}
    known = robot.settings
    tests = robot.condition.get("any") or robot.condition.get("all") or []
    person = User.objects.filter(pk=known.get("user_id") or 0).first()
    initial: dict[str, Any] = {
        "name": robot.name, "trigger": robot.trigger, "stage": str(robot.stage_id or ""), "days": robot.days,
        "date_field": robot.date_field, "delay_hours": robot.delay_hours, "in_hours": robot.in_hours,
        "effect": robot.effect,
        "holds": "any" if robot.condition.get("any") else "all", "kind": known.get("kind"),
        "field": known.get("field"), "text": known.get("subject") or known.get("text", ""),
        "in_days": known.get("days"), "to_stage": str(known.get("stage_id", "")),
        "person": person.name if person else "", "people": known.get("people", ()),
        "way": known.get("way"), "most_open": known.get("most_open"),
        "waits_for_work": known.get("waits_for_work"), "address": known.get("address", ""),
        "to": known.get("to"), "letter": known.get("letter", ""),
    }  # fmt: skip
    for number, test in enumerate(tests[:CONDITIONS]):
        value = test.get("value", "")
        initial |= {
            f"field-{number}": test["field"], f"is-{number}": test["is"],
            f"value-{number}": ", ".join(value) if isinstance(value, list) else value,
        }  # fmt: skip
    return initial


@require_http_methods(["GET", "POST"])
@only_administrators
def robots(request: PersonRequest, slug: str) -> HttpResponse:
    """GET shows them, POST adds one."""
    kind = catalog().by_slug.get(slug)
    if kind is None or not kind.has_stages:
        raise Http404
    form = RobotForm(kind, None, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            posted_once(
                request,
                Robot,
                lambda: actions.save_robot(None, kind, form.draft(request.user), by=request.user),
            )
        except ValidationError as error:
            _say(form, error)
        else:
            return redirect("crm:setup-robots", slug)
    types = [one for one in catalog().standing_types if one.has_stages]
    standing = Robot.objects.standing().filter(type=kind).order_by("pk").select_related("stage")
    runs = RobotRun.objects.filter(robot__type=kind).newest_first().select_related("robot")[:SHOWN_RUNS]
    seen = Record.objects.visible_to(request.user).filter(pk__in=[run.record_id for run in runs])
    context = {
        "types": types, "kind": kind, "robots": standing, "form": form,
        "runs": runs,
        "seen": {one.pk: one for one in catalog().dress(list(seen))},
    }  # fmt: skip
    return setup_page(request, "robots", "crm/setup/robots.html", context, is_refused=form.is_bound)


@require_http_methods(["GET", "POST"])
@only_administrators
def robot(request: PersonRequest, pk: int) -> HttpResponse:
    one = _robot(pk)
    form = RobotForm(one.type, one, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            actions.save_robot(one, one.type, form.draft(request.user), by=request.user)
        except ValidationError as error:
            _say(form, error)
        else:
            return redirect("crm:setup-robots", one.type.slug)
    token = token_of(one) if one.effect == Robot.Effect.WEBHOOK else ""
    context = {"robot": one, "form": form, "token": token}
    return setup_page(request, "robots", "crm/setup/robot.html", context, is_refused=form.is_bound)


@require_POST
@only_administrators
def switch(request: PersonRequest, pk: int) -> HttpResponse:
    """`to` is on, off or away."""
    one, to = _robot(pk), request.POST.get("to")
    if to == "away":
        actions.remove_robot(one, by=request.user)
        messages.success(request, _("The robot “%(name)s” is gone.") % {"name": one.name})
    else:
        actions.switch_robot(one, to == "on", by=request.user)
    return redirect("crm:setup-robots", one.type.slug)


def _say(form: RobotForm, error: ValidationError) -> None:
    """Below the input that it is about, where the form has one."""
    known: Mapping[str, Any] = getattr(error, "error_dict", {})
    if known and set(known) <= set(form.fields):
        form.add_error(None, error)
    else:
        form.add_error(None, ValidationError(error.messages))


def _robot(pk: int) -> Robot:
    return get_object_or_404(Robot.objects.standing().select_related("type", "stage"), pk=pk)
