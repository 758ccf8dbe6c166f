from box.core.registry.apps import Room
from box.core.registry.belongings import belongings


class DirectoryConfig(Room):
    name = "box.bridges.directory"

    def offer(self) -> None:
        from box.bridges.directory.after_restore import sync_before_opening
        from box.bridges.directory.auditing import declare
        from box.bridges.directory.belongings import BELONGINGS
        from box.bridges.directory.passwords import keeper
        from box.bridges.directory.single_sign_on import way
        from box.core.registry.capabilities import before_opening, password_keepers, sign_in_ways

        declare()
        belongings.add("directory", BELONGINGS)
        password_keepers.add("directory", keeper)
        sign_in_ways.add("directory", way)
        before_opening.add("directory", sync_before_opening)
