"""What the portal says in each language, as a person reads it. Written here by hand: the tests compare."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    language: str
    sign_in: str
    sign_out: str
    login: str
    password: str
    wrong_password: str
    your_menu: str
    feed: str
    company: str
    console: str
    what_is_new: str
    publish: str
    published: str
    comments: str
    your_comment: str
    send: str
    like: str
    add_an_employee: str
    add: str
    first_name: str
    last_name: str
    email: str
    first_password: str
    language_field: str
    can_sign_in: str
    """With the name in place of {}."""
    new_posts: tuple[str, str]
    """What the chip says of one and of two posts."""
    large_size: str
    """Of a file of 200,000,000 bytes."""
    dismiss: str
    more_about: str
    is_dismissed: str

    def saying(self, russian: Mapping[str, str]) -> Callable[[str], str]:
        """What the portal says in this language, for stories that are told in English."""
        return (lambda text: text) if self.language == "en" else russian.__getitem__


EN = Words(
    language="en",
    sign_in="Sign in",
    sign_out="Sign out",
    login="Login or e-mail",
    password="Password",
    wrong_password="The login or the password is wrong.",
    your_menu="your menu",
    feed="Feed",
    company="Company",
    console="Console",
    what_is_new="What is new?",
    publish="Publish",
    published="Published.",
    comments="Comments",
    your_comment="Your comment",
    send="Send",
    like="Like",
    add_an_employee="Add an employee",
    add="Add",
    first_name="First name",
    last_name="Last name",
    email="E-mail",
    first_password="First password",
    language_field="Language",
    can_sign_in="{} can sign in now.",
    new_posts=("1 new", "2 new"),
    large_size="200 MB",
    dismiss="Dismiss",
    more_about="More about {}",
    is_dismissed="{} is dismissed and signed out everywhere.",
)

RU = Words(
    language="ru",
    sign_in="Войти",
    sign_out="Выйти",
    login="Логин или эл. почта",
    password="Пароль",
    wrong_password="Неверный логин или пароль.",
    your_menu="ваше меню",
    feed="Лента",
    company="Компания",
    console="Консоль",
    what_is_new="Что нового?",
    publish="Опубликовать",
    published="Опубликовано.",
    comments="Комментарии",
    your_comment="Ваш комментарий",
    send="Отправить",
    like="Нравится",
    add_an_employee="Добавить сотрудника",
    add="Добавить",
    first_name="Имя",
    last_name="Фамилия",
    email="Эл. почта",
    first_password="Первый пароль",
    language_field="Язык",
    can_sign_in="{} теперь может войти.",
    new_posts=("1 новая запись", "2 новые записи"),
    large_size="200 МБ",
    dismiss="Уволить",
    more_about="Действия: {}",
    is_dismissed="{} больше здесь не работает; все сеансы завершены.",
)


def new_word() -> str:
    """Nobody else's on this box, and in no login: of letters that hexadecimal numbers do not have."""
    return "".join(secrets.choice("glmnprst") for _ in range(8))
