from box.core.registry.apps import Room
from box.core.registry.capabilities import Assets, assets


class BoardsConfig(Room):
    name = "box.core.boards"

    def offer(self) -> None:
        assets.add("boards", Assets(styles=("boards/board.css",), scripts=("boards/board.js",)))
