from box.core.registry.apps import Room
from box.core.registry.capabilities import after_restore, erasers, read_with_person


class NotifyConfig(Room):
    name = "box.core.notify"

    def offer(self) -> None:
        import box.core.notify.mail  # noqa: F401 - adds its settings
        from box.core.notify import merging
        from box.core.notify.actions import unread_of_person
        from box.core.notify.erasing import ERASER
        from box.core.notify.settling import settle

        after_restore.add("notify", settle)
        erasers.add("notify", ERASER)
        merging.declare()
        read_with_person.add("unread", unread_of_person())
