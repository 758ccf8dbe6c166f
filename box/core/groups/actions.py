"""Every write to workgroups. Whoever changes who is in a group holds the group's row."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.access.actions import renew_codes
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.actions import NewUser, end_sessions, invite
from box.core.accounts.models import User
from box.core.accounts.notices import call_people
from box.core.events.outbox import emit, emit_all
from box.core.groups.access import is_kept
from box.core.groups.events import (
    GroupChanged,
    GroupCreated,
    GroupDeleted,
    MemberJoined,
    MemberLeft,
    MembershipAsked,
    PersonInvited,
    RoleChanged,
)
from box.core.groups.models import KIND, Admission, Group, Member
from box.core.groups.notices import ACCEPTED, ASKED, HANDED_OVER, INVITED
from box.core.registry.capabilities import Ref
from box.core.registry.notices import Notice
from box.core.registry.origin import moment

Kind = Group.Kind
Role = Member.Role
Way = Admission.Way


class GroupRefused(ValidationError):
    """What the group is now doesn't allow it; the message says what does."""


@dataclass(frozen=True)
class NewGroup:
    name: str
    description: str = ""
    kind: str = Kind.OPEN


@transaction.atomic
def create_group(new: NewGroup, *, by: User) -> Group:
    """Raises ValidationError for a name that is empty or too long."""
    group = Group(name=new.name.strip(), description=new.description.strip(), kind=new.kind)
    group.created_at = moment()
    group.clean_fields(exclude=["audience"])
    # The code needs the id; nobody sees the row before this transaction ends.
    group.audience = [code_of(by)]
    group.save()
    Member.objects.create(group=group, user=by, role=Role.OWNER)
    _recompute(group)
    renew_codes([by.pk])
    emit(GroupCreated(group_id=group.pk, by_id=by.pk))
    emit(MemberJoined(group_id=group.pk, user_id=by.pk, by_id=by.pk))
    return group


@transaction.atomic
def change_group(group: Group, changed: NewGroup, *, by: User) -> None:
    """Raises GroupRefused where outside guests would be left in a group that takes none."""
    group = _locked(group)
    _refuse_if_archived(group)
    if changed.kind != Kind.EXTRANET and group.members.filter(user__is_extranet=True).exists():
        raise GroupRefused(
            {"kind": _("Outside guests are in this group: take them out first, or leave the group as it is.")}
        )
    before = {name: getattr(group, name) for name in ("name", "description", "kind")}
    group.name, group.description, group.kind = (
        changed.name.strip(),
        changed.description.strip(),
        changed.kind,
    )
    group.clean_fields(exclude=["audience"])
    group.save(update_fields=["name", "description", "kind"])
    _recompute(group)
    changes = tuple((name, was, getattr(group, name)) for name, was in before.items())
    changes = tuple((name, was, now) for name, was, now in changes if was != now)
    emit(GroupChanged(group_id=group.pk, by_id=by.pk, changes=changes))


@transaction.atomic
def join_group(group: Group, *, by: User) -> bool:
    """Makes the person a member where they may come at once, and asks the moderators elsewhere.

    Returns whether they are a member now. Doing it again changes nothing.
    """
    group = _locked(group)
    if group.members.filter(user=by).exists():
        return True
    _refuse_if_archived(group)
    _refuse_if_followed(group, [by])
    _refuse_guests(group, [by])
    admission = group.admissions.filter(user=by).first()
    if group.kind == Kind.OPEN or (admission and admission.way == Way.INVITED):
        _admit(group, [by], by=by)
        return True
    if admission is None:
        asked = Admission.objects.create(group=group, user=by, way=Way.ASKED)
        leaders = group.members.leading().values_list("user", flat=True)
        emit(MembershipAsked(group_id=group.pk, user_id=by.pk))
        _call(group, leaders, ASKED, key=f"asked:{asked.pk}", by=by)
    return False


@transaction.atomic
def leave_group(group: Group, *, by: User) -> None:
    """Ends the person's membership, or takes back their request, or declines their invitation.

    Raises GroupRefused for the owner, without whom the group would be nobody's, and for a member whom an
    outside source has put there.
    """
    group = _locked(group)
    member = group.members.filter(user=by).select_related("user").first()
    if member is not None and member.role == Role.OWNER:
        raise GroupRefused(_("This group is yours: hand it over to somebody first."), code="owner")
    _refuse_if_kept(group, member)
    _remove(group, by, by=by)


