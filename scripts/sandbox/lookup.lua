-- From an id in the path to the object that it names, or the API's 404.

local check = require "check"
local reply = require "reply"

local lookup = {}

-- The object of the i-th "{}" of the path, an UUID called `name`.
function lookup.uuid(req, i, collection, name)
	local id = req.ids[i]
	if not check.is_id(id) then
		reply.missing("%s is in an invalid format.", name)
	end
	return lookup.id(id:lower(), collection, name)
end

-- The same for ids of another form.
function lookup.id(id, collection, name)
	local found = collection:get(id)
	if not found then
		reply.missing("%s %s was not found.", name, id)
	end
	return found
end

return lookup
