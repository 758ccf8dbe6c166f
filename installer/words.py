"""What the installer asks and tells, in the language of whoever sits at the terminal.

A table and no catalogue: it is read by a bare Python, before there is anything that could compile one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLE = "KOROBKA_SPEAKS"
"""Tells the second stage: by then the environment is a plain one, for the programs that are run."""


def remember(environment: Mapping[str, str] | None = None) -> None:
    """Keeps the language of the terminal, before the environment is made plain."""
    given = environment or os.environ
    words = next((given[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if given.get(name)), "")
    os.environ.setdefault(VARIABLE, "ru" if words.startswith("ru") else "en")


def speak(language: str) -> None:
    """Goes on in this language: the person has chosen it."""
    os.environ[VARIABLE] = language


def said(text: str, **values: object) -> str:
    """A text in the person's language, with its values in their places."""
    spoken = RUSSIAN.get(text, text) if os.environ.get(VARIABLE) == "ru" else text
    return spoken.format(**values) if values else spoken


RUSSIAN = {
    # questions
    "Name of the portal in the browser": "Имя портала в браузере",
    "Language": "Язык",
    "Time zone": "Часовой пояс",
    "HTTPS port": "Порт HTTPS",
    "HTTP port": "Порт HTTP",
    "E-mail address of the first administrator": "Электронная почта первого администратора",
    "A number from 1 to 65535, please.": "Нужно число от 1 до 65535.",
    "One of these, please: {choices}.": "Выберите одно из значений: {choices}.",
    "A host name, please, as in portal.example.com.": "Нужно имя узла, например portal.example.com.",
    "A time zone, please, as in Europe/Moscow.": "Нужен часовой пояс, например Europe/Moscow.",
    "An e-mail address, please, as in olga@example.com.": "Нужен адрес почты, например olga@example.com.",
    # farewell
    "The portal: {address}": "Портал: {address}",
    "Sign in as {email}": "Войдите как {email}",
    "with the password {password} (shown this once).": "с паролем {password} (показывается один раз).",
    "A forgotten password is set anew by `sudo boxctl user password {email}`.":
        "Забытый пароль задаётся заново: `sudo boxctl user password {email}`.",
    "Backups are set up in the Console, with this code: {code} (`sudo boxctl backup code` shows it again).":
        "Резервные копии настраиваются в консоли, код: {code} (`sudo boxctl backup code`).",
    "Its certificate comes from the box's own authority: give {file} to your browsers. Its key is sealed in "
    "backups: `sudo boxctl backup root-key` shows what opens it, to be printed.":
        "Сертификат выдан собственным центром портала: добавьте {file} в браузеры. Его ключ лежит в "
        "резервных копиях запечатанным: `sudo boxctl backup root-key` покажет, чем его открыть.",
    "Its certificate is the company's own, and ends on {day}.":
        "Сертификат выдан вашей организации и действует до {day}.",
    "Everything was as it should be: nothing to do.": "Всё в порядке: менять ничего не пришлось.",
    "After a restart of this machine the box is started by {starter}.":
        "После перезагрузки этой машины портал запускает {starter}.",
    "NOTHING starts the box after a restart of this machine: it has no systemd, no init scripts, no cron. "
    "Have `{boxctl} start` run at its start; in a container as its entry point: "
    "sh -c '{boxctl} start && exec sleep infinity'.":
        "После перезагрузки этой машины портал САМ НЕ ЗАПУСТИТСЯ: нет ни systemd, ни init, ни cron. "
        "Запускайте `{boxctl} start` при старте; в контейнере — как точку входа: "
        "sh -c '{boxctl} start && exec sleep infinity'.",
    # help
    "ask for what the options below do not say": "спросить о том, что не задано параметрами",
    "the portal's name in the browser (default: this machine's)":
        "имя портала в браузере (по умолчанию имя этой машины)",
    "language of the sign-in page and of letters (default: en)":
        "язык страницы входа и писем (по умолчанию en)",
    "the company's time zone, such as Europe/Moscow": "часовой пояс компании, например Europe/Moscow",
    "port that sends browsers on to HTTPS (default: 80)":
        "порт, который переадресует браузеры на HTTPS (по умолчанию 80)",
    "port of the portal (default: 443)": "порт портала (по умолчанию 443)",
    "the company's certificate with its chain, PEM (default: an own authority's)":
        "сертификат компании с цепочкой, PEM (по умолчанию — собственного центра)",
    "the private key of --certificate, PEM, without a password":
        "закрытый ключ к --certificate (PEM, без пароля)",
    "which S3 server keeps the files (default: seaweedfs)":
        "какой сервер S3 хранит файлы (по умолчанию seaweedfs)",
    "first of eight loopback ports of the store (default: 8333)":
        "первый из восьми внутренних портов хранилища (по умолчанию 8333)",
    "with --engine external: the store's address": "для --engine external: адрес хранилища",
    "with --engine external: the store's certificate authority, PEM":
        "для --engine external: центр сертификации хранилища, PEM",
    "the bucket of the portal's files (default: korobka-files)":
        "корзина для файлов портала (по умолчанию korobka-files)",
    "with --engine external: the access key; KOROBKA_OBJECTS_SECRET_KEY holds its secret":
        "для --engine external: ключ доступа; секрет берётся из KOROBKA_OBJECTS_SECRET_KEY",
    "the first administrator (default: admin@HOSTNAME)": "первый администратор (по умолчанию admin@ИМЯ_УЗЛА)",
    "read the first administrator's password from standard input (default: make and print one)":
        "прочитать пароль первого администратора со стандартного ввода (по умолчанию создаётся и печатается)",
    "fill the new portal with a made-up company": "наполнить новый портал вымышленной компанией",
    "bring a box back onto this empty machine, from a folder, https://HOST:PORT/BUCKET/PREFIX or "
    "sftp://USER@HOST:PORT/FOLDER; the recovery key is asked for, or read from KOROBKA_RECOVERY_KEY":
        "восстановить портал на этой пустой машине: из папки, https://HOST:PORT/BUCKET/PREFIX или "
        "sftp://USER@HOST:PORT/FOLDER; ключ восстановления спрашивается или берётся из KOROBKA_RECOVERY_KEY",
    "{given} is no moment: give one with its offset, such as 2026-11-24T17:30+03:00.":
        "«{given}» не похоже на момент времени: укажите его со смещением, например 2026-11-24T17:30+03:00.",
    "the moment to go back to, such as 2026-11-24T17:30+03:00":
        "момент, к которому вернуться, например 2026-11-24T17:30+03:00",
    "of the store; KOROBKA_BACKUP_SECRET_KEY holds its secret":
        "ключ доступа к хранилищу; секрет берётся из KOROBKA_BACKUP_SECRET_KEY",
    "certificate authority of the store, PEM": "центр сертификации хранилища, PEM",
    "of SFTP: the host's fingerprint": "для SFTP: отпечаток ключа узла",
    "install although this check finds something (may be repeated)":
        "установить, хотя эта проверка нашла препятствие (можно повторять)",
    "put the whole box under this folder, as any user (default: /)":
        "разместить портал целиком в этой папке, от имени любого пользователя (по умолчанию /)",
}  # fmt: skip
