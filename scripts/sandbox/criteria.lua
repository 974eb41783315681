-- What a segment asks of a contact: groups of conditions, as the API takes them in a text.

local clock = require "clock"
local host = require "host"
local reply = require "reply"
local store = require "store"

local criteria = {}

local CAMPAIGNS_MAX = 500
local DAYS_MAX = 1825

local function has(list, id)
	for _, item in ipairs(list) do
		if item == id then
			return true
		end
	end
	return false
end

-- The activities of the last n campaigns that were sent.
local function last_activities(n)
	local out = {}
	for _, campaign in store.campaigns:each(nil, true) do
		if campaign.last_sent_ms and #out < n then
			out[#out + 1] = campaign.mailings[1].campaign_activity_id
		end
	end
	return out
end

local ACTS = {opened = "em_opens", clicked = "em_clicks", sent = "em_sends", bounced = "em_bounces"}

-- Whether the contact did it with one of the campaigns; not_opened: with none of them.
local function tracking(c, node)
	local field = node.field or ""
	local is_not, act = field:match("^(not_)(.*)$")
	local kind = ACTS[act or field]
	local value, param = node.const_value, tonumber(node.param) or 1
	local ids = value == "last-n-campaigns" and last_activities(param) or {value}
	local since = value == "last-n-days" and clock.now() - param * 86400000
	for id, records in pairs(store.tracking) do
		for _, record in ipairs(records) do
			if record.contact_id == c.contact_id and record.kind == kind
					and (since and record.ms >= since or has(ids, id)) then
				return not is_not
			end
		end
	end
	return is_not ~= nil
end

local function compare(have, op, value)
	have, value = tostring(have or ""):lower(), tostring(value or ""):lower()
	if op == "starts-with" then
		return have:sub(1, #value) == value
	elseif op == "ends-with" then
		return value == "" or have:sub(-#value) == value
	elseif op == "contains" then
		return have:find(value, 1, true) ~= nil
	elseif op == "not-eq" or op == "neq" then
		return have ~= value
	elseif op == "is-empty" then
		return have == ""
	elseif op == "is-not-empty" then
		return have ~= ""
	end
	return have == value
end

local SOURCES = {
	list_membership = function(c, node)
		return has(c.list_memberships, node.const_value)
	end,
	tags = function(c, node)
		return has(c.taggings, node.const_value)
	end,
	contact = function(c, node)
		local address = c.email and c.email.address or ""
		local of_email = {email = address, email_address = address, email_domain = address:match("[^@]*$")}
		return compare(of_email[node.field] or c[node.field or ""], node.op,
			node.const_value or node.value)
	end,
	tracking = tracking,
}

SOURCES.contacts = SOURCES.contact -- both words are in use

local function check_node(node)
	if type(node) ~= "table" then
		reply.invalid("#/segment_criteria: expected an object")
	end
	if node.group ~= nil then
		if not host.is_array(node.group) or node.type ~= "and" and node.type ~= "or" then
			reply.invalid("#/segment_criteria: a group needs an array and the type and or or")
		end
		for _, part in ipairs(node.group) do
			check_node(part)
		end
		return
	end
	if not SOURCES[node.source] then
		reply.invalid("#/segment_criteria: %s is not a source", tostring(node.source))
	end
	local max = node.const_value == "last-n-days" and DAYS_MAX or CAMPAIGNS_MAX
	if (tonumber(node.param) or 1) > max then
		reply.invalid("#/segment_criteria: %s is more than %d", tostring(node.param), max)
	end
end

-- The criteria out of their text, checked.
function criteria.parse(text)
	local all = host.json.decode(text)
	local top = type(all) == "table" and all.criteria
	if type(top) ~= "table" or top.type ~= "and" or not host.is_array(top.group) then
		reply.invalid("#/segment_criteria: not a JSON text with a group of the type and at the top")
	end
	check_node(top)
	return top
end

-- Whether the contact meets what criteria.parse returned. An empty group asks nothing.
function criteria.meets(c, node)
	if not node.group then
		return SOURCES[node.source](c, node)
	end
	local is_or = node.type == "or"
	for _, part in ipairs(node.group) do
		if criteria.meets(c, part) == is_or then
			return is_or
		end
	end
	return not is_or or #node.group == 0
end

return criteria
