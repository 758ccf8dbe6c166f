"""What is done to a value on its way from the directory: text in, text out, empty for what means nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from PIL import Image

from box.core.files.decoder import FORMATS

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# Windows counts from here, in steps of 100 ns.
FILETIME_BEGIN = -11_644_473_600
NEVER = {0, 2**63 - 1}

ACCOUNT_DISABLED = 0x2
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_GENERALIZED = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})?(\d{2})?(\d{2})?")
_DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%d/%m/%Y")


def plain(text: str, region: str = "") -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


def lower(text: str, region: str = "") -> str:
    return plain(text).lower()


def phone(text: str, region: str = "") -> str:
    """E.164 of a number that can be one; what can't stays as it was written."""
    # Not for whoever signs in by a directory: it costs each process memory.
    import phonenumbers

    text = plain(text)
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_valid_number(number):
        return text
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{e164} ext. {number.extension}" if number.extension else e164


def day(text: str, region: str = "") -> str:
    """A date in ISO's form; empty for what is none."""
    text = text.strip()
    for form in _DAYS:
        try:
            return datetime.strptime(text[:10], form).date().isoformat()  # noqa: DTZ007 - a day, no moment
        except ValueError:
            continue
    moment = generalized_time(text)
    return moment.date().isoformat() if moment else ""


def first_word(text: str, region: str = "") -> str:
    return plain(text).partition(" ")[0]


def last_words(text: str, region: str = "") -> str:
    return plain(text).partition(" ")[2]


def before_at(text: str, region: str = "") -> str:
    return lower(text).partition("@")[0]


def all_values(texts: Iterable[str], *, separator: str) -> str:
    """All of them in one text, always in one order: a directory keeps its values in none (X.501, 8.2)."""
    mark = separator.strip()
    tidied = {plain(text).replace(mark, " ").strip() if mark == ";" else plain(text) for text in texts}
    return separator.join(sorted(filter(None, tidied)))


ALL_VALUES = "all"
TRANSFORMS: Mapping[str, tuple[_StrOrPromise, Callable[[str, str], str]]] = {
    "": (_("as it is"), plain),
    # Of the others the first value counts.
    ALL_VALUES: (_("all values"), plain),
    "lower": (_("in small letters"), lower),
    "phone": (_("as an international phone number"), phone),
    "day": (_("as a date"), day),
    "first_word": (_("the first word"), first_word),
    "last_words": (_("all after the first word"), last_words),
    "before_at": (_("what stands before @"), before_at),
}


def integer(text: str) -> int | None:
    """Of a whole number as directories write them, of 19 digits at most; None for anything else."""
    return int(text) if _INTEGER.fullmatch(text) else None


def filetime(text: str) -> datetime | None:
    """When a Windows account ends; None for never."""
    steps = integer(text)
    return None if steps is None or steps in NEVER else _moment(steps / 10_000_000 + FILETIME_BEGIN)


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def generalized_time(text: str) -> datetime | None:
    match = _GENERALIZED.match(text)
    if match is None:
        return None
    try:
        year, month, of_month, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime(year, month, of_month, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def moment_of(attribute: str, text: str) -> datetime | None:
    """When the account ends, as this attribute says it."""
    if attribute.lower() == "accountexpires":
        return filetime(text)
    if attribute.lower() == "shadowexpire":
        days = integer(text)
        # -1 is how they write that it never ends.
        return None if days is None or days < 0 else _moment(days * 86400)
    return generalized_time(text)


def is_picture(raw: bytes) -> bool:
    """Whether its file is whole, and of a format that the portal shows: nothing of it is drawn."""
    try:
        with Image.open(BytesIO(raw), formats=FORMATS) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True


def is_disabled(attribute: str, text: str) -> bool:
    """Whether the account is switched off, as this attribute says it. A lock for a while is none of it."""
    match attribute.lower():
        case "useraccountcontrol":
            return bool((integer(text) or 0) & ACCOUNT_DISABLED)
        case "pwdaccountlockedtime":
            # Locked by an administrator, for good; other times are a lockout after wrong passwords.
            return text == "000001010000Z"
        case "nsaccountlock" | "logindisabled":
            return text.lower() == "true"
    return text.strip().lower() in {"true", "1", "yes", "disabled", "inactive"}
