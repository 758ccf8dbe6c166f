from box.core.registry.apps import Room
from box.core.registry.capabilities import Assets, assets, demo_shares


class SearchConfig(Room):
    name = "box.core.search"

    def offer(self) -> None:
        from box.core.search.indexing import index_demo

        assets.add("search", Assets(styles=("search/search.css",)))
        demo_shares.add("search", index_demo)
