"""Changes to what people may see and do."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import TYPE_CHECKING

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.access.audiences import AudienceModel
from box.core.access.events import (
    AccessChanged,
    RoleCreated,
    RoleDeleted,
    RoleGranted,
    RoleRenamed,
    RoleRightsChanged,
    RoleSignInChanged,
    RoleWithdrawn,
)
from box.core.access.models import Grant, Role, RoleRights, Standing
from box.core.access.principals import memberships_of
from box.core.access.rights import rights
from box.core.access.roles import effective, may_come_from, read_anew, usual
from box.core.events.outbox import emit
from box.core.registry.settings import raise_version

if TYPE_CHECKING:
    from datetime import datetime

    from box.core.accounts.models import User


@transaction.atomic
def renew_codes(user_ids: Iterable[int]) -> None:
    """Called in the transaction that changes memberships: what was cached of these people is void with it."""
    ids = tuple(sorted(set(user_ids)))
    if not ids:
        return
    apps.get_model("accounts", "User").objects.filter(pk__in=ids).update(
        access_version=F("access_version") + 1
    )
    emit(AccessChanged(user_ids=ids))


@transaction.atomic
def withdraw_codes(codes: Iterable[str]) -> None:
    """Takes principals that are no more out of every audience; what was for them alone stays as it is.

    What is left addressed to named people only is private from then on, as if it had been so written.
    """
    gone = sorted(set(codes))
    with connection.cursor() as cursor:
        for model in apps.get_models():
            if issubclass(model, AudienceModel):
                cursor.execute(_WITHDRAW.format(table=model._meta.db_table), {"gone": gone})


@transaction.atomic
def note_standing(user_id: int, now: datetime) -> None:
    """Writes down what the person answers to from now on, where that is not what was written last."""
    user = (
        apps.get_model("accounts", "User").objects.select_for_update(no_key=True).filter(pk=user_id).first()
    )
    if user is None:
        return
    codes = sorted(memberships_of(user)) if user.is_active else []
    latest = Standing.objects.current().filter(user_id=user_id)
    if latest.filter(codes=codes, is_administrator=user.is_administrator).exists():
        return
    latest.end(now)
    Standing.objects.create(user_id=user_id, codes=codes, is_administrator=user.is_administrator, since=now)


@transaction.atomic
def create_role(name: str, chosen: Iterable[str], *, by: User | None) -> Role:
    """Raises ValidationError for a name that is empty or taken, and for a right that there is not."""
    role = Role(name=_checked_name(name))
    role.save()
    RoleRights.objects.create(role=role, rights=_checked_rights(chosen))
    raise_version()
    emit(RoleCreated(role_id=role.pk, name=role.name, by_id=_id(by)))
    _tell_of_rights(role, frozenset(), by)
    return role


@transaction.atomic
def rename_role(role: Role, name: str, *, by: User | None) -> None:
    _refuse_built_in(role)
    before, name = role.name, _checked_name(name, but=role)
    if name == before:
        return
    role.name = name
    role.save(update_fields=["name"])
    raise_version()
    emit(RoleRenamed(role_id=role.pk, name=name, name_before=before, by_id=_id(by)))


@transaction.atomic
def set_rights(role: Role, chosen: Iterable[str], *, by: User | None) -> None:
    """Of the employees' own role that which they usually hold and shall not is remembered as withdrawn."""
    if role.key == Role.Key.ADMINISTRATORS:
        raise ValidationError(_("Administrators hold every right."), code="built-in")
    held, wanted = _held(role), frozenset(_checked_rights(chosen))
    if held == wanted:
        return
    now, is_employees = timezone.now(), role.key == Role.Key.EMPLOYEES
    role.rights.current().end(now)
    RoleRights.objects.create(
        role=role,
        rights=sorted(wanted - usual() if is_employees else wanted),
        withdrawn=sorted(usual() - wanted) if is_employees else [],
        since=now,
    )
    raise_version()
    _tell_of_rights(role, held, by)


@transaction.atomic
def grant_role(role: Role, code: str, *, by: User | None) -> None:
    """From now on whoever answers to the code holds the role. Granting twice is granting once."""
    _refuse_built_in(role)
    _row, is_new = Grant.objects.get_or_create(role=role, code=code, until=None, defaults={"granted_by": by})
    if is_new:
        raise_version()
        emit(RoleGranted(role_id=role.pk, name=role.name, code=code, by_id=_id(by)))


@transaction.atomic
def withdraw_role(role: Role, code: str, *, by: User | None) -> None:
    _refuse_built_in(role)
    if role.grants.current().filter(code=code).end(timezone.now(), ended_by=by):
        raise_version()
        emit(RoleWithdrawn(role_id=role.pk, name=role.name, code=code, by_id=_id(by)))


