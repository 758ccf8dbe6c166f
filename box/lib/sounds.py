"""Names as they sound, whichever script they are written in: "Вебер", "Weber" and "Veber" are the same.

Cyrillic is written in Latin letters as passports do (ICAO Doc 9303, part 3, section 6); then letters that
languages use for the same sound become one, and doubled ones single. What comes out is compared, and shown to
nobody.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200

_LATIN = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i",
        "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
        "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y",
        "ь": "", "э": "e", "ю": "iu", "я": "ia", "і": "i", "ї": "i", "є": "ie", "ґ": "g", "ў": "u",
        "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe",
    }
)  # fmt: skip
# In this order: longer spellings before the letters that they are made of. What sounds as "ch" ends as q.
_SAME = (
    ("tsch", "ch"), ("shch", "sh"), ("sch", "sh"), ("kh", "h"), ("ph", "f"), ("ck", "k"), ("qu", "kv"),
    ("x", "ks"), ("w", "v"), ("q", "k"), ("j", "i"), ("y", "i"), ("z", "s"), ("ch", "q"), ("c", "k"),
)  # fmt: skip
_WORDS = re.compile(r"[a-z0-9]+")
_DOUBLED = re.compile(r"([a-z])\1+")


def latin(text: str) -> str:
    """In small Latin letters without marks; letters of other scripts stay what they are."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LATIN).replace("й", "i"))
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return unicodedata.normalize("NFC", bare).translate(_LATIN)


def sound_of(text: str) -> str:
    """The words of a text as they sound, in alphabetical order, with single spaces between them."""
    words = (_sound(word) for word in _WORDS.findall(latin(text[:LONGEST])))
    return " ".join(sorted(word for word in words if word))


def _sound(word: str) -> str:
    for written, same in _SAME:
        word = word.replace(written, same)
    return _DOUBLED.sub(r"\1", word)
