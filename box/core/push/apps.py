"""The push service's place among the rooms."""

from box.core.registry.apps import Room


class PushConfig(Room):
    name = "box.core.push"
