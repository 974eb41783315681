-- How often each operation was asked for, whatever became of it: for tests that count polls and
-- effects without reading the whole log.

local router = require "router"

local counts = {all = {}}

function counts.reset()
	counts.all = {}
end

-- The route of a request, which may not have come so far.
local function template_of(req)
	local _, _, template = router.find(req.method, req.path:sub(#req.prefix + 1))
	return template or "?"
end

-- Counts a request whose entry of the log is complete.
function counts.add(req)
	local entry = req.entry
	local key = entry.method .. " " .. req.prefix .. (req.template or template_of(req))
	local sums = counts.all[key]
	if not sums then
		sums = {requests = 0, changed = 0, lost = 0, statuses = {}}
		counts.all[key] = sums
	end
	local status = tostring(entry.status)
	sums.requests = sums.requests + 1
	sums.changed = sums.changed + (entry.changed and 1 or 0)
	sums.lost = sums.lost + (entry.lost and 1 or 0)
	sums.statuses[status] = (sums.statuses[status] or 0) + 1
end

return counts
