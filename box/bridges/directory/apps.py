from box.core.registry.apps import Room


class DirectoryConfig(Room):
    name = "box.bridges.directory"

    def offer(self) -> None:
        from box.bridges.directory.after_restore import sync_before_opening
        from box.bridges.directory.metrics import directory_metrics
        from box.bridges.directory.passwords import can_change, change, keeper
        from box.bridges.directory.single_sign_on import way
        from box.core.registry.capabilities import (
            PasswordChanger,
            before_opening,
            password_changers,
            password_keepers,
            sign_in_ways,
        )
        from box.core.registry.metrics import sources

        sources.add("directory", directory_metrics)
        password_keepers.add("directory", keeper)
        password_changers.add("directory", PasswordChanger(can_change, change))
        sign_in_ways.add("directory", way)
        before_opening.add("directory", sync_before_opening)
