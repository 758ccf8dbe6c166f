"""What is addressed and granted to an account, when it becomes another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import TextField
from django.utils.translation import gettext_lazy as _

from box.core.access.models import Grant
from box.core.access.principals import code_of
from box.core.registry.belongings import DECIDED, Belongings, Belongs, Stays, run
from box.core.registry.settings import raise_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair


def with_audience() -> Iterator[type[Model]]:
    """Every model with an audience, whether or not it is an `AudienceModel`."""
    for model in apps.get_models():
        if any(field.name == "audience" and holds_texts(field) for field in model._meta.concrete_fields):
            yield model


def holds_texts(field: Any) -> bool:
    return isinstance(field, ArrayField) and isinstance(field.base_field, TextField)


def move_audiences(pair: Pair) -> None:
    """What was addressed to the account that goes is addressed to the one that remains: a statement a table,
    whose rows the index over audiences finds."""
    for model in with_audience():
        table = connection.ops.quote_name(model._meta.db_table)
        run(
            f"UPDATE {table} SET audience = ARRAY(SELECT DISTINCT code"  # noqa: S608 - our own tables
            "   FROM unnest(array_replace(audience, %(gone_code)s, %(kept_code)s)) AS code ORDER BY code)"
            " WHERE audience && ARRAY[%(gone_code)s]::text[]",
            pair,
        )


def _follow(pair: Pair) -> None:
    move_audiences(pair)
    run(
        "INSERT INTO access_grant (role_id, code, since, granted_by_id)"
        " SELECT role_id, %(kept_code)s, now(), granted_by_id FROM access_grant AS gone"
        "  WHERE code = %(gone_code)s AND until IS NULL AND NOT EXISTS"
        "   (SELECT 1 FROM access_grant AS kept"
        "     WHERE kept.role_id = gone.role_id AND kept.code = %(kept_code)s AND kept.until IS NULL)",
        pair,
    )
    if Grant.objects.current().filter(code=pair.named["gone_code"]).exists():
        run("UPDATE access_grant SET until = now() WHERE code = %(gone_code)s AND until IS NULL", pair)
        raise_version()


def _roles(gone: User, kept: User) -> list[str]:
    held = Grant.objects.current().filter(code=code_of(gone)).select_related("role").order_by("role__name")
    return [str(grant.role) for grant in held]


BELONGINGS = Belongings(
    _("Roles"),
    {
        "access.Grant.granted_by": Belongs(Stays(DECIDED)),
        "access.Grant.ended_by": Belongs(Stays(DECIDED)),
        "access.Standing.user": Belongs(
            Stays("the numbers of what they answered to, for the report of former rights"),
            Stays("what each of the two answered to at some moment: the report of rights reads both"),
        ),
    },
    moves=_roles,
    follow=_follow,
)