@transaction.atomic
def invite_people(group: Group, people: Iterable[User], *, by: User) -> None:
    """Invites those who are not members yet; who has asked to join is thereby accepted."""
    group = _locked(group)
    _refuse_if_archived(group)
    there = set(group.members.values_list("user", flat=True))
    wanted = {person.pk: person for person in people if person.pk not in there and person.is_active}
    _refuse_if_followed(group, wanted.values())
    _refuse_guests(group, wanted.values())
    known = dict(group.admissions.values_list("user", "way"))
    if asking := [person for pk, person in wanted.items() if known.get(pk) == Way.ASKED]:
        _admit(group, asking, by=by)
    invited = Admission.objects.bulk_create(
        Admission(group=group, user=person, way=Way.INVITED, by=by)
        for pk, person in wanted.items()
        if pk not in known
    )
    _recompute(group)
    for one in invited:
        emit(PersonInvited(group_id=group.pk, user_id=one.user_id, by_id=by.pk))
        _call(group, [one.user_id], INVITED, key=f"invited:{one.pk}", by=by)


@transaction.atomic
def add_people(group: Group, people: Iterable[User], *, by: User) -> list[int]:
    """Makes them members without asking them, and returns the ids of those who were not. They hear that they
    were accepted."""
    group = _locked(group)
    _refuse_if_archived(group)
    there = set(group.members.values_list("user", flat=True))
    new = [person for person in people if person.pk not in there]
    _refuse_if_followed(group, new)
    _refuse_guests(group, new)
    _admit(group, new, by=by)
    return [person.pk for person in new]


@transaction.atomic
def follow(group: Group, *, joining: Iterable[int], leaving: Iterable[int]) -> None:
    """An outside source says who is in the group: these come, those go, in a handful of statements. Whoever
    leads the group stays, for it would be nobody's."""
    group = _locked(group)
    there = dict(group.members.values_list("user", "role"))
    new = [pk for pk in dict.fromkeys(joining) if pk not in there]
    gone = [pk for pk in dict.fromkeys(leaving) if there.get(pk) == Role.MEMBER]
    if not new and not gone:
        return
    group.admissions.filter(user__in=new).delete()
    Member.objects.bulk_create([Member(group=group, user_id=pk) for pk in new], batch_size=2000)
    group.members.filter(user__in=gone).delete()
    renew_codes([*new, *gone])
    emit_all(
        [
            *(MemberJoined(group_id=group.pk, user_id=pk, by_id=None) for pk in new),
            *(MemberLeft(group_id=group.pk, user_id=pk, by_id=None) for pk in gone),
        ]
    )
    _recompute(group)


@transaction.atomic
def set_source(groups: Collection[int], source: str) -> None:
    """From now on this outside source says who is in these groups; an empty one gives them back to those who
    lead them."""
    Group.objects.filter(pk__in=groups).exclude(source=source).update(source=source)


@dataclass(frozen=True)
class NewGuest:
    """Whom to invite from outside. Their time in the group ends with the day given."""

    email: str
    expires_on: date
    first_name: str = ""
    last_name: str = ""


@transaction.atomic
def invite_guest(group: Group, guest: NewGuest, *, by: User) -> Member:
    """Makes an outside person a member until the end of a day, and sends who is new the link to join.

    Who is a guest already keeps their account, and may thereby stay longer, or shorter, in this group.
    Raises GroupRefused for whoever works here, and for a day that is over.
    """
    group = _locked(group)
    _refuse_if_archived(group)
    if group.kind != Kind.EXTRANET:
        raise GroupRefused(_("This group takes no outside guests: change its settings first."), code="guest")
    expires_at = timezone.make_aware(datetime.combine(guest.expires_on, time.max))
    if expires_at <= timezone.now():
        raise GroupRefused({"expires_on": _("This day is over: choose a later one.")})
    new = NewUser(
        email=guest.email,
        first_name=guest.first_name,
        last_name=guest.last_name,
        language=by.language,
        is_extranet=True,
    )
    person = invite(new, by=by)
    if not person.is_extranet or not person.is_active:
        raise GroupRefused({"email": _("This e-mail is not an outside guest's: invite colleagues by name.")})
    member, is_new = Member.objects.update_or_create(
        group=group, user=person, defaults={"expires_at": expires_at}
    )
    group.admissions.filter(user=person).delete()
    if is_new:
        emit(MemberJoined(group_id=group.pk, user_id=person.pk, by_id=by.pk))
    renew_codes([person.pk])
    _recompute(group)
    return member


