"""Finding people however they are spelt: in either script, with typos, in the wrong layout, by phone.

A name is kept for the search as its skeleton: in Latin letters, without what the ways of writing Russian in
Latin disagree about. «Юлия», "Yulia", "Julia" and "Iuliia" all become `iulia`. The database makes it of each
row, in a generated column with a trigram index, and of each word that is looked for, by the same function.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db import models
from django.db.models import F, Func, Value

SIMILAR_ENOUGH = 0.42
"""Of pg_trgm's word similarity: «Ивонов» and «Иванов» have 0.57, other names below 0.4."""

_RUSSIAN = "йцукенгшщзхъфывапролджэячсмитьбюё"
_ENGLISH = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_TO_RUSSIAN = str.maketrans(_ENGLISH, _RUSSIAN)
_TO_ENGLISH = str.maketrans(_RUSSIAN, _ENGLISH)

_PHONE = re.compile(r"[\d\s()+.-]+")
SHORTEST_PHONE = 3
SHORTEST_WITHIN = 3
"""One or two letters are the beginning of a word: anywhere they would find nearly everybody."""

# Russian, with the letters that Ukrainian and Belarusian add; q is free for the sound of ч.
_LETTERS = ("абвгдезийклмнопрстуфхыэіґўєqw", "abvgdeziiklmnoprstufhieiguekv")
# More than one letter on either side, and what Latin spellings disagree about, in this order.
_REPLACED = (
    ("ё", "e"), ("ж", "zh"), ("ц", "ts"), ("ч", "q"), ("щ", "sh"), ("ш", "sh"), ("ю", "iu"), ("я", "ia"),
    ("ї", "i"), ("ъ", ""), ("ь", ""), ("''", ""),
    ("shch", "sh"), ("sch", "sh"), ("ch", "q"), ("kh", "h"), ("ph", "f"), ("th", "t"), ("tz", "ts"),
    ("ck", "k"), ("c", "k"), ("x", "ks"), ("yo", "e"), ("ye", "e"), ("y", "i"), ("j", "i"),
)  # fmt: skip


def _function() -> str:
    text = f"translate(lower($1), '{_LETTERS[0]}', '{_LETTERS[1]}')"
    for old, new in _REPLACED:
        text = f"replace({text}, '{old}', '{new}')"
    # Anna and Ana, Philipp and Filip: doubled letters are heard as one.
    return f"regexp_replace({text}, '([a-z])\\1+', '\\1', 'g')"


CREATE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION people_skeleton(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$ SELECT {_function()} $f$
"""
DROP_FUNCTION = "DROP FUNCTION people_skeleton(text)"


class Skeleton(Func):
    """The one spelling of a text that all its spellings share."""

    function = "people_skeleton"
    output_field = models.TextField()


class Digits(Func):
    template = r"regexp_replace(%(expressions)s, '\D', '', 'g')"
    output_field = models.TextField()


def words(*fields: str) -> Iterator[F | Value]:
    """The fields, each after a space: a word's beginning is found by the space before it."""
    for field in fields:
        yield Value(" ")
        yield F(field)


def in_other_layout(word: str) -> str:
    """What the keys of this word give in the other keyboard layout: `ghbdtn` is «привет»."""
    table = _TO_ENGLISH if any(letter in _RUSSIAN for letter in word) else _TO_RUSSIAN
    return word.translate(table)


def terms(text: str) -> list[str]:
    """The words to look for; a phone is one, whatever parts its digits."""
    text = text.lower().replace("\x00", "").strip()
    if _PHONE.fullmatch(text) and len(digits := _subscriber(text)) >= SHORTEST_PHONE:
        return [digits]
    return text.split()


def _subscriber(phone: str) -> str:
    """The digits without the country's, which is written +7, 8 or not at all."""
    digits = re.sub(r"\D", "", phone)
    return digits[1:] if len(digits) == 11 and digits[0] in "78" else digits


def patterns(word: str, *, begins: bool = False) -> list[Skeleton]:
    """What a row's text is like that has this word, as it was typed or as it was meant; none for mere signs.

    With `begins` one of the row's words begins so.
    """
    begin = "% " if begins or len(word) < SHORTEST_WITHIN else "%"
    found = []
    for spelling in dict.fromkeys((word, in_other_layout(word))):
        if any(letter.isalnum() for letter in spelling):
            escaped = re.sub(r"([\\%_])", r"\\\1", spelling)
            # What stands around it is the same in every spelling.
            found.append(Skeleton(Value(f"{begin}{escaped}%")))
    return found
