"""The people of a demonstration company, half of them with Russian names and half with English ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

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
    "Белов Виноградов Громов Дроздов Ежов Ёлкин Жуков Зимин Ильин Киселёв Кузнецов Лебедев Морозов Носов "
    "Орлов Поляков Рыбаков Соколов Тихонов Ушаков Фролов Чайкин Широков Щукин Яшин"
)
ENGLISH_FIRST = (
    "Alice Brian Clara Daniel Emma Frank Grace Henry Ivy Jack Kate Liam Mary Noah Olivia Paul Rose Tom"
)
ENGLISH_LAST = (
    "Adams Baker Carter Dixon Evans Fisher Green Harris Irving Jones King Lewis Mason Norris Owens Parker "
    "Quinn Reed Stone Turner Underwood Vance Ward York"
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
    company.hosts = list(User.objects.filter(is_demo=False).values_list("pk", flat=True))
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
        first, patronymic, last = _russian(random) if language == "ru" else _english(random)
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


def _russian(random: Random) -> tuple[str, str, str]:
    is_woman = random.random() < 0.5
    father, last = random.choice(FATHERS.split()), random.choice(RUSSIAN_LAST.split())
    if is_woman:
        return random.choice(RUSSIAN_WOMEN.split()), f"{father}на", f"{last}а"
    return random.choice(RUSSIAN_MEN.split()), f"{father}ич", last


def _english(random: Random) -> tuple[str, str, str]:
    return random.choice(ENGLISH_FIRST.split()), "", random.choice(ENGLISH_LAST.split())


def _latin(name: str) -> str:
    return slugify("".join(TRANSLITERATION.get(letter, letter) for letter in name.lower()))
