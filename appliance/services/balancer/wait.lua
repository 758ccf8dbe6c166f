-- HAProxy queues for a server that is busy, but answers 503 at once when there is none. Restarts take seconds, so a
-- request that finds no web worker waits for one; the maintenance page is for what takes longer.
local PATIENCE_MS, STEP_MS = 20000, 50

core.register_action("wait_for_worker", {"http-req"}, function(transaction)
    local waited = 0
    while core.backends["web"]:get_srv_act() == 0 and waited < PATIENCE_MS do
        core.msleep(STEP_MS)
        waited = waited + STEP_MS
    end
end)
