"""Whatever is done to the tree, it stays one, and everybody's codes are what a naive reference says."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from box.apps.feed.models import KIND, Mark, Post
from box.core.access.actions import renew_codes
from box.core.access.principals import EVERYONE, codes_of, is_private, memberships_of
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.groups.actions import NewGroup, create_group
from box.core.groups.models import Group, Member
from box.core.people.merging import merge_people
from box.core.structure import actions
from box.core.structure.access import DEPARTMENT_CODES
from box.core.structure.access_changes import Shape, change_of_merger, change_of_move, change_of_places
from box.core.structure.actions import StructureRefused
from box.core.structure.models import Department, Membership
from box.lib.prepared import at_once

PEOPLE = 4
indexes = st.integers(min_value=0, max_value=30)
steps = st.lists(
    st.tuples(st.sampled_from(["create", "move", "merge", "delete", "place", "leave"]), indexes, indexes),
    max_size=14,
)
calm = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Company:
    """A small company, and what is done to it in one step."""

    def __init__(self) -> None:
        Department.objects.all().delete()
        root = actions.create_department("Company", parent=None, by=None)
        for name in ("A", "B"):
            actions.create_department(name, parent=root, by=None)
        self.people = [
            User.objects.get_or_create(login=f"p{n}", first_name=f"P{n}")[0] for n in range(PEOPLE)
        ]

    def pick(self, number: int) -> Department:
        standing = list(Department.objects.standing().order_by("id"))
        return standing[number % len(standing)]

    def do(self, step: str, one: int, other: int) -> None:
        department, second, person = self.pick(one), self.pick(other), self.people[other % PEOPLE]
        with suppress(StructureRefused):
            match step:
                case "create":
                    actions.create_department("New", parent=department, by=None)
                case "move":
                    actions.move_department(department, second, by=None)
                case "merge":
                    actions.merge_departments(department, second, by=None)
                case "delete":
                    actions.delete_department(department, by=None)
                case "place":
                    actions.add_member(department, person, by=None)
                case "leave":
                    actions.remove_member(department, person, by=None)


def naive_path(department: Department, all_of_them: dict[int, Department]) -> list[int]:
    path: list[int] = []
    seen: set[int] = set()
    while True:
        assert department.pk not in seen, "a cycle"
        seen.add(department.pk)
        path.insert(0, department.pk)
        if department.parent_id is None:
            return path
        department = all_of_them[department.parent_id]


def naive_codes(person: User) -> set[str]:
    """Upwards by the parents alone, and what was merged told to whoever is of what it went into."""
    all_of_them = Department.objects.in_bulk()
    codes = set()
    for membership in Membership.objects.filter(user=person):
        path = naive_path(all_of_them[membership.department_id], all_of_them)
        codes |= {f"D{path[-1]}"} | {f"DR{pk}" for pk in path}
    for gone in all_of_them.values():
        if gone.merged_into_id is not None:
            codes |= {f"{kind}{gone.pk}" for kind in ("D", "DR") if f"{kind}{gone.merged_into_id}" in codes}
    return codes


class TheTree(TestCase):
    @calm
    @given(steps=steps)
    def test_never_has_a_cycle_and_paths_are_what_the_parents_say(
        self, steps: list[tuple[str, int, int]]
    ) -> None:
        company = Company()
        for step in steps:
            company.do(*step)
            all_of_them = Department.objects.in_bulk()
            for department in all_of_them.values():
                assert department.path == naive_path(department, all_of_them)
                assert department.merged_into_id is None or not department.children.exists()
            assert (
                sum(one.parent_id is None and one.merged_into_id is None for one in all_of_them.values()) == 1
            )

    @calm
    @given(steps=steps)
    def test_codes_agree_with_a_naive_reference(self, steps: list[tuple[str, int, int]]) -> None:
        company = Company()
        for step in steps:
            company.do(*step)
        shape = Shape.now()
        for person in company.people:
            places = Membership.objects.filter(user=person).values_list("department", flat=True)
            (rows,) = at_once(DEPARTMENT_CODES.asked(person))
            codes = {held.code for held in DEPARTMENT_CODES.held(rows)}
            assert codes == shape.codes(places) == naive_codes(person)

    @calm
    @given(steps=steps, last=st.sampled_from(["move", "merge", "place"]), one=indexes, other=indexes)
    def test_what_is_said_before_is_what_happens(
        self, steps: list[tuple[str, int, int]], last: str, one: int, other: int
    ) -> None:
        company = Company()
        for step in steps:
            company.do(*step)
        department, second, person = company.pick(one), company.pick(other), company.people[other % PEOPLE]
        versions = dict(User.objects.values_list("id", "access_version"))
        before = {person.pk: naive_codes(person) for person in company.people}
        try:
            match last:
                case "move":
                    said = change_of_move(department, second)
                    actions.move_department(department, second, by=None)
                case "merge":
                    said = change_of_merger(department, second)
                    actions.merge_departments(department, second, by=None)
                case _:
                    said = change_of_places(person.pk, {*actions.roles_of(person), department.pk})
                    actions.add_member(department, person, by=None)
        except StructureRefused:
            return
        after = {person.pk: naive_codes(person) for person in company.people}
        changed = {pk for pk in before if before[pk] != after[pk]}
        renewed = {pk for pk, old in versions.items() if User.objects.get(pk=pk).access_version != old}
        assert set(said.people) == changed == renewed
        assert set(said.gained) == {code for pk in changed for code in after[pk] - before[pk]}
        assert set(said.lost) == {code for pk in changed for code in before[pk] - after[pk]}


class Visibility(TestCase):
    @calm
    @given(
        steps=steps,
        more=steps,
        audiences=st.lists(st.tuples(st.sampled_from(["D", "R", "U"]), indexes), max_size=8),
    )
    def test_both_forms_agree_on_random_structures_also_with_a_stale_cache(
        self,
        steps: list[tuple[str, int, int]],
        more: list[tuple[str, int, int]],
        audiences: list[tuple[str, int]],
    ) -> None:
        """Every person's codes are cached before the last changes, and asked for after them."""
        company = Company()
        for step in steps:
            company.do(*step)
        author, _ = User.objects.get_or_create(login="author")
        posts = []
        for kind, number in audiences:
            person, department = company.people[number % PEOPLE], company.pick(number)
            code = {"U": f"U{person.pk}", "D": department.code, "R": department.code_with_below}[kind]
            audience = sorted({code, f"U{author.pk}"})
            thread = Thread.objects.create(kind=KIND)
            posts.append(
                Post.objects.create(
                    author=author, text="x", audience=audience, is_private=is_private(audience), thread=thread
                )
            )
        for person in company.people:
            codes_of(person)
        for step in more:
            company.do(*step)
        everything = Post.objects.filter(pk__in=[post.pk for post in posts])
        for person in User.objects.filter(pk__in=[person.pk for person in company.people]):
            naive = naive_codes(person) | {f"U{person.pk}", "UA"}
            expected = {post.pk for post in posts if naive & set(post.audience)}
            assert memberships_of(person) == naive
            assert set(everything.visible_to(person).values_list("pk", flat=True)) == expected
            assert set(everything.reachable_by_many(naive).values_list("pk", flat=True)) == expected
            assert set(everything.reachable_by_few(naive).values_list("pk", flat=True)) == expected


