-- How often each operation was asked for, whatever became of it: for tests that count polls and
-- effects without reading the whole log.

local router = require "router"

local counts = {all = {}}

function counts.reset()
	counts.all = {}
end

-- Counts an entry of the log that is complete. prefix: what stands before the route's path.
function counts.add(entry, prefix)
	local _, _, template = router.find(entry.method, entry.path:sub(#prefix + 1))
	local key = entry.method .. " " .. prefix .. (template or "?")
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
