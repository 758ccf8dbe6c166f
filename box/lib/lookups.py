"""Lookups that Django lacks, known wherever this module was imported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.fields.json import KeyTransform, KeyTransformTextLookupMixin

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


@models.CharField.register_lookup
@models.TextField.register_lookup
class LikeAnything(models.Lookup):
    """`%` stands for anything and no other character for anything else; capital and small letters are the
    same. In the words of `icontains`, so that the same indexes answer, and nothing is compiled for a row."""

    lookup_name = "like_anything"

    def get_prep_lookup(self) -> str:
        whole = re.sub("%+", "%", str(self.rhs))
        return re.sub(r"([\\_])", r"\\\1", whole)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"UPPER({left}::text) LIKE UPPER({right})", [*left_params, *right_params]


@models.CharField.register_lookup
@models.TextField.register_lookup
class AmongTexts(models.Lookup):
    """One of several texts, whatever their capital and small letters: `iexact` for many, which PostgreSQL
    looks up in a table of theirs."""

    lookup_name = "among_texts"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        texts = list(self.rhs)
        places = ", ".join(["UPPER(%s)"] * len(texts))
        return f"UPPER({left}::text) IN ({places})", [*left_params, *texts]


@KeyTransform.register_lookup
class KeyLikeAnything(KeyTransformTextLookupMixin, LikeAnything):
    """The same of a text within JSON: else its name would be one more key."""


@KeyTransform.register_lookup
class KeyAmongTexts(KeyTransformTextLookupMixin, AmongTexts):
    """The same of a text within JSON."""
