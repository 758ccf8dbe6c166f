"""The Jinja2 environment of every page.

What a template calls is gathered here: addresses, icons, texts, and dates and numbers in the reader's
language and time zone. Anything undefined fails, so that a misspelt name never shows as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, MutableMapping
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import Any
from uuid import uuid4

from babel import Locale
from babel.dates import format_date as babel_date
from babel.dates import format_datetime as babel_moment
from babel.dates import format_skeleton
from babel.dates import format_time as babel_time
from babel.lists import format_list
from babel.numbers import format_decimal
from django.conf import settings
from django.contrib.messages import get_messages
from django.templatetags.static import static as address_of_static
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from jinja2 import Environment, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape

from box.core.registry.capabilities import assets, assets_on, console_pages_of
from box.core.registry.company import company_name, logo_number
from box.lib.durations import clock
from box.lib.plain_text import linked

# Outside America, where the box is at home, English has 14:05 and the day before the month.
REGIONS = {"en": "en-GB"}
SIZE_UNITS = ("B", "KB", "MB", "GB", "TB")


def environment(**options: Any) -> Environment:
    """Called by Django's Jinja2 backend."""
    env = PlainEnvironment(
        **{
            **options,
            "undefined": StrictUndefined,
            "extensions": ["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols", Unindented],
            "trim_blocks": True,
            "lstrip_blocks": True,
        }
    )
    env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext,
        translation.ngettext,
        newstyle=True,
        pgettext=translation.pgettext,
        npgettext=translation.npgettext,
    )
    env.globals.update(
        gettext=gettext,
        assets=assets,
        assets_on=assets_on,
        console_pages=console_pages_of,
        url=url,
        full_url=full_url,
        company_name=company_name,
        logo_address=logo_address,
        logo_number=logo_number,
        static=static,
        icon=icon,
        nonce=nonce,
        languages=settings.LANGUAGES,
        language=translation.get_language,
        version=settings.VERSION,
        moment=moment,
        memory=memory,
        messages=get_messages,
    )
    env.filters.update(
        birthday=format_birthday,
        weekday=format_weekday,
        month_and_year=format_month_and_year,
        date=format_date,
        month=format_month,
        time=format_time,
        number=format_number,
        size=format_size,
        listed=format_listed,
        linked=linked,
        local_input=local_input,
        clock=clock,
    )
    return env


class PlainEnvironment(Environment):
    """All templates share its globals: Jinja chains two mappings for each, which it walks in Python for every
    import and include of a page."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


class Unindented(Extension):
    """Templates are indented for who reads them, pages are not: a tenth of the feed was spaces. Lines stay:
    an error names its own."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return _INDENTED.sub("", source)


_INDENTED = re.compile(r"^[ \t]+", re.MULTILINE)


# A page of posts asks for some 130 addresses, most of them the same as the last time.
@lru_cache(maxsize=16_384)
def url(name: str, *args: Any, **kwargs: Any) -> str:
    """The address of a named page: `url("feed:post", post.pk)`."""
    return reverse(name, args=args, kwargs=kwargs)


def full_url(name: str, *args: Any, **kwargs: Any) -> str:
    """The same as it stands in a letter, which is read elsewhere."""
    return f"{settings.PORTAL_URL}{url(name, *args, **kwargs)}"


@cache
def static(name: str) -> str:
    """The address of a static file, which is the release's for good."""
    return address_of_static(name)


def gettext(text: str, /, **variables: Any) -> Markup:
    """What Jinja's own new style says, without composing anew what is the same each time: a page asks for the
    same few texts for each of its posts."""
    language = translation.get_language()
    return _pattern(text, language) % variables if variables else _said(text, language)


@cache
def _said(text: str, language: str | None) -> Markup:
    return _pattern(text, language) % {}


@cache
def _pattern(text: str, language: str | None) -> Markup:
    return Markup(translation.gettext(text))  # noqa: S704 - our own words


def logo_address(number: int) -> str:
    """Where the company's logo of this number is; of none, the portal's own."""
    return url("portal:logo", number) if number else static("img/logo.svg")


@cache
def icon(name: str, classes: str = "", label: str = "") -> Markup:
    """An icon of the sprite that the front-end build makes. Without a label it is decoration: say in text
    what it means."""
    kind = Markup('class="icon {}"').format(classes) if classes else Markup('class="icon"')
    role = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg {} {}><use href="{}#{}"/></svg>').format(kind, role, static("icons.svg"), name)


def nonce() -> str:
    """What makes a form post once, however often it is sent."""
    return str(uuid4())


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language.replace("-", "_"))


def _reader() -> Locale:
    language = translation.get_language() or settings.LANGUAGE_CODE
    return _locale(REGIONS.get(language, language))


def plural_rule(number: int) -> str:
    """The name of the reader's plural rule for this number, as browsers call it: `one`, `few`, `other`."""
    rule: str = _reader().plural_form(number)
    return rule


