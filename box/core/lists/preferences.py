"""What a person keeps of a list: one query, or none where a page reads it with its rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.expressions import RawSQL

from box.core.lists.models import Preference, SavedView
from box.lib.prepared import Asked

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.lib.prepared import Param


@dataclass(frozen=True)
class View:
    """A saved view as its reader sees it."""

    pk: int
    name: str
    query: str
    is_shared: bool
    user_id: int


@dataclass(frozen=True)
class Preferences:
    columns: tuple[str, ...] = ()
    """Keys, in order; none: as the list has them."""
    opens_with: View | None = None
    views: tuple[View, ...] = ()

    @classmethod
    def read(cls, kept: dict[str, Any], user: User) -> Preferences:
        """Of what `kept_by` has found; to outside guests nothing was shared, see `SavedViewQuerySet.of`."""
        found = (View(*row) for row in kept["views"] or ())
        views = [view for view in found if view.user_id == user.pk or not user.is_extranet]
        # One's own in one's own order, and behind them what others have shared.
        views.sort(key=lambda view: view.user_id != user.pk)
        opened = next((view for view in views if view.pk == kept["opened"]), None)
        return cls(tuple(kept["columns"] or ()), opened, tuple(views))


def kept_by(user_id: int | Param, list_key: str) -> RawSQL:
    """All of it as JSON, to be read beside something else."""
    # In words of its own: hot pages would pay for composing it.
    views, preference = SavedView._meta.db_table, Preference._meta.db_table
    mine = f"FROM {preference} WHERE user_id = %s AND list_key = %s"
    view = "jsonb_build_array(id, name, query, is_shared, user_id) ORDER BY position, id"
    seen = f"FROM {views} WHERE list_key = %s AND (user_id = %s OR is_shared)"
    sql = (
        f"jsonb_build_object('columns', (SELECT columns {mine}),"
        f" 'opened', (SELECT view_id {mine}), 'views', (SELECT jsonb_agg({view}) {seen}))"
    )
    values = [user_id, list_key, user_id, list_key, list_key, user_id]
    return RawSQL(sql, values, output_field=models.JSONField())  # noqa: S611


def preferences_of(user: User, list_key: str) -> Preferences:
    kept = kept_by(user.pk, list_key)
    ((found,),) = Asked(f"SELECT {kept.sql}", tuple(kept.params), is_repeated=True).rows()
    return Preferences.read(json.loads(found), user)
