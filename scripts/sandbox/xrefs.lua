-- Ids of the old API (V2) for those of this one: here the place in the order of making.

local host = require "host"
local reply = require "reply"
local store = require "store"
local text = require "text"

local xrefs = {}

local function answer(req, collection, id_key)
	local sequence_ids = text.items(req.params.sequence_ids)
	if #sequence_ids == 0 then
		reply.invalid("sequence_ids: is required")
	end
	if #sequence_ids > 500 then
		reply.invalid("sequence_ids: at most 500 ids")
	end
	local found = host.array {}
	for _, sequence_id in ipairs(sequence_ids) do
		local serial = math.tointeger(tonumber(sequence_id))
		local object = serial and collection.items[serial]
		if object then
			found[#found + 1] = {sequence_id = sequence_id, [id_key] = object[id_key]}
		end
	end
	return reply.json(200, {xrefs = found})
end

function xrefs.contacts(req)
	return answer(req, store.contacts, "contact_id")
end

function xrefs.lists(req)
	return answer(req, store.lists, "list_id")
end

xrefs.routes = {
	{"GET", "/contacts/contact_id_xrefs", xrefs.contacts},
	{"GET", "/contact_lists/list_id_xrefs", xrefs.lists},
}

return xrefs