class Merging(TestCase):
    @calm
    @given(
        steps=steps,
        audiences=st.lists(st.tuples(st.sampled_from("DRUGA"), indexes, indexes, indexes), max_size=14),
        members=st.lists(st.tuples(indexes, indexes, st.sampled_from(Member.Role.values[:2])), max_size=8),
        hidden=st.sets(st.tuples(indexes, st.booleans()), max_size=4),
        which=st.permutations(range(PEOPLE)),
    )
    def test_who_remains_sees_what_either_saw_and_nobody_else_anything_new(
        self,
        steps: list[tuple[str, int, int]],
        audiences: list[tuple[str, int, int, int]],
        members: list[tuple[int, int, str]],
        hidden: set[tuple[int, bool]],
        which: list[int],
    ) -> None:
        """Codes are cached before the merger, and asked for after it."""
        company = Company()
        for step in steps:
            company.do(*step)
        people = [company.people[n] for n in which]
        kept, gone = people[:2]
        groups = [create_group(NewGroup(f"G{n}"), by=people[n % PEOPLE]) for n in range(3)]
        for one, other, role in members:
            Member.objects.get_or_create(
                group=groups[one % 3], user=people[other % PEOPLE], defaults={"role": role}
            )
        renew_codes([person.pk for person in people])
        for kind, *numbers in audiences:
            self.publish(company, people, groups, kind, *numbers)
        posts = list(Post.objects.order_by("id"))
        for number, is_gones in hidden if posts else ():
            reader = gone if is_gones else kept
            Mark.objects.update_or_create(
                user=reader, post=posts[number % len(posts)], defaults={"is_hidden": True}
            )
        before = {person.pk: self.seen_by(person) for person in people}
        hides = {person.pk: self.hidden_by(person) for person in people}
        merge_people(gone, kept, by=User.objects.get_or_create(login="olga", is_administrator=True)[0])
        after = {person.pk: self.seen_by(person) for person in people}
        assert after[kept.pk] == before[kept.pk] | before[gone.pk]
        assert self.hidden_by(kept) == hides[kept.pk] | hides[gone.pk]
        assert after[gone.pk] == set()
        for person in people[2:]:
            assert after[person.pk] == before[person.pk]
        all_of_them = Department.objects.in_bulk()
        assert all(one.path == naive_path(one, all_of_them) for one in all_of_them.values())

    @staticmethod
    def publish(company: Company, people: list[User], groups: list[Group], kind: str, *numbers: int) -> None:
        first, second, third = numbers
        department = company.pick(first)
        code = {
            "D": department.code,
            "R": department.code_with_below,
            "U": f"U{people[first % PEOPLE].pk}",
            "G": groups[first % 3].code,
            "A": EVERYONE,
        }[kind]
        author = people[second % PEOPLE]
        audience = sorted({code, f"U{author.pk}", f"U{people[third % PEOPLE].pk}"})
        Post.objects.create(
            author=author,
            text="x",
            audience=audience,
            is_private=is_private(audience),
            thread=Thread.objects.create(kind=KIND),
        )

    @staticmethod
    def seen_by(person: User) -> set[int]:
        reader = User.objects.get(pk=person.pk)
        return set(Post.objects.visible_to(reader).values_list("pk", flat=True))

    @staticmethod
    def hidden_by(person: User) -> set[int]:
        return set(Mark.objects.filter(user=person, is_hidden=True).values_list("post", flat=True))
