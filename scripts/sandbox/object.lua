-- Objects as they came: copied, merged, shown in part.

local host = require "host"

local object = {}

-- A copy to the bottom, without members whose value is null.
function object.copy(value)
	if type(value) ~= "table" then
		return value
	end
	local out = host.is_array(value) and host.array {} or {}
	for key, item in pairs(value) do
		if item ~= host.null then
			out[key] = object.copy(item)
		end
	end
	return out
end

-- Takes over the named members that `from` has; null empties one.
function object.merge(into, from, names)
	for _, name in ipairs(names) do
		local value = from[name]
		if value == host.null then
			into[name] = nil
		elseif value ~= nil then
			into[name] = object.copy(value)
		end
	end
	return into
end

-- A new object with the named members that there are.
function object.pick(from, names)
	return object.merge({}, from, names)
end

return object
