"""What is kept of lists for a person alone, when people are erased or merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from box.core.registry.belongings import Belongings, Belongs, Deleted, OneEach, Settled, run

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair


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


BELONGINGS = Belongings(
    _("Lists"),
    {
        # Also those that are shared: what somebody looked for says something of them.
        "lists.SavedView.user": Belongs(
            Deleted(),
            Settled(_name_apart),
            said=ngettext_lazy("%(num)s saved view", "%(num)s saved views", "num"),
        ),
        "lists.Preference.user": Belongs(Deleted(), OneEach("list_key")),
    },
    follow=_follow,
)
