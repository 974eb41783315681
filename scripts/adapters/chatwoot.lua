-- Chatwoot's webhooks, of accounts and of agent bots.

local event = require "event"

local statuses = {open = "open", pending = "pending", snoozed = "snoozed", resolved = "closed"}
local roles = {contact = "customer", agent_bot = "bot", user = "agent"}

local function time_of(v)
	v = event.some(v)
	if type(v) == "string" then
		return v
	end
	return v and event.seconds(v) or event.now()
end

local function assignee(c)
	local own = c.meta and type(c.meta.assignee) == "table" and c.meta.assignee
	return own and {type = "agent", id = event.id(own.id), name = event.some(own.name)} or nil
end

local function of(body, c)
	local first = type(c.messages) == "table" and c.messages[1] or {}
	local account = type(body.account) == "table" and body.account.id or event.some(c.account_id) or first.account_id
	local labels = type(c.labels) == "table" and #c.labels > 0 and json.array(c.labels) or nil
	return {platform = "chatwoot", account = event.id(account) or "unknown", conversation = {
		id = event.id(c.id), channel = "chatwoot." .. (event.some(c.channel) or "chat"):gsub("^Channel::", ""):lower(),
		status = statuses[c.status], assignee = assignee(c), labels = labels,
		attributes = event.known(c.custom_attributes)}}
end

local function participant(s)
	if type(s) ~= "table" then
		return {role = "system"}
	end
	local role = roles[s.type] or "agent"
	local customer = role == "customer"
	return {role = role, id = event.id(s.id), name = event.some(s.name), email = customer and event.some(s.email) or nil,
		phone = customer and event.some(s.phone_number) or nil}
end

local function message(m)
	return {id = event.id(m.id), text = event.some(m.content), format = "markdown"}
end

-- What a form in the chat has collected.
local function submitted(m)
	local list = type(m.content_attributes) == "table" and m.content_attributes.submitted_values
	local out = {}
	for _, v in ipairs(type(list) == "table" and list or {}) do
		out[v.name or v.title or "value"] = v.value
	end
	return next(out) and out or nil
end

local kinds = {incoming = "message.received", outgoing = "message.sent", template = "message.sent"}

local function of_message(body)
	local c = body.conversation
	local where, updated = of(body, c), body.event == "message_updated"
	local kind = updated and "message.updated" or body.private ~= true and kinds[body.message_type]
		or "conversation.updated"
	local slots, id = submitted(body), event.id(body.id)
	local time = time_of(updated and body.updated_at or body.created_at)
	local stem = id .. (updated and ":updated:" .. time or "")
	local data = {participant = participant(body.sender), slots = slots}
	if kind ~= "conversation.updated" then
		data.message = message(body)
	else
		data.changed = json.array {"note"}
	end
	local events = {event.new(where, kind, stem, time, data)}
	local contact = slots and event.contact(slots)
	if contact then
		events[2] = event.new(where, "lead.captured", stem .. "#lead", time,
			{participant = data.participant, slots = slots, contact = contact})
	end
	return events
end

-- {attribute = {previous_value, current_value}} of what has changed.
local function changes(body)
	local out = {}
	for _, one in ipairs(type(body.changed_attributes) == "table" and body.changed_attributes or {}) do
		for name, v in pairs(one) do
			out[name] = v
		end
	end
	return out
end

local function of_conversation(body)
	local where = of(body, body)
	local time = time_of(event.some(body.updated_at) or event.some(body.timestamp) or body.created_at)
	local status = changes(body).status or {}
	local kind, data = "conversation.updated", {changed = json.array {body.event}}
	if body.event == "conversation_created" then
		kind, data = "conversation.started", {participant = participant(body.meta and body.meta.sender)}
		data.participant.role = "customer"
	elseif body.status == "resolved" and body.event == "conversation_status_changed" then
		kind, data = "conversation.ended", {outcome = {code = "resolved"}}
	elseif status.previous_value == "pending" and body.status == "open" then
		kind, data = "handoff.requested", {handoff = {to = "agent", reason = "opened"}}
	end
	return {event.new(where, kind, event.id(body.id) .. ":" .. body.event .. ":" .. time, time, data)}
end

return function(body)
	if not event.some(body.event) then
		return nil
	end
	if body.event:find("^message_") and type(body.conversation) == "table" then
		return {events = of_message(body)}
	end
	if body.event:find("^conversation_") and event.id(body.id) then
		return {events = of_conversation(body)}
	end
	return {events = {}}
end
