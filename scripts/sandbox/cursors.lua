-- Pages of events and registrations: next= and prev= with cursors that stand in the body too.

local host = require "host"
local reply = require "reply"
local text = require "text"

local cursors = {}

local function encode(params, at)
	local inside = {}
	for name, value in pairs(params) do
		inside[name] = value
	end
	inside.next, inside.prev, inside.at = nil, nil, at
	return text.to_base64url(text.to_query(inside))
end

-- The parameters that count and the place to begin at: those inside a cursor when there is one.
function cursors.params(req)
	local given = req.params
	if given.next and given.prev then
		reply.invalid("next and prev exclude each other")
	end
	local cursor = given.next or given.prev
	if not cursor then
		return given, 1
	end
	local inside = text.from_base64url(cursor)
	local params = inside and text.query(inside)
	local at = params and math.tointeger(tonumber(params.at))
	if not at or at < 1 then
		reply.invalid("next or prev is not a valid cursor")
	end
	params.at = nil
	return params, at
end

local function limit_of(params, max)
	local limit = math.tointeger(tonumber(params.limit or params.page_size or max))
	if params.limit and params.page_size and params.limit ~= params.page_size then
		reply.invalid("limit and page_size must be the same")
	end
	if not limit or limit < 1 or limit > max then
		reply.invalid("limit: must be between 1 and %d", max)
	end
	return limit
end

-- Sorts by what key(object) gives; params.sort_order is ASC or DESC.
function cursors.sort(list, params, key)
	local order = params.sort_order or "ASC"
	if order ~= "ASC" and order ~= "DESC" then
		reply.invalid("sort_order: %s is not a valid value", order)
	end
	local keys, places = {}, {}
	for i, item in ipairs(list) do
		keys[item], places[item] = key(item), i
	end
	table.sort(list, function(a, b)
		if keys[a] == keys[b] then
			return places[a] < places[b]
		end
		return (keys[a] < keys[b]) == (order == "ASC")
	end)
end

-- A page of a sorted list. max: default and most of limit.
function cursors.answer(path, params, at, list, max, shape)
	local limit = limit_of(params, max)
	local body = {records = host.array {}, total_records = #list, _links = {}}
	for i = at, math.min(at + limit - 1, #list) do
		table.insert(body.records, shape(list[i]))
	end
	body._links.self = {href = path}
	if at + limit <= #list then
		body.next_cursor = encode(params, at + limit)
		body._links.next = {href = path .. "?next=" .. body.next_cursor}
	end
	if at > 1 then
		body.prev_cursor = encode(params, math.max(1, at - limit))
		body._links.prev = {href = path .. "?prev=" .. body.prev_cursor}
	end
	return reply.json(200, body)
end

return cursors
