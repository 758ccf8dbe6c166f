"""Lookups that Django lacks, known wherever this module was imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler


@models.BigAutoField.register_lookup
@models.CharField.register_lookup
class InArray(models.Lookup):
    """`id = ANY(array)`: the array is a subquery of its own that runs once, before anything else, or a list,
    which is one value however long it is, where `IN` has one for each."""

    lookup_name = "in_array"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} = ANY({right})", [*left_params, *right_params]
