from box.core.registry.apps import Room
from box.core.registry.auditing import recorders
from box.core.registry.belongings import belongings


class HistoryConfig(Room):
    name = "box.core.history"

    def offer(self) -> None:
        from box.core.history.actions import write
        from box.core.history.belongings import BELONGINGS

        recorders.add("history", write)
        belongings.add("history", BELONGINGS)
