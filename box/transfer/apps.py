from box.core.registry.apps import Room


class TransferConfig(Room):
    name = "box.transfer"
