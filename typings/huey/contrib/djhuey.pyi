from collections.abc import Callable
from datetime import datetime
from typing import Any

HUEY: Any

class TaskWrapper[**P, R]:
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Queues it; the result's handle, or None where results are not kept."""

    def call_local(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

def db_task[**P, R](*, retries: int = 0) -> Callable[[Callable[P, R]], TaskWrapper[P, R]]: ...
def db_periodic_task[**P, R](
    validate_datetime: Callable[[datetime], bool],
) -> Callable[[Callable[P, R]], TaskWrapper[P, R]]: ...
