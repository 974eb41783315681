-- One page of a collection, and the cursor that leads to the next one.

local host = require "host"
local reply = require "reply"
local text = require "text"

local page = {}

-- The parameters that count: those inside the cursor when there is one, else those of the query.
function page.params(req)
	local cursor = req.params.cursor
	if not cursor then
		return req.params, nil
	end
	local inside = text.from_base64(cursor)
	local params = inside and text.query(inside)
	local first = params and math.tointeger(tonumber(params.next))
	if not first then
		reply.invalid("cursor: is not a valid cursor")
	end
	params.next = nil
	return params, first
end

local function limit_of(params, default, max)
	if not params.limit then
		return default
	end
	local limit = math.tointeger(tonumber(params.limit))
	if not limit or limit < 1 or limit > max then
		reply.invalid("limit: must be between 1 and %d", max)
	end
	return limit
end

local function link(path, params, limit, serial)
	local inside = {}
	for name, value in pairs(params) do
		inside[name] = value
	end
	inside.limit = nil
	local rest = text.to_query(inside)
	local cursor = string.format("limit=%d&next=%d%s%s", limit, serial, rest ~= "" and "&" or "",
		rest)
	local escaped = text.escape(text.to_base64(cursor)):gsub("%%3D", "=")
	return {next = {href = path .. "?cursor=" .. escaped}}
end

--[[
Walks a collection. what: path (with /v3), key (the member that holds the items), default and max
of limit, keep(object, params) or nil, shape(object, params), down (newest first), count_key (the
member for the number of all matches, given when include_count asks for it), start(params) or nil
(checks the parameters before the walk), null_link (the last page has _links with a null).
--]]
function page.answer(req, collection, what)
	local params, first = page.params(req)
	local limit = limit_of(params, what.default, what.max)
	local counting = what.count_key and params.include_count == "true"
	if what.start then
		what.start(params)
	end
	local items, next_serial, count = host.array {}, nil, 0
	local from = not counting and first or nil
	for serial, object in collection:each(from, what.down) do
		if not what.keep or what.keep(object, params) then
			count = count + 1
			local reached = not first or what.down and serial <= first
				or not what.down and serial >= first
			if reached and #items < limit then
				items[#items + 1] = what.shape(object, params)
			elseif reached and not next_serial then
				next_serial = serial
			end
			if next_serial and not counting then
				break
			end
		end
	end
	local body = {[what.key] = items}
	if counting then
		body[what.count_key] = count
	end
	if next_serial then
		body._links = link(what.path, params, limit, next_serial)
	elseif what.null_link then
		body._links = {next = host.null}
	end
	return reply.json(200, body)
end

return page
