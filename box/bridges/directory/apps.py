from box.core.registry.apps import Room


class DirectoryConfig(Room):
    name = "box.bridges.directory"

    def offer(self) -> None:
        from box.bridges.directory.after_restore import sync_before_opening
        from box.bridges.directory.passwords import keeper
        from box.bridges.directory.single_sign_on import way
        from box.core.registry.capabilities import before_opening, password_keepers, sign_in_ways

        password_keepers.add("directory", keeper)
        sign_in_ways.add("directory", way)
        before_opening.add("directory", sync_before_opening)
