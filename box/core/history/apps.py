from box.core.registry.apps import Room
from box.core.registry.auditing import recorders


class HistoryConfig(Room):
    name = "box.core.history"

    def offer(self) -> None:
        from box.core.history.actions import write

        recorders.add("history", write)
