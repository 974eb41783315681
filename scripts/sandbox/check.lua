-- Checks of what came in a body; each raises the API's 400 with the place of the fault.

local host = require "host"
local reply = require "reply"

local check = {}

local get = host.get

local function place(key)
	return "#/" .. key
end

function check.required(object, key)
	local value = get(object, key)
	if value == nil then
		reply.invalid("#: required key [%s] not found", key)
	end
	return value
end

function check.string(object, key, max)
	local value = get(object, key)
	if value == nil then
		return nil
	end
	if type(value) ~= "string" then
		reply.invalid("%s: expected type: String, found: %s", place(key), type(value))
	end
	if max and utf8.len(value) == nil then
		reply.invalid("%s: not valid UTF-8", place(key))
	end
	if max and utf8.len(value) > max then
		reply.invalid("%s: expected maxLength: %d, actual: %d", place(key), max, utf8.len(value))
	end
	return value
end

function check.integer(object, key, low, high)
	local value = get(object, key)
	if value == nil then
		return nil
	end
	if math.type(value) ~= "integer" then
		reply.invalid("%s: expected type: Integer", place(key))
	end
	if value < low or value > high then
		reply.invalid("%s: %d is not between %d and %d", place(key), value, low, high)
	end
	return value
end

-- A number from 0 to 1.
function check.share(object, key)
	local value = get(object, key)
	if value ~= nil and (type(value) ~= "number" or value < 0 or value > 1) then
		reply.invalid("%s: is not a number from 0 to 1", place(key))
	end
	return value
end

function check.boolean(object, key)
	local value = get(object, key)
	if value ~= nil and type(value) ~= "boolean" then
		reply.invalid("%s: expected type: Boolean", place(key))
	end
	return value
end

function check.word(object, key, words)
	local value = check.string(object, key)
	if value ~= nil and not words[value] then
		reply.invalid("%s: %s is not a valid value", place(key), value)
	end
	return value
end

function check.object(object, key)
	local value = get(object, key)
	if value ~= nil and (type(value) ~= "table" or host.is_array(value)) then
		reply.invalid("%s: expected type: JSONObject", place(key))
	end
	return value
end

function check.array(object, key, max)
	local value = get(object, key)
	if value == nil then
		return nil
	end
	if not host.is_array(value) then
		reply.invalid("%s: expected type: JSONArray", place(key))
	end
	if max and #value > max then
		reply.invalid("%s: expected maximum item count: %d, found: %d", place(key), max, #value)
	end
	return value
end

-- An array of objects.
function check.objects(object, key, max)
	local value = check.array(object, key, max)
	for i, item in ipairs(value or {}) do
		if type(item) ~= "table" or host.is_array(item) then
			reply.invalid("%s/%d: expected type: JSONObject", place(key), i - 1)
		end
	end
	return value
end

function check.is_id(text)
	return type(text) == "string" and #text == 36
		and text:find("^%x+%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+$") == 1
end

-- An array of UUIDs as a new array: in lower case, each once. min: how many there must be.
function check.ids(object, key, max, min)
	local value = check.array(object, key, max)
	if value == nil then
		if min and min > 0 then
			check.required(object, key)
		end
		return nil
	end
	if #value < (min or 0) then
		reply.invalid("%s: expected minimum item count: %d, found: %d", place(key), min, #value)
	end
	local seen, out = {}, host.array {}
	for i, id in ipairs(value) do
		if not check.is_id(id) then
			reply.invalid("%s/%d: is not a valid uuid", place(key), i - 1)
		end
		id = id:lower()
		if not seen[id] then
			seen[id] = true
			out[#out + 1] = id
		end
	end
	return out
end

-- As far as the API looks: something, @, a name with a dot; printable ASCII, no blanks.
function check.is_email(text)
	return #text <= 80 and text:find("^[%w!#$%%&'*+/=?^_`{|}~.-]+@[%w-]+[%w.-]*%.%w%w+$") == 1
		and not text:find("..", 1, true)
end

function check.words(...)
	local set = {}
	for _, word in ipairs {...} do
		set[word] = true
	end
	return set
end

return check
