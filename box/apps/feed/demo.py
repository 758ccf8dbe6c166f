"""Two years of a demonstration company's feed: posts, files, comments and reactions, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection

from box.apps.feed.models import KIND, Post, PostAddressee, PostFile, addressees_of
from box.core.access.principals import is_private
from box.core.discussion.models import Comment, Reaction, Thread
from box.core.files.demo import store_documents
from box.core.registry.demo import Company
from box.lib.bulk import analyze, copy_rows, reserve_ids
from box.lib.rich_text import from_text

PERIOD = timedelta(days=730)
FILES_EVERY = 50
MOST_DOCUMENTS = 400

OPENINGS = {
    "ru": ["Коллеги!", "Добрый день!", "Хорошая новость.", "Коротко о важном.", "Просьба ко всем.", ""],
    "en": ["Hello everyone!", "Good news.", "A short update.", "A request to all.", "Good morning!", ""],
}
SENTENCES = {
    "ru": [
        "Новый склад принял первые машины: теперь заказы уходят в тот же день.",
        "Отчёт за квартал готов, замечания принимаются до пятницы.",
        "Переезд офиса начнётся в понедельник, коробки уже стоят у лифта.",
        "График отпусков открыт: впишите свои даты до конца месяца.",
        "Договор с поставщиком подписан, спасибо всем, кто готовил документы.",
        "На выставке нас нашли сорок новых клиентов.",
        "В переговорной на третьем этаже починили проектор.",
        "Сервер обновят в субботу ночью, работать это никому не помешает.",
        "Столовая ищет отзывы о новом меню, и хорошие тоже.",
        "Машину для поездок теперь бронируют через секретаря.",
        "Инструкция по охране труда обновлена, прочитайте второй раздел.",
        "Наша команда заняла второе место в городском забеге.",
    ],
    "en": [
        "The new warehouse is open: orders now leave on the same day.",
        "The quarterly report is ready; please send your remarks by Friday.",
        "The office moves on Monday, and the boxes are waiting by the lift.",
        "The holiday plan is open: put in your dates before the month ends.",
        "The supplier contract is signed. Thanks to all who prepared it.",
        "Forty new customers found us at the fair.",
        "The projector in the third-floor meeting room works again.",
        "The server will be updated on Saturday night; nobody should notice.",
        "The canteen would like to hear what you think of the new menu.",
        "The company car is now booked at the front desk.",
        "The safety guide has changed: please read its second part.",
        "Our team came second in the city run.",
    ],
}
ENDINGS = {
    "ru": ["Вопросы — в комментариях.", "Всем хорошего дня!", "Подробности расскажу на планёрке.", ""],
    "en": ["Questions below, please.", "Have a good day!", "More at the weekly meeting.", ""],
}
ANSWERS = {
    "ru": ["Спасибо!", "Отлично.", "Посмотрю сегодня.", "А когда начнём?", "Поддерживаю.", "Готово."],
    "en": ["Thank you!", "Great.", "I will look today.", "When do we start?", "I agree.", "Done."],
}
LANGUAGES = ("ru", "en")


def write_posts(company: Company) -> None:
    company.tell(f"{company.posts} posts with comments, reactions and files")
    threads = reserve_ids(Thread, company.posts)
    posts = reserve_ids(Post, company.posts)
    moments = sorted(company.now - PERIOD * company.random.random() for _ in posts)
    copy_rows(
        Thread,
        ("id", "kind", "comments_count", "likes_count", "dislikes_count"),
        ((pk, KIND, 0, 0, 0) for pk in threads),
    )
    audiences: list[list[str]] = []
    copy_rows(
        Post,
        (
            *("id", "author", "text", "html", "created_at", "thread", "audience", "is_private"),
            *("kind", "version"),
        ),
        _posts(company, posts, threads, moments, audiences),
    )
    copy_rows(
        PostAddressee,
        ("post", "code"),
        (
            (post, code)
            for post, audience in zip(posts, audiences, strict=True)
            for code in addressees_of(audience)
        ),
    )
    copy_rows(
        Comment,
        ("thread", "author", "text", "html", "created_at", "is_deleted"),
        _comments(company, threads, moments, audiences),
    )
    copy_rows(Reaction, ("thread", "user", "value"), _reactions(company, threads, audiences))
    _attach_files(company, posts, audiences)
    _count_again(threads)
    analyze(Thread, Post, PostAddressee, Comment, Reaction, PostFile)


def _posts(
    company: Company,
    posts: list[int],
    threads: list[int],
    moments: list[datetime],
    audiences: list[list[str]],
) -> Iterator[tuple[object, ...]]:
    random = company.random
    # A page and more for each guest, whatever the size of the company.
    guests_posts = max(min(30 * len(company.guests), len(posts) // 2), len(posts) // 200)
    for number, (pk, thread, moment) in enumerate(zip(posts, threads, moments, strict=True)):
        author = random.choice(company.people)
        audience = {f"U{author}", *_chosen(company)}
        # A guest was asked in at the beginning: what they see is little, and old.
        if number < guests_posts:
            group = company.guest_groups[random.choice(company.guests)]
            author = random.choice(company.groups[group])
            audience = {f"U{author}", f"G{group}"}
        audiences.append(sorted(audience))
        text = _text(company)
        yield (
            *(pk, author, text, from_text(text), moment, thread, audiences[-1], is_private(audience)),
            *(Post.Kind.POST, 1),
        )


def _chosen(company: Company) -> list[str]:
    random = company.random
    chance = random.random()
    if chance < 0.7:
        return ["UA"]
    department = random.choice(list(company.departments))
    if chance < 0.85:
        return [f"DR{department}"]
    if chance < 0.95:
        return [f"D{department}"]
    return [f"U{pk}" for pk in random.sample(company.people, 3)]


def _text(company: Company) -> str:
    random = company.random
    language = random.choice(LANGUAGES)
    opening, ending = random.choice(OPENINGS[language]), random.choice(ENDINGS[language])
    first, *others = random.sample(SENTENCES[language], random.choice((1, 1, 1, 2, 3)))
    return "\n\n".join(filter(None, [f"{opening} {first}".strip(), *others, ending]))


def _comments(
    company: Company, threads: list[int], moments: list[datetime], audiences: list[list[str]]
) -> Iterator[tuple[object, ...]]:
    random = company.random
    for thread, moment, audience in zip(threads, moments, audiences, strict=True):
        if "UA" not in audience:
            continue
        for number in range(min(int(random.expovariate(0.5)), 40)):
            written = min(moment + timedelta(minutes=7 * (number + 1)), company.now)
            text = random.choice(ANSWERS[random.choice(LANGUAGES)])
            yield thread, random.choice(company.people), text, from_text(text), written, False


def _reactions(
    company: Company, threads: list[int], audiences: list[list[str]]
) -> Iterator[tuple[object, ...]]:
    random = company.random
    for thread, audience in zip(threads, audiences, strict=True):
        if "UA" in audience:
            for user in random.sample(company.people, min(int(random.expovariate(0.4)), len(company.people))):
                yield thread, user, -1 if random.random() < 0.05 else 1


def _attach_files(company: Company, posts: list[int], audiences: list[list[str]]) -> None:
    chosen = list(islice(range(0, len(posts), FILES_EVERY), MOST_DOCUMENTS))
    files = store_documents(company, [audiences[number] for number in chosen])
    copy_rows(
        PostFile,
        ("post", "file", "position"),
        ((posts[number], file, 0) for number, file in zip(chosen, files, strict=True)),
    )


def _count_again(threads: list[int]) -> None:
    """The counts are derived: after rows in bulk they are computed anew, all at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE discussion_thread AS thread
               SET comments_count = coalesce(comments.n, 0),
                   likes_count = coalesce(reactions.likes, 0),
                   dislikes_count = coalesce(reactions.dislikes, 0)
              FROM unnest(%s::bigint[]) AS made(id)
              LEFT JOIN (SELECT thread_id, count(*) AS n FROM discussion_comment GROUP BY 1) AS comments
                     ON comments.thread_id = made.id
              LEFT JOIN (SELECT thread_id, count(*) FILTER (WHERE value = 1) AS likes,
                                count(*) FILTER (WHERE value = -1) AS dislikes
                           FROM discussion_reaction GROUP BY 1) AS reactions
                     ON reactions.thread_id = made.id
             WHERE thread.id = made.id AND (comments.n IS NOT NULL OR reactions.likes IS NOT NULL)
            """,
            [threads],
        )
