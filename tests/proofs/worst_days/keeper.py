"""The service of backups with a quicker clock, and without its schedule: what is begun, the day says itself.

A process of its own, since it is one that dies: `python -m tests.proofs.worst_days.keeper`.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from appliance.paths import Paths
from backup import log_archiving, serve, settings

_SECONDS = 2.0


def main() -> None:
    serve.PASS_SECONDS = serve.LOG_SECONDS = serve.FOLLOW_SECONDS = _SECONDS
    log_archiving.SWITCH_AFTER = timedelta(seconds=_SECONDS)
    paths, watch = Paths.from_environment(), log_archiving.Watch()
    threading.Thread(target=serve.hand_over, args=(paths, watch), daemon=True).start()
    for target in settings.load(paths).targets:
        threading.Thread(target=serve.keep_up, args=(paths, target.name, watch), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
