from box.core.registry.apps import Room


class NotifyConfig(Room):
    name = "box.core.notify"