def end_expired(*, now: datetime) -> int:
    """Takes out those whose time in a group is over; a guest who is in no group then is signed out.

    What they could see, they could not since that moment: codes don't hold beyond it.
    """
    ended = 0
    for member in Member.objects.filter(expires_at__lte=now).select_related("group", "user"):
        with transaction.atomic():
            _remove(_locked(member.group), member.user, by=None)
            if member.user.is_extranet and not member.user.group_members.exists():
                end_sessions(member.user)
        ended += 1
    return ended


@transaction.atomic
def accept_request(admission: Admission, *, by: User) -> None:
    """Makes who asked to join a member. An invitation is not ours to accept, and stays one."""
    group = _locked(admission.group)
    _refuse_if_archived(group)
    asked = group.admissions.filter(pk=admission.pk, way=Way.ASKED).select_related("user").first()
    if asked is not None:
        _refuse_if_followed(group, [asked.user])
        _admit(group, [asked.user], by=by)


@transaction.atomic
def refuse_admission(admission: Admission, *, by: User) -> None:
    """Declines a request, or takes back an invitation."""
    group = _locked(admission.group)
    group.admissions.filter(pk=admission.pk).delete()
    _recompute(group)


@transaction.atomic
def set_role(member: Member, role: str, *, by: User) -> None:
    """Makes a moderator of a member and the other way round; an owner hands the group over instead."""
    group = _locked(member.group)
    _refuse_if_archived(group)
    if role not in (Role.MEMBER, Role.MODERATOR):
        raise GroupRefused(_("There is no such role."), code="role")
    if role == Role.MODERATOR and member.user.is_extranet:
        raise GroupRefused(_("An outside guest cannot lead a group."), code="guest")
    if group.members.filter(pk=member.pk).exclude(role=Role.OWNER).exclude(role=role).update(role=role):
        renew_codes([member.user_id])
        emit(RoleChanged(group_id=group.pk, user_id=member.user_id, role=role, by_id=by.pk))


@transaction.atomic
def remove_member(member: Member, *, by: User) -> None:
    """Raises GroupRefused for the owner, and for whom an outside source has put there."""
    group = _locked(member.group)
    there = group.members.filter(pk=member.pk).select_related("user").first()
    if there is not None and there.role == Role.OWNER:
        raise GroupRefused(_("The owner hands the group over first."), code="owner")
    _refuse_if_kept(group, there)
    _remove(group, member.user, by=by)


@transaction.atomic
def hand_over(group: Group, to: User, *, by: User | None) -> None:
    """Makes this employee the owner, and of the owner before a moderator."""
    group = _locked(group)
    if to.is_extranet or not to.is_active:
        raise GroupRefused(_("A group belongs to somebody who works here."), code="owner")
    before = group.members.filter(role=Role.OWNER).first()
    if before is not None and before.user_id == to.pk:
        return
    group.members.filter(role=Role.OWNER).update(role=Role.MODERATOR)
    _admit(group, [to], by=by, role=Role.OWNER)
    renew_codes([pk for pk in (before.user_id if before else None, to.pk) if pk is not None])
    emit(RoleChanged(group_id=group.pk, user_id=to.pk, role=Role.OWNER, by_id=by.pk if by else None))
    moment = timezone.now().timestamp()
    _call(group, [to.pk], HANDED_OVER, key=f"handed-over:{group.pk}:{moment:.0f}", by=by)


@transaction.atomic
def archive_group(group: Group, *, by: User) -> None:
    """From now on the group is only read."""
    if Group.objects.filter(pk=group.pk, archived_at=None).update(archived_at=moment()):
        changes = (("is_archived", False, True),)
        emit(GroupChanged(group_id=group.pk, by_id=by.pk, changes=changes))


@transaction.atomic
def reopen_group(group: Group, *, by: User) -> None:
    if Group.objects.filter(pk=group.pk, archived_at__isnull=False).update(archived_at=None):
        changes = (("is_archived", True, False),)
        emit(GroupChanged(group_id=group.pk, by_id=by.pk, changes=changes))


@transaction.atomic
def delete_group(group: Group, *, by: User) -> None:
    """The group is no more. What was written in it stays its authors', and loses the group's audience."""
    group = _locked(group)
    members = list(group.members.values_list("user", flat=True))
    emit(GroupDeleted(group_id=group.pk, name=group.name, by_id=by.pk))
    group.delete()
    renew_codes(members)


