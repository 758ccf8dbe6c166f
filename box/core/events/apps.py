from box.core.registry.apps import Room


class EventsConfig(Room):
    name = "box.core.events"
