from box.core.registry.apps import Room
from box.core.registry.belongings import belongings
from box.core.registry.capabilities import after_restore, read_with_person


class NotifyConfig(Room):
    name = "box.core.notify"

    def offer(self) -> None:
        import box.core.notify.mail  # noqa: F401 - adds its settings
        from box.core.notify.actions import unread_of_person
        from box.core.notify.belongings import BELONGINGS
        from box.core.notify.settling import settle

        after_restore.add("notify", settle)
        belongings.add("notify", BELONGINGS)
        read_with_person.add("unread", unread_of_person())