@transaction.atomic
def set_grantees(role: Role, codes: Iterable[str], *, by: User | None) -> None:
    """Who holds the role from now on: these and nobody else."""
    wanted, held = set(codes), set(role.grants.current().values_list("code", flat=True))
    for code in sorted(held - wanted):
        withdraw_role(role, code, by=by)
    for code in sorted(wanted - held):
        grant_role(role, code, by=by)


@transaction.atomic
def delete_role(role: Role, *, by: User | None) -> None:
    """Nobody holds it any more; what it was stays for the report of former rights."""
    _refuse_built_in(role)
    set_grantees(role, (), by=by)
    role.deleted_at = timezone.now()
    role.save(update_fields=["deleted_at"])
    role.rights.current().end(role.deleted_at)
    raise_version()
    emit(RoleDeleted(role_id=role.pk, name=role.name, by_id=_id(by)))


def built_in_role(key: str) -> Role:
    """A built-in role, which has a row once it is changed."""
    return Role.objects.get_or_create(key=key)[0]


def employees_role() -> Role:
    return built_in_role(Role.Key.EMPLOYEES)


@transaction.atomic
def set_second_factor(role: Role, is_needed: bool, *, by: User | None) -> None:
    """Whether whoever holds the role signs in with more than a password."""
    if role.needs_second_factor == is_needed:
        return
    role.needs_second_factor = is_needed
    role.save(update_fields=["needs_second_factor"])
    raise_version()
    emit(RoleSignInChanged(role_id=role.pk, name=str(role), by_id=_id(by), needs_second_factor=is_needed))


@transaction.atomic
def set_networks(role: Role, networks: Iterable[str], *, by: User | None, from_address: str) -> None:
    """From where the role may be used; nothing: from anywhere. Raises ValidationError for what is no network,
    and for networks that would keep out whoever sets them."""
    wanted = []
    for text in networks:
        try:
            wanted.append(str(ip_network(text, strict=False)))
        except ValueError:
            raise ValidationError({"networks": _("“%(text)s” is no network.") % {"text": text}}) from None
    if wanted == role.networks:
        return
    role.networks = wanted
    role.save(update_fields=["networks"])
    raise_version()
    if by and not may_come_from(by, from_address, read_anew()):
        raise ValidationError(
            {
                "networks": _("You are at %(address)s yourself: add your own network, or you are locked out.")
                % {"address": from_address or "?"}
            }
        )
    emit(RoleSignInChanged(role_id=role.pk, name=str(role), by_id=_id(by), networks=tuple(wanted)))


def _held(role: Role) -> frozenset[str]:
    row = role.rights.current().select_for_update().first()
    return effective(role.key, row.rights if row else (), row.withdrawn if row else ())


def _tell_of_rights(role: Role, before: frozenset[str], by: User | None) -> None:
    after = _held(role)
    if after != before:
        added, removed = tuple(sorted(after - before)), tuple(sorted(before - after))
        emit(RoleRightsChanged(role_id=role.pk, name=str(role), by_id=_id(by), added=added, removed=removed))


def _checked_name(name: str, *, but: Role | None = None) -> str:
    name = name.strip()
    if not name or len(name) > 100:
        raise ValidationError({"name": _("Give the role a name of at most 100 characters.")})
    namesakes = Role.objects.filter(name=name, key="", deleted_at=None)
    if (namesakes.exclude(pk=but.pk) if but else namesakes).exists():
        raise ValidationError({"name": _("There is a role of this name already.")})
    return name


def _checked_rights(chosen: Iterable[str]) -> list[str]:
    wanted = sorted(set(chosen))
    if unknown := [key for key in wanted if key not in rights]:
        raise ValidationError(_("Unknown rights: %(keys)s.") % {"keys": ", ".join(unknown)}, code="rights")
    return wanted


_WITHDRAW = """
    UPDATE "{table}" AS addressed
       SET audience = left_over.codes, is_private = left_over.is_private
      FROM (SELECT one.id, array_agg(code ORDER BY code) AS codes,
                   bool_and(code ~ '^U[0-9]+$') AS is_private
              FROM "{table}" AS one, unnest(one.audience) AS code
             WHERE one.audience && %(gone)s::text[] AND code <> ALL (%(gone)s::text[])
             GROUP BY one.id) AS left_over
     WHERE addressed.id = left_over.id
"""


def _refuse_built_in(role: Role) -> None:
    if role.key:
        raise ValidationError(_("This role is part of the box."), code="built-in")


def _id(by: User | None) -> int | None:
    return by.pk if by else None
