"""The people of a demonstration company, half of them with Russian names and half with English ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from django.contrib.auth.hashers import make_password
from django.utils.text import slugify

from box.core.accounts.models import User
from box.core.registry.demo import Company, DemoRefused
from box.lib.bulk import analyze, copy_rows, reserve_ids

# First names with the patronymics that their children have, by sex; last names take an ending.
RUSSIAN_MEN = "Александр Алексей Андрей Борис Вадим Виктор Глеб Денис Егор Иван Илья Максим Павел Тимур Юрий"
RUSSIAN_WOMEN = "Анна Вера Дарья Елена Ирина Ксения Лидия Мария Надежда Ольга Полина Светлана Татьяна Юлия"
FATHERS = "Алексеев Борисов Викторов Денисов Иванов Максимов Павлов Петров Романов Сергеев"
RUSSIAN_LAST = (
    "Белов Виноградов Громов Ежов Ёлкин Жуков Зимин Киселёв Лебедев Морозов Носов Орлов Рыбаков Соколов"
)
ENGLISH_FIRST = (
    "Alice Brian Clara Daniel Emma Frank Grace Henry Ivy Jack Kate Liam Mary Noah Olivia Paul Rose Tom"
)
ENGLISH_LAST = (
    "Baker Carter Dixon Evans Fisher Green Harris Jones King Lewis Mason Norris Parker Reed Stone Ward"
)
POSITIONS = {
    "ru": ["Инженер", "Бухгалтер", "Менеджер по продажам", "Дизайнер", "Аналитик", "Юрист", "Кладовщик"],
    "en": ["Engineer", "Accountant", "Sales manager", "Designer", "Analyst", "Lawyer", "Storekeeper"],
}
CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщыэюя"
LATIN = "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch y e yu ya"
TRANSLITERATION = dict(zip(CYRILLIC, LATIN.split(), strict=True))
GUESTS_PER_HUNDRED = 1
FIELDS = (
    *("id", "login", "email", "password", "first_name", "last_name", "patronymic", "position", "phone"),
    *(
        "birthday_on",
        "language",
        "time_zone",
        "theme",
        "status",
        "is_extranet",
        "is_administrator",
        "is_demo",
    ),
    *("access_version", "joined_at"),
)


def hire(company: Company) -> None:
    """Adds the employees and a few outside guests. Raises DemoRefused where somebody works already."""
    if User.objects.filter(is_demo=False)[:2].count() > 1:
        raise DemoRefused("Real people work in this box: a demonstration goes into an empty one only.")
    if User.objects.filter(is_demo=True).exists():
        raise DemoRefused("This box has a demonstration company already.")
    company.tell(f"{company.employees} employees")
    ids = reserve_ids(User, company.employees + max(1, company.employees * GUESTS_PER_HUNDRED // 100))
    company.people, company.guests = ids[: company.employees], ids[company.employees :]
    copy_rows(User, FIELDS, _rows(company, ids))
    analyze(User)


def _rows(company: Company, ids: list[int]) -> Iterator[tuple[object, ...]]:
    random = company.random
    password = make_password(company.password)
    for number, pk in enumerate(ids):
        language = "ru" if number % 2 else "en"
        first, patronymic, last = _russian(number, random.random()) if language == "ru" else _english(number)
        login = f"{_latin(first)}.{_latin(last)}.{number}"
        status = "dismissed" if random.random() < 0.03 else "active"
        yield (
            *(pk, login, f"{login}@demo.example", password, first, last, patronymic),
            random.choice(POSITIONS[language]),
            f"+7495{random.randrange(10**7):07d}",
            date(1960, 1, 1) + timedelta(days=random.randrange(365 * 44)),
            *(language, "", "auto", status, number >= company.employees, False, True),
            *(1, company.now - timedelta(days=random.randrange(2000))),
        )


def _russian(number: int, chance: float) -> tuple[str, str, str]:
    is_woman = chance < 0.5
    names = (RUSSIAN_WOMEN if is_woman else RUSSIAN_MEN).split()
    fathers, lasts = FATHERS.split(), RUSSIAN_LAST.split()
    ending = "а" if is_woman else ""
    return (
        names[number % len(names)],
        fathers[number // 7 % len(fathers)] + ("на" if is_woman else "ич"),
        lasts[number // 3 % len(lasts)] + ending,
    )


def _english(number: int) -> tuple[str, str, str]:
    firsts, lasts = ENGLISH_FIRST.split(), ENGLISH_LAST.split()
    return firsts[number % len(firsts)], "", lasts[number // 5 % len(lasts)]


def _latin(name: str) -> str:
    return slugify("".join(TRANSLITERATION.get(letter, letter) for letter in name.lower()))
