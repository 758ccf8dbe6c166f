"""Forms that ask for values: `FieldsForm` for those who fill them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from box.core.fields.kinds import LONGEST, LONGEST_TEXT, MOST_VALUES, kind_of, read_each
from box.core.fields.models import Field
from box.core.fields.values import cards_of, finder
from box.core.registry.capabilities import finders
from box.core.registry.environment import icon

if TYPE_CHECKING:
    from django.utils.datastructures import MultiValueDict
    from django.utils.safestring import SafeString

    from box.core.accounts.models import User
    from box.core.fields.kinds import Cards, Finder
    from box.core.fields.values import Values

Kind = Field.Kind

_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    Kind.TEXT: {"maxlength": str(LONGEST)},
    Kind.NUMBER: {"inputmode": "decimal", "autocomplete": "off"},
    Kind.MONEY: {"autocomplete": "off"},
    Kind.DATE: {"type": "date"},
    Kind.MOMENT: {"type": "datetime-local"},
    Kind.LINK: {"inputmode": "url", "placeholder": "https://"},
    Kind.PHONE: {"type": "tel", "autocomplete": "off"},
    Kind.EMAIL: {"inputmode": "email", "autocomplete": "off"},
}


class Suggested(forms.TextInput):
    """An input below which objects of a kind that is searched for are offered while one types."""

    def __init__(self, kind: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "off", **(attrs or {})})
        self.kind = kind

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        offered = f"{(attrs or {}).get('id', name)}-options"
        given = {
            **(attrs or {}),
            "list": offered,
            "data-options": reverse("fields:options", args=[self.kind]),
        }
        field = super().render(name, value, given, renderer)
        return format_html('{}<datalist id="{}"></datalist>', field, offered)


class Inputs(forms.Widget):
    """An input a value, and where there may be several an empty one more: the page's script adds the next as
    soon as that is filled in (`static/js/inputs.js`). What is searched for is offered below the input."""

    def __init__(self, attrs: Mapping[str, str], *, is_several: bool, options: str = "") -> None:
        super().__init__(dict(attrs))
        self.is_several, self.options = is_several, options

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return list(data.getlist(name)) if hasattr(data, "getlist") else _listed(data.get(name))

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        given = {**self.attrs, **(attrs or {})}
        values = _listed(value) + ([""] if self.is_several or not _listed(value) else [])
        if self.options:
            given |= {"list": f"{given['id']}-options", "autocomplete": "off", "data-options": self.options}
        inputs = format_html_join(
            "", "{}", ((self._input(name, one, given, n),) for n, one in enumerate(values))
        )
        if self.options:
            inputs = format_html('{}<datalist id="{}-options"></datalist>', inputs, given["id"])
        return format_html("<more-inputs>{}</more-inputs>", inputs) if self.is_several else inputs

    def _input(self, name: str, value: str, attrs: Mapping[str, Any], number: int) -> SafeString:
        own = {"type": "text", **attrs, "name": name, "value": value}
        if number:
            own["id"] = f"{attrs.get('id', name)}-{number}"
        said = ((key, one) for key, one in own.items() if one is not False and one is not None)
        return format_html("<input{}>", format_html_join("", ' {}="{}"', said))


class Files(forms.Widget):
    """Files that the object has, each of which can be left out, and an upload of more."""

    def __init__(self, known: Cards, *, is_several: bool) -> None:
        super().__init__()
        self.known = {str(ref.id): card for ref, card in known.items()}
        self.is_several = is_several

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return list(data.getlist(name)) if hasattr(data, "getlist") else _listed(data.get(name))

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        there = format_html_join(
            "",
            '<label class="form-check"><input class="form-check-input" type="checkbox" name="{}" value="{}"'
            ' checked> <span class="form-check-label">{}</span></label>',
            ((name, one, self._title(one)) for one in _listed(value)),
        )
        return format_html(
            '{}<upload-list data-url="{}" data-most="{}" data-name="{}">{}<ul class="uploads"></ul>'
            '<label class="btn btn-quiet file-choice">{}<span>{}</span>'
            '<input class="visually-hidden" type="file" id="{}"{}></label></upload-list>',
            *(there, reverse("files:uploads"), MOST_VALUES if self.is_several else 1, name, self._row()),
            *(icon("upload"), _("Choose a file"), (attrs or {}).get("id", name)),
            mark_safe(" multiple") if self.is_several else "",
        )

    @staticmethod
    def _row() -> SafeString:
        """As the page's script shows a file on its way: see `static/js/upload.js`."""
        return format_html(
            "<template><li>{}<span data-name></span><span data-size></span>"
            '<button type="button" class="btn btn-bare btn-icon" aria-label="{}">{}</button>'
            '<progress class="bar" max="1"></progress>'
            '<span data-problem role="alert"></span></li></template>',
            *(icon("file"), _("Remove the file"), icon("x")),
        )

    def _title(self, value: str) -> str:
        card = self.known.get(value.removeprefix("#"))
        return card.title if card else value


