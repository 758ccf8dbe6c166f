-- HAProxy queues for a server that is busy, but answers 503 at once when there is none. Restarts take seconds, so a
-- request that finds no web worker waits for one; the maintenance page is for what takes longer. While a long
-- operation keeps the portal down, the page says how far it is: nobody has to wait for it first.
local PROGRESS_FILE = ...
local PATIENCE_MS, STEP_MS = 20000, 50
local ESCAPED = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

-- What the agent has noted: done and total, each a line, and then a sentence. Nil while there is nothing.
local function progress()
    local file = io.open(PROGRESS_FILE, "r")
    if file == nil then
        return nil
    end
    local done, total, text = file:read("n", "n", "a")
    file:close()
    if text == nil then
        return nil
    end
    local bar = total > 0 and string.format('<progress max="%d" value="%d"></progress>', total, done) or ""
    return bar .. "<p>" .. text:gsub("[&<>\"']", ESCAPED) .. "</p>"
end

core.register_action("wait_for_worker", {"http-req"}, function(transaction)
    local waited, told = 0, progress()
    local backend = transaction.f:be_name()
    while told == nil and transaction.f:nbsrv(backend) == 0 and waited < PATIENCE_MS do
        core.msleep(STEP_MS)
        waited = waited + STEP_MS
    end
    told = told or progress()
    if told ~= nil then
        transaction:set_var("txn.progress", told)
        transaction:set_var("txn.again", "2")
    end
end)
