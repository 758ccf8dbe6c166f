"""A directory that somebody changes at random, as administrators of domains do: people come, go, come again
under the same name, change names among each other, move, out of what is read too, get another manager; units
are made, renamed, moved, moved out and back, and emptied; groups are made, renamed, filled and put into each
other; rights are taken away and given back.

Every change is one that the directory allows. `Company` remembers what it has made of it: see `is_as`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.directory import entries
from tests.directory.entries import rdn
from tests.directory.samba import DISABLED, WITHOUT_PASSWORD, Samba, harden, soften
from tests.directory.slapd import Slapd

if TYPE_CHECKING:
    from tests.box.bridges.directory.oracle import Truth

# In place of a unit's number: the base, and outside of it.
BASE, OUTSIDE = 0, -1
# Somebody whom nothing happens to: of a base in which nobody is any more the guard asks.
STAYS = 0
FIRST = ("Anna", "Boris", "Cara", "Dora", "Erik", "Fedor")
LAST = ("Ivanova", "Petrov", "Smirnova")


@dataclass
class Somebody:
    login: str
    mail: str
    first: str
    last: str
    number: str
    unit: int
    cn: str
    is_disabled: bool = False


@dataclass
class Company:
    """People by a number of their own, units by theirs. Below `outside` nobody is read."""

    server: Samba | Slapd
    base: str
    outside: str
    dice: random.Random
    # Names of groups that were there before, and stay.
    kept: frozenset[str] = frozenset()
    people: dict[int, Somebody] = field(default_factory=dict)
    units: dict[int, tuple[str, int]] = field(default_factory=dict)
    # By a number of their own who is in them: people and groups.
    groups: dict[int, tuple[str, set[int]]] = field(default_factory=dict)
    is_hidden: bool = False
    gone: list[Somebody] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    _count: int = 0
    _ldif: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self._add(STAYS, Somebody("stays", "stays@corp.test", "Olga", "Orlova", "0", BASE, "stays"))
        # Of a domain in which no manager is seen of anybody it is not known whether any may be seen.
        self._modify(STAYS, manager=self.outside)
        for _number in range(3):
            self._new_unit()
        for _number in range(8):
            self._come()
        for _number in range(2):
            self._new_group()
        self._send()

    def change(self) -> None:
        """A handful of changes at once."""
        every = (
            self._come, self._go, self._return, self._again, self._again, self._swap, self._swap,
            self._rotate, self._rename, self._move, self._leave, self._mail, self._take_mail, self._drop_mail,
            self._toggle, self._lose_name, self._new_unit, self._rename_unit, self._move_unit,
            self._unit_leaves, self._empty_unit, self._lead, self._lead, self._new_group, self._rename_group,
            self._drop_group, self._join, self._join, self._part,
        )  # fmt: skip
        for act in self.dice.choices(every, k=self.dice.randint(1, 6)):
            act()
        self._send()

    # People

    def _come(self) -> None:
        number = self._next()
        who = Somebody(
            f"p{number}", f"p{number}@corp.test", self.dice.choice(FIRST), self.dice.choice(LAST),
            str(number), self._any_unit(), f"e{number}",
        )  # fmt: skip
        self._add(number, who)

    def _go(self) -> None:
        if (number := self._anybody()) is not None:
            self._delete(number)

    def _return(self) -> None:
        """Somebody who has gone is there again, maybe after others have taken their names."""
        if not self.gone:
            return
        who = self.dice.choice(self.gone)
        logins, mails = (
            {one.login for one in self.people.values()},
            {one.mail for one in self.people.values()},
        )
        if who.login not in logins and who.mail not in mails:
            self.gone.remove(who)
            number = self._next()
            who.cn, who.unit = f"e{number}", self._any_unit()
            self._add(number, who)

    def _again(self) -> None:
        """Deleted, and made anew in the same moment."""
        if (number := self._anybody()) is not None:
            self._delete(number)
            self._return()

    def _swap(self) -> None:
        self._exchange(2)

    def _rotate(self) -> None:
        self._exchange(self.dice.randint(3, 4))

    def _exchange(self, count: int) -> None:
        able = sorted(self.people.keys() - {STAYS})
        if len(able) < count:
            return
        numbers = self.dice.sample(able, count)
        logins = [self.people[number].login for number in numbers]
        mails = [self.people[number].mail for number in numbers]
        for number in numbers:
            self._modify(number, **{self._login: f"moving{number}"})
        for number, login, mail in zip(
            numbers, [*logins[1:], logins[0]], [*mails[1:], mails[0]], strict=True
        ):
            who = self.people[number]
            who.login, who.mail = login, mail
            self._modify(number, **{self._login: login, "mail": mail or None})

    def _rename(self) -> None:
        if (number := self._anybody()) is not None:
            who = self.people[number]
            who.login = f"p{self._next()}"
            self._modify(number, **{self._login: who.login})

    def _move(self) -> None:
        if (number := self._anybody()) is not None:
            self._place(number, self._any_unit())

    def _leave(self) -> None:
        """The same entry, where nobody looks; whoever moves next is back."""
        if (number := self._anybody()) is not None:
            self._place(number, OUTSIDE)

    def _place(self, number: int, unit: int) -> None:
        who, before = self.people[number], self.dn(number)
        who.unit, who.cn = unit, f"e{self._next()}"
        self._moved(before, f"{self._rdn}={who.cn}", self.unit_dn(unit))

    def _mail(self) -> None:
        self._give_mail(f"p{self._next()}@corp.test")

    def _take_mail(self) -> None:
        """Two have the same for a while."""
        if (other := self._anybody()) is not None:
            self._give_mail(self.people[other].mail)

    def _drop_mail(self) -> None:
        self._give_mail("")

    def _give_mail(self, mail: str) -> None:
        if (number := self._anybody()) is not None:
            self.people[number].mail = mail
            self._modify(number, mail=mail or None)

    def _toggle(self) -> None:
        if (number := self._anybody()) is not None:
            who = self.people[number]
            who.is_disabled = not who.is_disabled
            self._modify(number, **self._state(who))

    def _lose_name(self) -> None:
        """Without a login that can be one, nobody is taken in; who is here already keeps theirs."""
        if (number := self._anybody()) is not None and not self._is_ad:
            who = self.people[number]
            who.login = f"p {self._next()}"
            self._modify(number, **{self._login: who.login})

    # Units

    def _new_unit(self) -> None:
        number = self._next()
        self.units[number] = f"Unit {number}", self._any_unit()
        self._note(
            entries.added(self.server.unit(self.units[number][0], self.unit_dn(self.units[number][1])))
        )

    def _rename_unit(self) -> None:
        if self.units:
            number = self.dice.choice(sorted(self.units))
            self._to(number, f"Unit {self._next()}", self.units[number][1])

    def _move_unit(self) -> None:
        if self.units:
            number = self.dice.choice(sorted(self.units))
            to = self._any_unit()
            if number not in self._way(to):
                self._to(number, self.units[number][0], to)

    def _unit_leaves(self) -> None:
        """With all in it; it is back once it moves again."""
        if self.units:
            number = self.dice.choice(sorted(self.units))
            self._to(number, self.units[number][0], OUTSIDE)

    def _empty_unit(self) -> None:
        """Emptied and deleted in one moment."""
        leaves = [one for one in self.units if one not in {above for _name, above in self.units.values()}]
        if not leaves:
            return
        number = self.dice.choice(sorted(leaves))
        for who in [one for one in self.people if self.people[one].unit == number]:
            before = self.dn(who)
            self.people[who].unit = self.units[number][1]
            self._moved(before, f"{self._rdn}={self.people[who].cn}", self.unit_dn(self.people[who].unit))
        self._note(entries.delete(self.unit_dn(number)))
        del self.units[number]

    # Managers and groups

    def _lead(self) -> None:
        """Somebody has another manager, or none; in circles too."""
        number, manager = self._anybody(), self._anybody()
        if number is not None and manager is not None:
            self._modify(number, manager=None if number == manager else self.dn(manager))

    def _new_group(self) -> None:
        number = self._next()
        self.groups[number] = f"Group {number}", set()
        # Elsewhere a group has to have somebody in it: an entry that is nobody here.
        held = [] if self._is_ad else [self._nobody]
        self._note(entries.added(self.server.group(f"Group {number}", self.base, members=held)))

    def _rename_group(self) -> None:
        if self.groups:
            number = self.dice.choice(sorted(self.groups))
            before, named = self._group_dn(number), f"Group {self._next()}"
            self.groups[number] = named, self.groups[number][1]
            self._moved(before, f"{self._rdn}={named}", self.base)

    def _drop_group(self) -> None:
        if self.groups and self.dice.random() < 0.3:
            number = self.dice.choice(sorted(self.groups))
            self._note(entries.delete(self._group_dn(number)))
            del self.groups[number]
            for _name, members in self.groups.values():
                members.discard(number)

    def _join(self) -> None:
        self._in_group(is_in=True)

    def _part(self) -> None:
        self._in_group(is_in=False)

    def _in_group(self, *, is_in: bool) -> None:
        if not self.groups:
            return
        number = self.dice.choice(sorted(self.groups))
        members = self.groups[number][1]
        others = [*self.people, *(one for one in self.groups if one != number)]
        able = sorted(set(others) - members if is_in else members & set(others))
        if not able:
            return
        one = self.dice.choice(able)
        members.symmetric_difference_update({one})
        # As a whole: OpenLDAP puts right a moment later what a move has left in a group.
        dns = [self.dn(one) if one in self.people else self._group_dn(one) for one in sorted(members)]
        held = [] if self._is_ad else [self._nobody]
        self._note(entries.modify(self._group_dn(number), member=[*held, *dns] or None))

    # Rights

    def hide(self) -> None:
        """From the account that reads, until `show`."""
        self.is_hidden = True
        if isinstance(self.server, Samba):
            harden(self.server)
            return
        units = [f'dn.subtree="{self.unit_dn(number)}"' for number in sorted(self.units)]
        attributes = [f"attrs={name}" for name in ("mail", "manager", "employeeType", "member", "givenName")]
        hidden = self.dice.choice([*attributes, *units[:3]])
        self.log.append(f"hidden: {hidden}")
        self.server.change(rules=(f"access to {hidden} by * none",))

    def show(self) -> None:
        if not self.is_hidden:
            return
        self.is_hidden = False
        self.log.append("shown")
        if isinstance(self.server, Samba):
            soften(self.server)
        else:
            self.server.change(rules=())

    # What there is by now

    def is_as(self, truth: Truth) -> bool:
        """Whether what was read of the directory is what was made of it."""
        inside = {number: who for number, who in self.people.items() if self._is_inside(who.unit)}
        people = {
            (
                self.dn(number).lower(), who.login, who.mail, who.first, who.last, who.number,
                who.is_disabled, self.unit_dn(who.unit).lower() if who.unit else "",
            )
            for number, who in inside.items()
        }  # fmt: skip
        units = {
            (self.unit_dn(number).lower(), name)
            for number, (name, _above) in self.units.items()
            if self._is_inside(number)
        }
        groups = {(self._group_dn(number).lower(), name) for number, (name, _members) in self.groups.items()}
        read = {
            (
                one.dn, one.login, one.email, one.first_name, one.last_name, one.number, one.is_disabled,
                truth.units[one.unit].dn if one.unit else "",
            )
            for one in truth.people.values()
        }  # fmt: skip
        return (
            people == read
            and units == {(one.dn, one.name) for one in truth.units.values()}
            and groups == {(one.dn, one.name) for one in truth.groups.values() if one.name not in self.kept}
        )

    # How it is written

    def _group_dn(self, number: int) -> str:
        return rdn(self._rdn, self.groups[number][0], self.base)

    @property
    def _nobody(self) -> str:
        return rdn("cn", "nobody", self.base)

    def dn(self, number: int) -> str:
        who = self.people[number]
        return rdn(self._rdn, who.cn, self.unit_dn(who.unit))

    def unit_dn(self, number: int) -> str:
        if number in (BASE, OUTSIDE):
            return self.base if number == BASE else self.outside
        name, above = self.units[number]
        return rdn("OU" if self._is_ad else "ou", name, self.unit_dn(above))

    @property
    def _is_ad(self) -> bool:
        return isinstance(self.server, Samba)

    @property
    def _rdn(self) -> str:
        return "CN" if self._is_ad else "cn"

    @property
    def _login(self) -> str:
        return "sAMAccountName" if self._is_ad else "uid"

    def _state(self, who: Somebody) -> dict[str, str | None]:
        if self._is_ad:
            return {"userAccountControl": str(WITHOUT_PASSWORD | (DISABLED if who.is_disabled else 0))}
        return {"employeeType": "disabled" if who.is_disabled else None}

    def _add(self, number: int, who: Somebody) -> None:
        self.people[number] = who
        named = {"givenName": who.first, "sn": who.last}
        named |= {"employeeID" if self._is_ad else "employeeNumber": who.number}
        named |= {name: value for name, value in self._state(who).items() if value}
        if who.mail:
            named["mail"] = who.mail
        if self._is_ad:
            named["userPrincipalName"] = f"{who.cn}@corp.test"
        made = self.server.person(who.login, self.unit_dn(who.unit), name=who.cn, **named)
        self._note(entries.added(made))

    def _delete(self, number: int) -> None:
        self._note(entries.delete(self.dn(number)))
        self.gone.append(self.people.pop(number))
        for _name, members in self.groups.values():
            members.discard(number)

    def _modify(self, number: int, **changes: str | None) -> None:
        self._note(entries.modify(self.dn(number), **changes))

    def _moved(self, before: str, new_rdn: str, parent: str) -> None:
        self._note(entries.move(before, new_rdn=new_rdn, parent=parent))

    def _to(self, number: int, name: str, above: int) -> None:
        if self.units[number] == (name, above):
            # It stands there already.
            return
        before = self.unit_dn(number)
        self.units[number] = name, above
        attribute = "OU" if self._is_ad else "ou"
        self._moved(before, f"{attribute}={name}", self.unit_dn(above))

    def _way(self, unit: int) -> list[int]:
        """Up to the base, or to what is outside of it."""
        return [unit] if unit in (BASE, OUTSIDE) else [unit, *self._way(self.units[unit][1])]

    def _is_inside(self, unit: int) -> bool:
        return self._way(unit)[-1] == BASE

    def _any_unit(self) -> int:
        return self.dice.choice([BASE, *sorted(self.units)])

    def _anybody(self) -> int | None:
        able = sorted(self.people.keys() - {STAYS})
        return self.dice.choice(able) if able else None

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _note(self, ldif: str) -> None:
        self._ldif.append(ldif)
        self.log.append(ldif.strip().replace("\n", " | "))

    def _send(self) -> None:
        if self._ldif:
            self.server.apply("\n".join(self._ldif))
        self._ldif = []
