-- What happens by itself when its time has come: letters that are sent, codes that expire.

local clock = require "clock"

local agenda = {list = {}, next_due = math.huge, last = 0}

function agenda.reset()
	agenda.list, agenda.next_due, agenda.last = {}, math.huge, 0
end

-- Has work(...) done at that time. The work looks itself whether it is still wanted.
function agenda.add(due_ms, work, ...)
	agenda.last = agenda.last + 1
	table.insert(agenda.list, {due_ms = due_ms, order = agenda.last, work = work,
		args = table.pack(...)})
	agenda.next_due = math.min(agenda.next_due, due_ms)
end

local function first()
	local best
	for i, item in ipairs(agenda.list) do
		local than = agenda.list[best]
		if not best or item.due_ms < than.due_ms
				or item.due_ms == than.due_ms and item.order < than.order then
			best = i
		end
	end
	return best
end

-- Does all that is due by now, in the order of time; what it adds may be due as well.
function agenda.advance()
	local now = clock.now()
	if now < agenda.next_due then
		return
	end
	local at = first()
	while at and agenda.list[at].due_ms <= now do
		local item = table.remove(agenda.list, at)
		clock.at(item.due_ms, item.work, table.unpack(item.args, 1, item.args.n))
		at = first()
	end
	agenda.next_due = at and agenda.list[at].due_ms or math.huge
end

return agenda
