"""Texts of people for programs, as Bitrix24's REST API has them: BBCode, with this portal's own numbers."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings

from box.core.accounts.models import User
from box.lib.bbcode import reading, writing
from box.lib.numbers import whole_number
from box.lib.rich_text import from_text


def html_of(text: str) -> str:
    """Not clean yet. Without a tag it is plain text, where an empty line begins a paragraph."""
    if not reading.has_tags(text):
        return from_text(text)
    numbers = [number for one in reading.people_in(text) if (number := whole_number(one))]
    known = User.objects.filter(pk__in=numbers).values_list("pk", flat=True) if numbers else ()
    return reading.as_html(text, reading.Meanings({str(pk): pk for pk in known}))


def bbcode_of(html: str, files: Collection[int] = ()) -> str:
    """`files` hang on the text, and may stand in it as pictures."""
    people = {pk: str(pk) for pk in writing.people_in(html)}
    pictures = {pk: f"n{pk}" for pk in files}
    return writing.as_bbcode(html, writing.Meanings(people, pictures), base=settings.PORTAL_URL)