@transaction.atomic
def resume_group(group: Group, *, by: User) -> None:
    """A group that was deleted is there again, with those of its members who may still sign in. One whose
    owner is gone is `by`'s."""
    group = _locked(group)
    # An outside source that still fills it says so with its next run.
    set_source([group.pk], "")
    group.members.exclude(user__in=User.objects.active()).delete()
    if not group.members.filter(role=Role.OWNER).exists():
        Member.objects.update_or_create(
            group=group, user=by, defaults={"role": Role.OWNER, "expires_at": None}
        )
    _recompute(group)
    renew_codes(list(group.members.values_list("user", flat=True)))
    emit(GroupChanged(group_id=group.pk, by_id=by.pk))


@transaction.atomic
def take_out_of_all(person: User, *, by: User) -> None:
    """Of every group that they are in, lead, were asked into, or asked to join. One that was theirs waits for
    an administrator to hand it over."""
    theirs = Group.objects.filter(members__user=person) | Group.objects.filter(admissions__user=person)
    for group in theirs.distinct().order_by("id"):
        _remove(_locked(group), person, by=by)


def _locked(group: Group) -> Group:
    """The group as it is now, held until the transaction ends. Raises GroupRefused where it was deleted."""
    held: Group | None = Group.objects.select_for_update().filter(pk=group.pk).first()
    if held is None:
        raise GroupRefused(_("This group was deleted meanwhile."), code="deleted")
    return held


def _refuse_if_archived(group: Group) -> None:
    if group.is_archived:
        raise GroupRefused(_("This group is in the archive: it is only read."), code="archived")


def _refuse_if_followed(group: Group, people: Iterable[User]) -> None:
    """What an outside source decides is changed there. Guests are none of its."""
    if group.source and any(not person.is_extranet for person in people):
        raise GroupRefused(_who_decides(group), code="source")


def _refuse_if_kept(group: Group, member: Member | None) -> None:
    if member is not None and is_kept(group, member):
        raise GroupRefused(_who_decides(group), code="source")


def _who_decides(group: Group) -> str:
    return _("%(source)s decides who is in “%(name)s”: change it there.") % {
        "source": group.source,
        "name": group.name,
    }


def _refuse_guests(group: Group, people: Iterable[User]) -> None:
    if group.kind == Kind.EXTRANET:
        return
    for person in people:
        if person.is_extranet:
            raise GroupRefused(
                _("%(name)s is an outside guest, and this group takes none.") % {"name": person.name},
                code="guest",
            )


def _admit(group: Group, people: list[User], *, by: User | None, role: str = Role.MEMBER) -> None:
    group.admissions.filter(user__in=people).delete()
    for person in people:
        member, is_new = Member.objects.get_or_create(group=group, user=person, defaults={"role": role})
        if not is_new and role == Role.OWNER:
            group.members.filter(pk=member.pk).update(role=role, expires_at=None)
        if is_new:
            emit(MemberJoined(group_id=group.pk, user_id=person.pk, by_id=by.pk if by else None))
        if is_new and by is not None and by.pk != person.pk and role == Role.MEMBER:
            _call(group, [person.pk], ACCEPTED, key=f"accepted:{member.pk}", by=by)
    renew_codes([person.pk for person in people])
    _recompute(group)


def _remove(group: Group, person: User, *, by: User | None) -> None:
    group.admissions.filter(user=person).delete()
    if group.members.filter(user=person).delete()[0]:
        renew_codes([person.pk])
        emit(MemberLeft(group_id=group.pk, user_id=person.pk, by_id=by.pk if by else None))
    _recompute(group)


def _recompute(group: Group) -> None:
    """Writes what follows from the rows: how many are in the group, and who may know of it."""
    invited = group.admissions.filter(way=Way.INVITED).values_list("user", flat=True)
    audience = {group.code, *(f"U{pk}" for pk in invited)}
    if group.kind != Kind.SECRET:
        audience.add(EVERYONE)
    group.audience = sorted(audience)
    group.members_count = group.members.count()
    group.save(update_fields=["audience", "members_count"])


def _call(group: Group, people: Iterable[int], notice: Notice, *, key: str, by: User | None) -> None:
    by_id = by.pk if by else None
    call_people(people, notice, about=Ref(KIND, group.pk), key=f"groups.{key}", by_id=by_id)
