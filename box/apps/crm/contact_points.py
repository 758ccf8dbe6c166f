"""Telephone numbers, e-mails and messengers in the form in which they are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from box.lib.addresses import parts_of
from box.lib.phones import normal as normal_number

KINDS = ("phone", "email", "im", "web")
USES = ("work", "mobile", "home", "fax", "other")
LONGEST = 254
# A row that is imported has each of its values brought into this form to find it, and again to write it.
_KNOWN = 4096


@dataclass(frozen=True)
class Reach:
    """A way to reach somebody, as it was given: `Reach("phone", "8 (916) 123-45-67", use="mobile")`."""

    kind: str
    value: str
    use: str = "work"


@dataclass(frozen=True)
class Point:
    kind: str
    value: str
    normal: str
    use: str


def cleaned(given: Reach, *, region: str) -> Point:
    """Raises ValidationError."""
    value = " ".join(given.value.split())
    if given.kind not in KINDS or given.use not in USES:
        raise ValidationError({"reached_by": _("There is no such way to reach somebody.")})
    if not value or len(value) > LONGEST:
        raise ValidationError({"reached_by": _("Give a number or an address of at most 254 characters.")})
    return Point(given.kind, value, normal(given.kind, value, region=region), given.use)


@lru_cache(_KNOWN)
def normal(kind: str, value: str, *, region: str) -> str:
    """Two that reach the same have the same. A number that no plan of numbers knows keeps its digits: short
    ones and those of a company's own exchange are numbers too. Raises ValidationError."""
    if kind == "phone":
        found = normal_number(value, region) or "".join(
            sign for sign in value if sign.isdigit() or sign in "*#"
        )
        if not found:
            raise ValidationError({"reached_by": _("“%(value)s” is no telephone number.") % {"value": value}})
        return found
    if kind == "email":
        try:
            validate_email(value)
        except ValidationError:
            raise ValidationError(
                {"reached_by": _("“%(value)s” is no e-mail address.") % {"value": value}}
            ) from None
        return value.lower()
    if kind == "web":
        return _page(value)
    return value.removeprefix("@").lower()


def _page(value: str) -> str:
    parts = parts_of(value if "://" in value else f"https://{value}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValidationError({"reached_by": _("“%(value)s” is no web address.") % {"value": value}})
    path = parts.path.rstrip("/")
    return f"{parts.hostname.removeprefix('www.')}{path}{f'?{parts.query}' if parts.query else ''}".lower()
