"""Models of which pages read many rows.

class Post(HotModel):
    ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db.models import Model
from django.db.models.base import ModelState

if TYPE_CHECKING:
    from collections.abc import Collection


class HotModel(Model):
    """Its rows become instances straight from their columns: `Model.__init__` sets each by itself and looks
    for defaults, which was a quarter of a page of fifty people.

    So neither an `__init__` beneath this class nor `pre_init` and `post_init` see what is read, and a field
    that has to do with a value does it in `from_db_value`.
    """

    class Meta:
        abstract = True

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], *, fetch_mode: Any = None
    ) -> Self:
        new = cls.__new__(cls)
        new._state = state = ModelState()
        state.adding, state.db = False, db
        if fetch_mode is not None:
            state.fetch_mode = fetch_mode
        vars(new).update(zip(field_names, values, strict=True))
        return new
