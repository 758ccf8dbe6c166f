"""Saved views of two accounts, when they become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.lists.erasing import kept as kept_for_themselves
from box.core.registry.merging import Merger, OneEach, Settled, mergers, run, settlings

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.merging import Pair


def declare() -> None:
    settlings.add("lists.SavedView.user", Settled(_name_apart))
    settlings.add("lists.Preference.user", OneEach("list_key"))
    mergers.add("lists", Merger(_("Lists"), moves=_moved, follow=_follow))


def _moved(gone: User, kept: User) -> list[str]:
    return kept_for_themselves(gone)


def _name_apart(pair: Pair) -> None:
    same = (
        "gone.user_id = %(gone)s AND kept.user_id = %(kept)s"
        " AND gone.list_key = kept.list_key AND gone.name = kept.name"
    )
    run(
        f"DELETE FROM lists_savedview AS gone USING lists_savedview AS kept WHERE {same}"  # noqa: S608
        " AND gone.query = kept.query",
        pair,
    )
    run(
        "UPDATE lists_savedview AS gone SET name = left(gone.name, 40) || ' ' || gone.id"  # noqa: S608
        f" FROM lists_savedview AS kept WHERE {same}",
        pair,
    )


def _follow(pair: Pair) -> None:
    """Filters of people name them as `U7`, whatever the filter is called."""
    run(
        "UPDATE lists_savedview SET query = regexp_replace(query, %(was)s, %(now)s, 'g')"
        " WHERE query ~ %(was)s",
        pair,
        was=rf"=U{pair.gone}(?=&|$)",
        now=f"=U{pair.kept}",
    )
