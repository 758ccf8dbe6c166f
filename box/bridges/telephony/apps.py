from box.core.registry.apps import Room


class TelephonyConfig(Room):
    name = "box.bridges.telephony"

    def offer(self) -> None:
        pass
