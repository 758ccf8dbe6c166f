"""What the company is called and where it is at home, wherever the portal needs to know."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime
from functools import cache

from django import forms
from django.conf import settings as django_settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.core.registry.settings import Section, Setting, sections, settings


@cache
def time_zones() -> list[tuple[str, str]]:
    """Those named after a place, which is how people know theirs."""
    names = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/")
    )
    return [(name, name.replace("_", " ")) for name in names]


NAME = Setting(
    "company.name", default="", section="company", label=_("Company name"),
    help=_("Stands above every page and in every letter."),
    field=lambda: forms.CharField(max_length=60, required=False),
)  # fmt: skip
LANGUAGE = Setting(
    "company.language", default=django_settings.LANGUAGE_CODE, section="company",
    label=_("Language of the portal"), help=_("For whoever has not chosen their own."),
    field=lambda: forms.ChoiceField(choices=django_settings.LANGUAGES),
)  # fmt: skip
TIME_ZONE = Setting(
    "company.time_zone", default=django_settings.TIME_ZONE, section="company",
    label=_("Time zone of the portal"), help=_("For whoever has not chosen their own."),
    field=lambda: forms.ChoiceField(choices=time_zones),
)  # fmt: skip
PHONE_REGION = Setting(
    "company.phone_region", default="RU", section="company", label=_("Country of phone numbers"),
    help=_("Two letters: numbers without a country are dialled there."),
    field=lambda: forms.RegexField(r"[A-Z]{2}", max_length=2, strip=True),
)  # fmt: skip
# The id of a file; its page has a form of its own for it.
LOGO = Setting("company.logo", default=0, section="", label=_("Logo"))

sections.add("company", Section(_("Company"), order=10))
sections.add("services", Section(_("Services"), order=30))
for _setting in (NAME, LANGUAGE, TIME_ZONE, PHONE_REGION, LOGO):
    settings.add(_setting.key, _setting)


PORTAL = "Korobka"


def company_name() -> str:
    """The portal's own name until the company has given its."""
    return NAME.known or PORTAL


def logo_number() -> int:
    """Changes with the logo, so that browsers may keep it; 0 where the company has given none."""
    return LOGO.known


def company_zone() -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(TIME_ZONE.value)


def company_day(moment: datetime | None = None) -> date:
    """Today, where the company is at home."""
    return (moment or timezone.now()).astimezone(company_zone()).date()
