"""The one rule of visibility: a person sees what has an audience that overlaps their codes.

It comes in two forms, chosen by cost (figures of architecture.md, 300,000 posts). Who holds `UA` sees most
of what there is: walking the key backwards and filtering finds a page at once (0.1 ms). Who doesn't sees
little: the GIN index finds it all, and then it is sorted (3 ms, where walking takes 60 to 80).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.expressions import RawSQL

from box.core.access.principals import EVERYONE, code_of, codes_of
from box.core.access.privileged_reads import note_reading
from box.lib import lookups  # noqa: F401 - brings `in_array`
from box.lib.hot_models import HotModel
from box.lib.prepared import Param

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

    from box.core.accounts.models import User


@ArrayField.register_lookup
class OverlapWalking(models.Lookup):
    """`audience && codes` in words that the GIN index doesn't answer, so that the planner walks the key."""

    lookup_name = "overlap_walking"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"({left} && {right}::text[]) IS TRUE", [*left_params, *right_params]


class AudienceQuerySet[M: models.Model](models.QuerySet[M]):
    _administrator: User | None = None

    def visible_to(self, user: User) -> Self:
        """What this person may see. Administrators see all but the private correspondence of others."""
        if not user.is_active:
            return self.none()
        if user.is_administrator:
            found = self.filter(
                models.Q(is_private=False) | models.Q(audience__overlap_walking=[code_of(user)]),
            )
            found._administrator = user
            return found
        codes = codes_of(user)
        return self.reachable_by_many(codes) if EVERYONE in codes else self.reachable_by_few(codes)

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._administrator = self._administrator
        return clone

    def _fetch_all(self) -> None:
        is_first = self._result_cache is None
        super()._fetch_all()
        if is_first and self._administrator is not None:
            # Whatever page, search or export it was for: this is where rows come from.
            note_reading(self._administrator, self._result_cache or ())

    def reachable_by_many(self, codes: Iterable[str] | Param) -> Self:
        """The rule's walking form, for codes that reach most rows."""
        return self.filter(audience__overlap_walking=_listed(codes))

    def reachable_by_few(self, codes: Iterable[str] | Param) -> Self:
        """The rule's gathering form, for codes that reach few rows: the index answers first, as an array."""
        table = self.model._meta.db_table
        found = RawSQL(  # noqa: S611 - only the table's name is put into it
            f'ARRAY(SELECT id FROM "{table}" WHERE audience && %s::text[])',  # noqa: S608 - the model's own
            [_listed(codes)],
            output_field=ArrayField(models.BigIntegerField()),
        )
        return self.alias(_reachable=found).filter(pk__in_array=models.F("_reachable"))


def _listed(codes: Iterable[str] | Param) -> list[str] | Param:
    return codes if isinstance(codes, Param) else sorted(codes)


def is_ruled_by_codes(user: User) -> bool:
    """Whether a person's codes alone decide what they see. For these queries may be prepared: administrators
    see more, and it is written down."""
    return user.is_active and not user.is_administrator


class AudienceModel(HotModel):
    """A row with restricted visibility."""

    audience = ArrayField(models.TextField())
    # Addressed to named people only; administrators don't see it either.
    is_private = models.BooleanField(default=False)

    class Meta:
        abstract = True
        # Without a pending list, which every read would have to walk until the next vacuum.
        indexes = [GinIndex(fields=["audience"], name="%(class)s_audience", fastupdate=False)]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(audience=[]),
                name="%(class)s_has_audience",
                violation_error_message="audience",
            )
        ]
