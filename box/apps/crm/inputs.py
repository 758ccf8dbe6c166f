"""The fields of a record as people fill them in: in the form of a new one, on its card, in a cell of a list,
and where a stage asks for them. One input each, and one way to read what it sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from markupsafe import Markup

from box.apps.crm.actions.checks import check_digits
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import KINDS, USES, Reach
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import ContactPoint, Currency, Link, Record
from box.core.accounts.models import User
from box.core.fields.kinds import with_point
from box.core.lists.presenters import macro
from box.lib.pages import ids_of, number_of, numbers_in

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import _StrOrPromise

    from box.apps.crm.models import RecordType

UI = "crm/inputs.html"
PERSON_KIND = "org.person"
MOST_NAMED = 100

type Read = Callable[[QueryDict, User], Mapping[str, Any]]


@dataclass(frozen=True)
class Input:
    """`html` shows what the record has there, of a new one what `given` says; `read` makes of what was posted
    the fields of `change_record`, and raises ValidationError by field."""

    name: str
    label: _StrOrPromise
    html: Callable[[Record, User], Markup]
    read: Read


def inputs_of(kind: RecordType) -> list[Input]:
    """Those that records of this type have, as they stand in a form."""
    names = ["last_name", "first_name", "patronymic", "position"] if kind.is_person else ["title"]
    if kind.has_amount:
        names += ["amount"]
    if kind.has_stages:
        names += ["begins_on", "expected_on"]
    if kind.has_contact_points:
        names += ["reached_by"]
    names += ["company"] if kind.is_person or kind.has_client else []
    names += ["contacts"] if kind.has_client else []
    names += ["tax_number", "address"] if kind.has_contact_points and not kind.is_person else []
    names += ["born_on", "address"] if kind.is_person else []
    return [INPUTS[name] for name in [*names, "source", "source_note", "comment", "responsible", "observers"]]


def inputs_for(kind: RecordType, by: User) -> list[Input]:
    """Those of a new record that this person may fill in: what names it among them, whatever their role."""
    fields = fields_for(by, kind.pk)
    named = {"title", "last_name", "first_name", "patronymic"}
    return [one for one in inputs_of(kind) if one.name in named or fields.changes(one.name)]


def read_all(given: QueryDict, names: Iterable[str], reader: User) -> dict[str, Any]:
    """What these inputs have sent. Raises ValidationError with what is wrong with each of them."""
    found: dict[str, Any] = {}
    problems: dict[str, list[str]] = {}
    for name in names:
        try:
            for key, value in INPUTS[name].read(given, reader).items():
                # A telephone and an e-mail that are asked for are both of one field.
                found[key] = [*found[key], *value] if key == "reached_by" and key in found else value
        except ValidationError as error:
            problems |= error.message_dict
    if problems:
        raise ValidationError(problems)
    return found


# Kinds of inputs


def _text(name: str, label: _StrOrPromise, most: int) -> Input:
    return Input(
        name,
        label,
        lambda record, user: macro(UI, "text")(name, label, getattr(record, name), most),
        lambda given, user: {name: given.get(name, "").strip()},
    )


def _day(name: str, label: _StrOrPromise) -> Input:
    def read(given: QueryDict, user: User) -> Mapping[str, Any]:
        text = given.get(name, "").strip()
        try:
            return {name: date.fromisoformat(text) if text else None}
        except ValueError:
            raise ValidationError({name: _("Write a date such as 2026-01-31.")}) from None

    return Input(name, label, lambda record, user: macro(UI, "day")(name, label, getattr(record, name)), read)


def _choice(
    name: str,
    label: _StrOrPromise,
    all_of: Callable[[], Mapping[int, Any]],
    standing: Callable[[], Sequence[Any]],
) -> Input:
    def html(record: Record, user: User) -> Markup:
        chosen = getattr(record, f"{name}_id")
        rows = [*standing()]
        if chosen and chosen not in {one.pk for one in rows}:
            rows.append(all_of()[chosen])
        return macro(UI, "choice")(name, label, [(str(one.pk), str(one)) for one in rows], str(chosen or ""))

    def read(given: QueryDict, user: User) -> Mapping[str, Any]:
        found = all_of().get(number_of(given, name) or 0)
        if given.get(name) and found is None:
            raise ValidationError({name: _("Choose again: there is no such choice any more.")})
        return {name: found}

    return Input(name, label, html, read)


def _long_text(name: str, label: _StrOrPromise) -> Input:
    return Input(
        name,
        label,
        lambda record, user: macro(UI, "long_text")(name, label, getattr(record, name)),
        lambda given, user: {name: given.get(name, "").strip()},
    )


def _amount_html(record: Record, user: User) -> Markup:
    codes = list(Currency.objects.order_by("-is_base", "code").values_list("code", flat=True))
    return macro(UI, "amount")(record.amount.normalize() if record.amount else "", record.currency, codes)


def _read_amount(given: QueryDict, user: User) -> Mapping[str, Any]:
    text = with_point(given.get("amount", ""))
    try:
        amount = Decimal(text or "0")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or len(text) > 20:
        raise ValidationError({"amount": _("Write a number such as 1200 or 12.50.")})
    currency = given.get("currency", "")
    check_digits(amount, currency)
    return {"amount": amount, **({"currency": currency} if currency else {})}


def _client(name: str, label: _StrOrPromise, slug: str, *, is_single: bool) -> Input:
    def html(record: Record, user: User) -> Markup:
        chosen = _linked(record, name, user)
        named = {str(one.pk): one.title for one in chosen}
        return macro(UI, "pick")(name, label, f"crm.{slug}", "", named, is_single)

    def read(given: QueryDict, user: User) -> Mapping[str, Any]:
        ids = ids_of(given, name)[:MOST_NAMED]
        found = Record.objects.visible_to(user).there().in_bulk(ids)
        if set(ids) - found.keys():
            raise ValidationError({name: _("The client is not there any more: choose another one.")})
        rows = [found[pk] for pk in dict.fromkeys(ids)]
        return {name: (rows[-1] if rows else None) if is_single else rows}

    return Input(name, label, html, read)


def _linked(record: Record, name: str, user: User) -> list[Record]:
    """As far as this person sees them."""
    if not record.pk:
        one = getattr(record, name, None) if name == "company" else getattr(record, "contact", None)
        return [one] if one else []
    seen = Record.objects.visible_to(user).there()
    if name == "company":
        return list(seen.filter(pk=record.company_id)) if record.company_id else []
    role = Link.Role.CONTACT
    return list(seen.filter(linked_from__record=record, linked_from__role=role).order_by("linked_from__rank"))


def _people(name: str, label: _StrOrPromise, *, is_single: bool) -> Input:
    def html(record: Record, user: User) -> Markup:
        people = [record.responsible] if is_single else _observers(record)
        named = {f"U{one.pk}": one.name for one in people}
        return macro(UI, "pick")(name, label, PERSON_KIND, "U", named, is_single)

    def read(given: QueryDict, user: User) -> Mapping[str, Any]:
        ids = numbers_in(one[1:] for one in given.getlist(name) if one.startswith("U"))[:MOST_NAMED]
        found = User.objects.visible_to(user).in_bulk(ids)
        people = [found[pk] for pk in dict.fromkeys(ids) if pk in found]
        if is_single and not people:
            raise ValidationError({name: _("Choose who is responsible.")})
        return {name: people[-1] if is_single else people}

    return Input(name, label, html, read)


def _observers(record: Record) -> list[User]:
    rows = record.observers.select_related("user").order_by("id") if record.pk else ()
    return [one.user for one in rows]


def _points_html(record: Record, user: User) -> Markup:
    points = [(point.kind, point.use, point.value) for point in _points(record)]
    kinds = [(value, str(label)) for value, label in ContactPoint.Kind.choices]
    uses = [(value, str(label)) for value, label in ContactPoint.Use.choices]
    return macro(UI, "points")(points, kinds, uses)


def _points(record: Record) -> Iterable[Any]:
    given: Sequence[ContactPoint] = getattr(record, "given_points", ())
    return record.contact_points.in_order() if record.pk else given


def _read_points(given: QueryDict, user: User) -> Mapping[str, Any]:
    rows = zip(
        given.getlist("point-kind"), given.getlist("point-use"), given.getlist("point-value"), strict=False
    )
    found = [Reach(kind, value, use) for kind, use, value in rows if value.strip()]
    if any(one.kind not in KINDS or one.use not in USES for one in found):
        raise ValidationError({"reached_by": _("There is no such way to reach somebody.")})
    return {"reached_by": found}


def _one_more(kind: str, label: _StrOrPromise) -> Input:
    """A number or an address that is asked for: it comes to those that there are."""
    return Input(
        kind,
        label,
        lambda record, user: macro(UI, "text")(kind, label, "", 254),
        lambda given, user: {"reached_by": [Reach(kind, given.get(kind, ""))] if given.get(kind) else []},
    )


INPUTS: Mapping[str, Input] = {
    one.name: one
    for one in (
        _text("title", gettext_lazy("Title"), 255),
        _text("last_name", gettext_lazy("Last name"), 100),
        _text("first_name", gettext_lazy("First name"), 100),
        _text("patronymic", gettext_lazy("Patronymic"), 100),
        _text("position", gettext_lazy("Position"), 150),
        Input("amount", gettext_lazy("Amount"), _amount_html, _read_amount),
        _day("begins_on", gettext_lazy("Begins on")),
        _day("expected_on", gettext_lazy("Expected to end on")),
        _day("born_on", gettext_lazy("Date of birth")),
        _text("tax_number", gettext_lazy("Tax number"), 30),
        _text("address", gettext_lazy("Address"), 400),
        _long_text("comment", gettext_lazy("Comment")),
        _choice(
            *("source", gettext_lazy("Source")),
            lambda: catalog().sources,
            lambda: catalog().standing_sources,
        ),
        _text("source_note", gettext_lazy("About the source"), 400),
        _choice(
            *("loss_reason", gettext_lazy("Why it was lost")),
            lambda: catalog().loss_reasons,
            lambda: catalog().standing_loss_reasons,
        ),
        _client("company", pgettext_lazy("client", "Company"), "company", is_single=True),
        _client("contacts", gettext_lazy("Contacts"), "contact", is_single=False),
        Input("reached_by", gettext_lazy("Telephones and addresses"), _points_html, _read_points),
        _one_more("phone", gettext_lazy("Telephone")),
        _one_more("email", gettext_lazy("E-mail")),
        _people("responsible", gettext_lazy("Responsible"), is_single=True),
        _people("observers", gettext_lazy("Observers"), is_single=False),
    )
}
