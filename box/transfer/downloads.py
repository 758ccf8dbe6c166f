"""Files of the source, several at once: while one waits for the network, others are written into the store.

Nothing here asks the database: what is fetched becomes a file later, in the transaction of what it hangs on.
So whoever is killed meanwhile has lost bytes in the store that no row names, and fetches them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import IO

from django.utils import translation

from box.lib.egress import Fetched
from box.transfer.cloud import Cloud, CloudAway

AT_ONCE = 4
"""So many times `IN_MEMORY` are held, and a part each for the store."""
IN_MEMORY = 4 * 2**20


def fetch_each[K, R](
    cloud: Cloud, addresses: Mapping[K, str], keep: Callable[[K, IO[bytes], Fetched], R]
) -> dict[K, R | CloudAway]:
    """By key what `keep` makes of what lies at the address, or why it could not be fetched, in their order.
    `keep` is called in several threads, and has the content for as long as it runs. Raises what `keep` does,
    when those that are on their way have ended."""

    language = translation.get_language()

    def one(key: K, address: str) -> R | CloudAway:
        # A thread begins in the language of the box, and not of the migration.
        with translation.override(language), SpooledTemporaryFile(max_size=IN_MEMORY) as content:
            try:
                fetched = cloud.fetch(address, content)
            except CloudAway as error:
                return error
            content.seek(0)
            return keep(key, content, fetched)

    if not addresses:
        return {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch") as pool:
        try:
            going = {key: pool.submit(one, key, address) for key, address in addresses.items()}
            return {key: future.result() for key, future in going.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
