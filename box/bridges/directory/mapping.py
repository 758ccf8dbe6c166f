"""What the directory's attributes mean here, and by which rules people come and go. Values, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

# What of a person may come from a directory: the columns of `accounts.User`.
PROFILE_FIELDS = (
    "login",
    "email",
    "last_name",
    "first_name",
    "patronymic",
    "position",
    "phone",
    "city",
    "birthday_on",
)


@dataclass(frozen=True)
class FieldRule:
    """A profile field, the attribute that it is read from, and what is done to the value on the way.

    `transform` is empty or a name of `transforms.TRANSFORMS`.
    """

    field: str
    attribute: str
    transform: str = ""


@dataclass(frozen=True)
class GroupRule:
    """What a directory's group is here: a workgroup, or a role that each of its members is granted.

    `target_id` names the workgroup or role; without one a workgroup of the group's name is made.
    """

    stable_id: str
    dn: str
    target: str = "workgroup"
    target_id: int | None = None


@dataclass(frozen=True)
class Mapping:
    """How entries become people, departments and groups."""

    stable_id: str = "entryUUID"
    fields: tuple[FieldRule, ...] = ()
    # Attributes in the order of preference; the first that holds a picture is taken.
    photo: tuple[str, ...] = ()
    manager: str = "manager"
    # How a disabled account is known: "userAccountControl", "nsAccountLock", "pwdAccountLockedTime" or none.
    disabled: str = ""
    # An attribute that holds when the account ends.
    expires: str = ""
    # The employee number, by which somebody whose entry was made anew is recognised.
    number: str = ""

    # "ou": the tree of organizational units; "attribute": a text, maybe a path; "" leaves them alone.
    departments: str = "ou"
    department_attribute: str = "department"
    # What parts a path in the attribute, such as " / "; empty: the text is one department.
    department_separator: str = ""
    # The local department that they stand under; none: the one at the top.
    department_root: int | None = None
    # "managedBy": of the unit; "manager": whom most in the department name; "" leaves heads alone.
    heads: str = "manager"

    groups: tuple[GroupRule, ...] = ()
    # Every group of the group bases becomes a workgroup, beside those that have a rule.
    all_groups: bool = False


@dataclass(frozen=True)
class Rules:
    """How people come and go."""

    # "import" or "skip" an entry that has no e-mail; no name.
    without_email: str = "import"
    without_name: str = "skip"
    # Which local people are taken for the same: those of the same "email", "login", "either", or "none".
    matching: str = "either"
    # The company's own field of profiles that holds employee numbers: whoever has an entry's number there is
    # the same person before anything else, and whoever has another one there is not. Nobody is known by
    # a number where this is empty, or a field that people fill in themselves.
    number_field: str = ""
    # An entry that was made anew for somebody whose former one is gone: "ask", or link it by itself where the
    # employee "number" is the same.
    again: str = "ask"
    # What happens to whom the directory doesn't show any more: "suspend" or "keep".
    gone: str = "suspend"
    # Where the company puts who has left; an entry there is of somebody who has.
    leavers: str = ""
    # Units whose people are nobody's here, such as those of service accounts.
    excluded: tuple[str, ...] = ()
    # After so many days in the leavers' unit, expired or gone, a person is dismissed. None: never.
    dismiss_after_days: int | None = 30
    # The country of phones that are written without its code, such as "RU".
    phone_region: str = "RU"

    # The guard stops a run and asks when within 24 hours more would be suspended or dismissed.
    guard_people: int = 20
    guard_percent: float = 2.0
    guard_base_percent: float = 30.0
    # So few people are never asked about: in a small company one is several percent.
    guard_least: int = 3


@dataclass(frozen=True)
class SignIn:
    """Signing in with the directory's password, and with its tickets."""

    is_on: bool = False
    # DNs of groups: of one of these, and of none of those.
    required_groups: tuple[str, ...] = ()
    denied_groups: tuple[str, ...] = ()
    # People change their password of the directory in the portal, by their own right.
    changes_passwords: bool = False
    # How many wrong passwords of one login are passed on to the directory before it is left alone: fewer than
    # the directory itself allows.
    attempts: int = 3
    attempts_minutes: int = 30
    # Whom it lets in besides: an LDAP filter; empty: everybody who was imported.
    filter: str = field(default="")

    # Tickets of this realm let in, with the keytab of `Connection.keytab`; empty: none do.
    kerberos_realm: str = ""
    # From where browsers are asked for a ticket: networks such as 10.0.0.0/8.
    kerberos_networks: tuple[str, ...] = ()
