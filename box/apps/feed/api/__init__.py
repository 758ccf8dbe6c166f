"""The feed, for programs: the same actions and the same rules of who sees what as on its pages."""


def declare() -> None:
    from box.apps.feed.api import comments, polls, posts

    posts.declare()
    comments.declare()
    polls.declare()
