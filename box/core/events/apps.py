from box.core.registry.apps import Room
from box.core.registry.capabilities import after_restore


class EventsConfig(Room):
    name = "box.core.events"

    def offer(self) -> None:
        from box.core.events.after_restore import discard_undelivered
        from box.core.events.metrics import event_metrics
        from box.core.registry.metrics import sources

        sources.add("events", event_metrics)
        after_restore.add("events", discard_undelivered)