class ValueField(forms.Field):
    """Asks for the values of one field: cleaned, they are a tuple of them."""

    def __init__(self, field: Field, *, kept: Sequence[Any], known: Cards, find: Finder) -> None:
        self.field, self.kept, self.find = field, tuple(kept), find
        kind = kind_of(field)
        shown = [self._shown(value, known) for value in self.kept]
        self.titles: dict[str, str] = {}
        for title, value in zip(shown, self.kept, strict=True):
            text = kind.written(field, value)
            # Two of one name, and two that are hidden, have their numbers behind it: else one would be lost.
            is_clear = kind.is_plain or shown.count(title) == 1
            self.titles[title if is_clear else f"{title} {text}"] = text
        initial: Any = list(self.titles)
        if isinstance(widget := self._widget(known), forms.Select) and not field.is_several:
            initial = initial[0] if initial else ""
        super().__init__(
            label=field.name, required=field.is_required, widget=widget, initial=initial, help_text=field.help
        )

    def _shown(self, value: Any, known: Cards) -> str:
        """As the form has it: what browsers have inputs for in their way, what is pointed at by its name."""
        kind, field = kind_of(self.field), self.field
        if field.kind == Kind.MOMENT:
            return timezone.localtime(value).strftime("%Y-%m-%dT%H:%M")
        if kind.is_plain or field.kind == Kind.FILE:
            return kind.written(field, value)
        return kind.say(field, value, known)

    def _widget(self, known: Cards) -> forms.Widget:
        field = self.field
        match field.kind:
            case Kind.CHOICE:
                return self._choices()
            case Kind.YES_NO:
                return forms.Select(choices=[("", "–"), ("yes", _("yes")), ("no", _("no"))])
            case Kind.LONG:
                return forms.Textarea(attrs={"rows": 4, "maxlength": LONGEST_TEXT})
            case Kind.FILE:
                return Files(known, is_several=field.is_several)
        attrs = _ATTRIBUTES.get(field.kind, {})
        if field.kind == Kind.MONEY:
            attrs = {**attrs, "placeholder": f"1500.50 {field.currency}"}
        kind = kind_of(field)
        target = "" if kind.is_plain else kind.ref(field, 0).kind  # type: ignore[union-attr]
        options = reverse("fields:options", args=[target]) if target in finders else ""
        return Inputs(attrs, is_several=field.is_several, options=options)

    def _choices(self) -> forms.Widget:
        """What was retired stays chosen until something else is."""
        names = [one.name for one in self.field.options if not one.is_retired or one.pk in self.kept]
        choices = [(name, name) for name in names]
        if self.field.is_several:
            return forms.CheckboxSelectMultiple(choices=choices)
        return forms.Select(choices=[("", "–"), *choices])

    def clean(self, value: Any) -> tuple[Any, ...]:
        # What stands there as it was shown is what it was, whatever else is called that by now.
        texts = [self.titles.get(text.strip(), text) for text in _listed(value)]
        values = read_each(self.field, texts, self._found, kept=self.kept)
        if self.required and not values:
            raise ValidationError(self.error_messages["required"], code="required")
        return values

    def _found(self, kind: str, text: str) -> int:
        return self.find(kind, text)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(_listed(initial) != [one for one in _listed(data) if one])


class FieldsForm(forms.Form):
    """Asks for the values of these fields. `locked` says by the key of a field who decides it elsewhere."""

    def __init__(
        self,
        fields: Sequence[Field],
        data: MultiValueDict[str, Any] | Mapping[str, Any] | None = None,
        *,
        values: Values | None = None,
        by: User,
        locked: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data)
        values, locked = values or {}, locked or {}
        known, find = cards_of([values], by), finder(by)
        for one in fields:
            asked = ValueField(one, kept=values.get(one, ()), known=known, find=find)
            self.fields[one.key] = asked
            if source := locked.get(one.key):
                asked.disabled, asked.required = True, False
                asked.help_text = _("Kept in %(source)s: it is changed there.") % {"source": source}

    @property
    def values(self) -> Values:
        """Of a form that is valid; without the fields that are decided elsewhere."""
        return {
            asked.field: self.cleaned_data[key]
            for key, asked in self.fields.items()
            if isinstance(asked, ValueField) and not asked.disabled
        }


def _listed(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
