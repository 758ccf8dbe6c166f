"""Finding people however they are spelt: in either script, with typos, in the wrong layout, by phone.

A name is kept for the search in one spelling: in Latin letters, without what the ways of writing Russian in
Latin disagree about. «Юлия», "Yulia", "Julia" and "Iuliia" all become `iulia`. The database makes it of each
row, in a generated column with a trigram index, and of each word that is looked for, by the same function.

Doubled letters stay: «Анна» would be in every "analyst". Whoever writes Filip with two p finds him all the
same, as somebody who is called nearly so.
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
MOST_TERMS = 12
"""Each is a condition of its own: nobody's name and position have more words."""
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


def _spelling() -> str:
    text = f"translate(lower($1), '{_LETTERS[0]}', '{_LETTERS[1]}')"
    for old, new in _REPLACED:
        text = f"replace({text}, '{old}', '{new}')"
    return text


def _function(name: str, body: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION {name}(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$ SELECT {body} $f$
"""


# Anna and Ana, Philipp and Filip: doubled letters are heard as one.
CREATE_FUNCTION = _function("people_skeleton", f"regexp_replace({_spelling()}, '([a-z])\\1+', '\\1', 'g')")
DROP_FUNCTION = "DROP FUNCTION people_skeleton(text)"
# Юлия and Yulia: there the second i is of the script, not of the name.
CREATE_SPELLING = _function("people_spelling", f"regexp_replace({_spelling()}, 'ii+', 'i', 'g')")
DROP_SPELLING = "DROP FUNCTION people_spelling(text)"


class Skeleton(Func):
    """A spelling that is the same also for letters that are doubled in one of two texts."""

    function = "people_skeleton"
    output_field = models.TextField()


class Spelling(Func):
    """The one spelling of a text that all its spellings share."""

    function = "people_spelling"
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
    return text.split(maxsplit=MOST_TERMS)[:MOST_TERMS]


def _subscriber(phone: str) -> str:
    """The digits without the country's, which is written +7, 8 or not at all."""
    digits = re.sub(r"\D", "", phone)
    return digits[1:] if len(digits) == 11 and digits[0] in "78" else digits


def patterns(word: str) -> list[Spelling]:
    """What a row's text is like that has this word, as it was typed or meant; none for mere signs."""
    begin = "% " if len(word) < SHORTEST_WITHIN else "%"
    return [Spelling(Value(f"{begin}{spelling}%")) for spelling in _spellings(word)]


# What ends the names, and then the patronymic, in what is kept of a person: signs that nobody types.
END_OF_NAMES, END_OF_PATRONYMIC = "\x1f", "\x1e"


def ranks(word: str) -> list[list[Spelling]]:
    """What a row's text is like whose name is this word, whose name begins so, whose patronymic does, and any
    other word of which: the nearest first. The rest has it within a word."""
    likes = (
        f"% {{}} %{END_OF_NAMES}%", f"% {{}}%{END_OF_NAMES}%", f"% {{}}%{END_OF_PATRONYMIC}%", "% {}%",
    )  # fmt: skip
    spellings = _spellings(word)
    return [[Spelling(Value(like.format(one))) for one in spellings] for like in likes] if spellings else []


def _spellings(word: str) -> list[str]:
    """For LIKE; what stands around it there is the same in every spelling."""
    return [
        re.sub(r"([\\%_])", r"\\\1", spelling)
        for spelling in dict.fromkeys((word, in_other_layout(word)))
        if any(letter.isalnum() for letter in spelling)
    ]
