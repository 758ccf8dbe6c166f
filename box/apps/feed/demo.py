"""Two years of a demonstration company's feed: posts, files, comments and reactions, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection

from box.apps.feed.models import KIND, Post, PostFile
from box.core.access.principals import is_private
from box.core.discussion.models import Comment, Reaction, Thread
from box.core.files.demo import store_documents
from box.core.registry.demo import Company
from box.lib.bulk import analyze, copy_rows, reserve_ids

PERIOD = timedelta(days=730)
FILES_EVERY = 50
MOST_DOCUMENTS = 400

OPENINGS = {
    "ru": "Коллеги,|Добрый день!|Новости недели:|Просьба ко всем:|Спасибо:|Напоминаю:",
    "en": "Hello everyone,|Good news:|This week:|A request to all:|Thanks to all who helped:|A reminder:",
}
SUBJECTS = {
    "ru": "склад|отчёт за квартал|переезд офиса|график отпусков|договор с поставщиком|выставка",
    "en": "the new warehouse|the quarterly report|the office move|the holiday plan|the contract|the fair",
}
VERBS = {
    "ru": "готов к проверке|перенесён на понедельник|ждёт ваших замечаний|утверждён|открыт",
    "en": "is ready for review|moves to Monday|waits for your remarks|was approved|is open",
}
ENDINGS = {
    "ru": "Подробности в приложении.|Вопросы — в комментариях.|Всем хорошего дня!|Срок — пятница.|",
    "en": "Details are attached.|Questions below, please.|Have a good day!|The deadline is Friday.|",
}
ANSWERS = {
    "ru": "Спасибо!|Согласен.|Посмотрю сегодня.|А когда будет готово?|Отличная работа!",
    "en": "Thank you!|Agreed.|I will look today.|When will it be ready?|Great work!|I added some remarks.",
}
SENTENCES = {
    language: [texts[language].split("|") for texts in (OPENINGS, SUBJECTS, VERBS, ENDINGS)]
    for language in ("ru", "en")
}


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
        ("id", "author", "text", "created_at", "thread", "audience", "is_private"),
        _posts(company, posts, threads, moments, audiences),
    )
    copy_rows(
        Comment,
        ("thread", "author", "text", "created_at"),
        _comments(company, threads, moments, audiences),
    )
    copy_rows(Reaction, ("thread", "user", "value"), _reactions(company, threads, audiences))
    _attach_files(company, posts, audiences)
    _count_again(threads)
    analyze(Thread, Post, Comment, Reaction, PostFile)


def _posts(
    company: Company,
    posts: list[int],
    threads: list[int],
    moments: list[datetime],
    audiences: list[list[str]],
) -> Iterator[tuple[object, ...]]:
    random = company.random
    guests_posts = max(20, len(posts) // 200)
    for number, (pk, thread, moment) in enumerate(zip(posts, threads, moments, strict=True)):
        author = random.choice(company.people)
        audience = {f"U{author}", *_chosen(company)}
        # A guest was asked in at the beginning: what they see is little, and old.
        if number < guests_posts:
            audience = {
                f"U{author}",
                f"U{random.choice(company.guests)}",
                f"D{next(iter(company.departments))}",
            }
        audiences.append(sorted(audience))
        yield pk, author, _text(company), moment, thread, audiences[-1], is_private(audience)


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
    language = random.choice(("ru", "en"))
    opening, subject, verb, ending = (random.choice(words) for words in SENTENCES[language])
    paragraphs = [f"{opening} {subject} {verb}. {ending}".strip()]
    while random.random() < 0.3:
        paragraphs.append(" ".join(random.choice(words) for words in SENTENCES[language][1:]))
    return "\n\n".join(paragraphs)


def _comments(
    company: Company, threads: list[int], moments: list[datetime], audiences: list[list[str]]
) -> Iterator[tuple[object, ...]]:
    random = company.random
    answers = {language: texts.split("|") for language, texts in ANSWERS.items()}
    for thread, moment, audience in zip(threads, moments, audiences, strict=True):
        if "UA" not in audience:
            continue
        for number in range(min(int(random.expovariate(0.5)), 40)):
            written = min(moment + timedelta(minutes=7 * (number + 1)), company.now)
            yield (
                thread,
                random.choice(company.people),
                random.choice(answers[random.choice(("ru", "en"))]),
                written,
            )


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