def format_date(value: date | datetime) -> str:
    """`12 March`, and with its year when that isn't this one."""
    day = timezone.localtime(value).date() if isinstance(value, datetime) else value
    if day.year == timezone.localdate().year:
        return format_skeleton("MMMMd", day, locale=_reader())
    return babel_date(day, "long", locale=_reader())


def format_birthday(value: date) -> str:
    """`12 March`: the year is nobody's business."""
    return format_skeleton("MMMMd", value, locale=_reader())


def format_weekday(value: date) -> str:
    """`Tue 24 Nov`"""
    return format_skeleton("MMMEd", value, locale=_reader())


def format_month(value: date) -> str:
    """`March`, standing alone."""
    return babel_date(value, "LLLL", locale=_reader()).capitalize()


def format_month_and_year(value: date) -> str:
    """`November 2026`"""
    return babel_date(value, "LLLL y", locale=_reader()).capitalize()


def format_pattern(value: datetime, pattern: str) -> str:
    """By a pattern of CLDR, such as `LLL`: for scales, where each piece of time has a few letters."""
    return babel_moment(value, pattern, tzinfo=value.tzinfo, locale=_reader())


def format_time(value: datetime | time) -> str:
    """`14:05`, in the reader's time zone; a time without one is what some clock said, and stays."""
    at = timezone.localtime(value).time() if isinstance(value, datetime) else value
    return babel_time(at, "short", locale=_reader())


def format_moment(value: datetime) -> str:
    """When something happened or will, as one says it: `today at 14:05`."""
    day, today = timezone.localtime(value).date(), timezone.localdate()
    at = {"time": format_time(value)}
    if day == today:
        return _("today at %(time)s") % at
    if day == today - timedelta(days=1):
        return _("yesterday at %(time)s") % at
    if day == today + timedelta(days=1):
        return _("tomorrow at %(time)s") % at
    return _("%(date)s at %(time)s") % {"date": format_date(value), **at}


def moment(value: datetime) -> Markup:
    """A moment that says itself in short, and in full to a pointer and to programs."""
    zone = timezone.get_current_timezone()
    return _moment(value.astimezone(zone), zone, translation.get_language(), timezone.localdate())


# What a moment says changes at midnight and with the reader; a page of posts says twenty of them. The zone is
# named beside the moment, for moments of two zones are equal when they are at the same time.
@lru_cache(maxsize=16_384)
def _moment(local: datetime, zone: tzinfo, language: str | None, today: date) -> Markup:
    full = f"{babel_date(local.date(), 'full', locale=_reader())}, {format_time(local)}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        local.isoformat(timespec="seconds"), full, format_moment(local)
    )


def local_input(value: datetime) -> str:
    """As browsers' fields for a moment have it, in the reader's time zone."""
    return timezone.localtime(value).strftime("%Y-%m-%dT%H:%M")


def memory(said: dict[Hashable, str] | None = None) -> Callable[..., str]:
    """`{% set remembered = memory() %}`, then `remembered(macro, *facts)`: what the macro says of these
    facts, from memory where it has said it before to a reader alike.

    For what many readers see again and again, such as a post of the feed. The macro may depend on nothing but
    its arguments, which are values, and on the reader's language, time zone and today. Something large that
    is itself remembered brings the place where what is said of it is kept, and forgotten with it: `said`.
    """
    reader = translation.get_language(), timezone.get_current_timezone(), timezone.localdate()
    return partial(_remembered, *reader) if said is None else partial(_kept, said, *reader)


# Some kilobytes each.
@lru_cache(maxsize=4096)
def _remembered(
    language: str | None, zone: tzinfo, today: date, macro: Callable[..., str], *facts: Hashable
) -> str:
    return macro(*facts)


def _kept(said: dict[Hashable, str], *reader_macro_and_facts: Any) -> str:
    if (text := said.get(reader_macro_and_facts)) is None:
        _language, _zone, _today, macro, *facts = reader_macro_and_facts
        text = said[reader_macro_and_facts] = macro(*facts)
    return text


def format_number(value: float | Decimal, *, is_exact: bool = False) -> str:
    """`1,234` for one reader and `1 234` for another; with all its digits where it is exact."""
    return format_decimal(value, locale=_reader(), decimal_quantization=not is_exact)


def format_size(size: int) -> str:
    """Bytes as people count them: `1.4 MB`."""
    value, step = float(size), 0
    while value >= 1000 and step < len(SIZE_UNITS) - 1:
        value, step = value / 1000, step + 1
    number = format_decimal(round(value, 1 if step and value < 100 else 0), locale=_reader())
    units = {"B": _("B"), "KB": _("KB"), "MB": _("MB"), "GB": _("GB"), "TB": _("TB")}
    return f"{number} {units[SIZE_UNITS[step]]}"


def format_listed(values: list[Any]) -> Markup:
    """`Sales, Anna and Boris`; what is already markup stays so."""
    return Markup(format_list([str(escape(value)) for value in values], locale=_reader()))  # noqa: S704 - each is escaped
