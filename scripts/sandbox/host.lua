-- What the host written in C gives to the sandbox, in one place.
-- luacheck: read globals json now_ms uuid config

local host = {
	json = json,
	null = json.null,
	array = json.array,
	is_array = json.is_array,
	now_ms = now_ms,
	uuid = uuid,
	config = config,
}

-- The value at a key, with JSON's null taken for "not there".
function host.get(object, key)
	local value = object[key]
	if value == host.null then
		return nil
	end
	return value
end

return host
