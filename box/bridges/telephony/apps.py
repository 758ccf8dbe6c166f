from box.core.registry.apps import Room


class TelephonyConfig(Room):
    name = "box.bridges.telephony"

    def offer(self) -> None:
        from box.bridges.telephony.auditing import declare
        from box.bridges.telephony.belongings import BELONGINGS
        from box.core.registry.belongings import belongings

        declare()
        belongings.add("telephony", BELONGINGS)
