"""Telephone numbers: as people write them, as they are compared (E.164), as they are shown."""

from __future__ import annotations

import re
from functools import lru_cache

# With brackets, an extension and a country's name, nobody writes more.
LONGEST = 60
_SHORT = re.compile(r"[0-9*#]{1,6}")
# A table that is imported has each of its numbers read several times.
_KNOWN = 4096


@lru_cache(_KNOWN)
def normal(text: str, region: str) -> str | None:
    """E.164 with its plus; None for what no telephone network knows: `normal("8 (916) 123-45-67", "RU")`.

    A number without a country's code is one of `region` (ISO 3166, two letters). An extension
    behind it is left out.
    """
    # It knows every network of the world: the push service, which asks for none, keeps its memory.
    import phonenumbers

    written = text.strip()
    if not written or len(written) > LONGEST or is_short(written):
        return None
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    # Without its area a number is dialled within one city only.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def shown(e164: str, region: str) -> str:
    """As people of `region` read it; what is not E.164 stays as it is."""
    import phonenumbers

    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    is_ours = phonenumbers.region_code_for_country_code(number.country_code or 0) == region
    forms = phonenumbers.PhoneNumberFormat
    form = forms.NATIONAL if is_ours else forms.INTERNATIONAL
    return phonenumbers.format_number(number, form)


def is_short(text: str) -> bool:
    """An extension, a service's or an emergency number: it means something within one exchange only."""
    return _SHORT.fullmatch(text.strip()) is not None
