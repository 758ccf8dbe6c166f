"""The first posts of a new portal, in its language: what there is to do here."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from markupsafe import Markup, escape

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import Post, SystemEntry
from box.core.accounts.models import User
from box.core.registry.company import LANGUAGE

KEY = "welcome"


@transaction.atomic
def welcome(*, by: User) -> list[Post]:
    """Once a portal: who deletes them is not given them again. Nothing where people have written already."""
    _entry, is_new = SystemEntry.objects.get_or_create(key=KEY)
    if not is_new or Post.objects.exclude(kind=Post.Kind.SYSTEM).exists():
        return []
    with translation.override(LANGUAGE.value):
        # The feed shows the newest first, so that the greeting is written last.
        return [publish_post(Draft(html=html), by=by) for html in reversed(list(_texts()))]


def _texts() -> Iterator[str]:
    yield _post(
        _("Welcome to the portal"),
        _("This is where the company tells itself what is going on: news, questions, thanks, decisions."),
        _(
            "What you write here is seen by those whom you choose: everybody, a department, a group, or only "
            "a few people by name. Say hello below this post, that is a fine way to begin."
        ),
    )
    yield _post(
        _("How to write so that it is read"),
        _(
            "One thought in the first line, and the rest below it. Call a colleague with @ and their name: "
            "they hear of it. A word after # is a tag that the post is found by later."
        ),
        _(
            "Drop pictures and files onto the form; tables from Excel stay tables. Under the text there is "
            "a poll, for when you want to know instead of guess."
        ),
    )
    yield _post(
        _("Who is who"),
        _(
            "In %(company)s you find everybody by name, phone or department. Open %(profile)s and add a "
            "photo and your phone: others look for you there."
        ),
        _("Projects and interests have %(groups)s of their own: join one, or begin one."),
    )
    yield _post(
        _("Make it yours"),
        _(
            "You decide what the portal tells you of, and when it is quiet: in the %(notifications)s. The "
            "“?” above every page explains what stands on it."
        ),
        _("Is something missing or unclear? Write it below: whoever looks after the portal reads this."),
    )


def _post(title: str, *paragraphs: str) -> str:
    links = {
        "company": _link("people:people", _("Company")),
        "profile": _link("accounts:profile", _("your profile")),
        "groups": _link("groups:list", _("groups")),
        "notifications": _link("notify:preferences", _("settings of notifications")),
    }
    # Our own texts: nothing in them was written by anybody.
    said = (Markup("<p>{}</p>").format(Markup(str(escape(one))) % links) for one in paragraphs)  # noqa: S704
    return str(Markup("<h3>{}</h3>{}").format(title, Markup("").join(said)))


def _link(route: str, text: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(reverse(route), text)
