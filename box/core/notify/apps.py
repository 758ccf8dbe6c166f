from box.core.registry.apps import Room
from box.core.registry.capabilities import after_restore, read_with_person


class NotifyConfig(Room):
    name = "box.core.notify"

    def offer(self) -> None:
        import box.core.notify.mail  # noqa: F401 - adds its settings
        from box.core.notify.actions import unread_of_person
        from box.core.notify.after_restore import discard_unsent
        from box.core.notify.counters import counters_of_person

        after_restore.add("notify", discard_unsent)
        read_with_person.add("unread", unread_of_person())
        read_with_person.add("counters", counters_of_person())
