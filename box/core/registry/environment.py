"""The Jinja2 environment of every page.

What a template calls is gathered here: addresses, icons, texts, and dates and numbers in the reader's
language and time zone. Anything undefined fails, so that a misspelt name never shows as nothing.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Any
from uuid import uuid4

from babel import Locale
from babel.dates import format_date as babel_date
from babel.dates import format_skeleton
from babel.dates import format_time as babel_time
from babel.lists import format_list
from babel.numbers import format_decimal
from django.conf import settings
from django.contrib.messages import get_messages
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from box.lib.prose import linked

# Outside America, where the box is at home, English has 14:05 and the day before the month.
REGIONS = {"en": "en-GB"}
SIZE_UNITS = ("B", "KB", "MB", "GB", "TB")


def environment(**options: Any) -> Environment:
    """Called by Django's Jinja2 backend."""
    env = Environment(  # noqa: S701 - Django passes autoescape=True
        **{
            **options,
            "undefined": StrictUndefined,
            "extensions": ["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
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
        url=url,
        static=static,
        icon=icon,
        nonce=nonce,
        languages=settings.LANGUAGES,
        language=translation.get_language,
        version=settings.VERSION,
        moment=moment,
        messages=get_messages,
    )
    env.filters.update(
        birthday=format_birthday,
        date=format_date,
        time=format_time,
        number=format_number,
        size=format_size,
        listed=format_listed,
        linked=linked,
    )
    return env


# A page of posts asks for some 130 addresses, most of them the same as the last time.
@lru_cache(maxsize=16_384)
def url(name: str, *args: Any, **kwargs: Any) -> str:
    """The address of a named page: `url("feed:post", post.pk)`."""
    return reverse(name, args=args, kwargs=kwargs)


def gettext(text: str) -> str:
    """A page asks for the same few texts for each of its posts: a look-up is cheaper than all of Django."""
    return _translated(text, translation.get_language())


@cache
def _translated(text: str, language: str | None) -> str:
    return translation.gettext(text)


@cache
def icon(name: str, classes: str = "") -> Markup:
    """An icon of the sprite that the front-end build makes. It is decoration: say in text what it means."""
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        classes, static("icons.svg"), name
    )


def nonce() -> str:
    """What makes a form post once, however often it is sent."""
    return str(uuid4())


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language.replace("-", "_"))


def _reader() -> Locale:
    language = translation.get_language() or settings.LANGUAGE_CODE
    return _locale(REGIONS.get(language, language))


def format_date(value: date | datetime) -> str:
    """`12 March`, and with its year when that isn't this one."""
    day = timezone.localtime(value).date() if isinstance(value, datetime) else value
    if day.year == timezone.localdate().year:
        return format_skeleton("MMMMd", day, locale=_reader())
    return babel_date(day, "long", locale=_reader())


def format_birthday(value: date) -> str:
    """`12 March`: the year is nobody's business."""
    return format_skeleton("MMMMd", value, locale=_reader())


def format_time(value: datetime) -> str:
    """`14:05`"""
    return babel_time(timezone.localtime(value).time(), "short", locale=_reader())


def format_moment(value: datetime) -> str:
    """When something happened, as one says it: `today at 14:05`."""
    day, today = timezone.localtime(value).date(), timezone.localdate()
    at = {"time": format_time(value)}
    if day == today:
        return _("today at %(time)s") % at
    if day == today - timedelta(days=1):
        return _("yesterday at %(time)s") % at
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


def format_number(value: float) -> str:
    """`1,234` for one reader and `1 234` for another."""
    return format_decimal(value, locale=_reader())


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
