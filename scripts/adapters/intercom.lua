-- Intercom's notifications of conversations and leads.

local event = require "event"

local roles = {user = "customer", lead = "customer", contact = "customer", admin = "agent", team = "agent", bot = "bot"}

local function participant(author)
	if type(author) ~= "table" then
		return nil
	end
	local role = author.from_ai_agent == true and "bot" or roles[author.type] or "system"
	local customer = role == "customer"
	return {role = role, id = event.id(author.id), name = event.some(author.name),
		email = customer and event.some(author.email) or nil}
end

local function assignee(item)
	local team, admin = event.id(item.team_assignee_id), event.id(item.admin_assignee_id)
	if admin then
		return {type = "agent", id = admin}
	end
	return team and {type = "team", id = team}
end

local function conversation(item)
	return {id = item.id, channel = "intercom.conversation", status = event.some(item.state), assignee = assignee(item)}
end

local function message(part)
	return {id = event.id(part.id), text = event.plain(part.body), format = "html"}
end

local function outcome(item)
	local rating = type(item.conversation_rating) == "table" and item.conversation_rating or {}
	local agent = type(item.ai_agent) == "table" and item.ai_agent or {}
	return event.known {code = event.some(agent.resolution_state), rating = event.some(rating.rating),
		remark = event.some(rating.remark)}
end

local function last_part(item)
	local parts = item.conversation_parts and item.conversation_parts.conversation_parts or {}
	return parts[#parts] or item.source or {}
end

local function handoff(item)
	local state = type(item.ai_agent) == "table" and item.ai_agent.resolution_state
	return (state == "escalated" or state == "procedure_handoff") and {to = "agent", reason = state} or nil
end

local function lead(n, item)
	local own = type(item.custom_attributes) == "table" and item.custom_attributes or {}
	local of = {platform = "intercom", account = n.app_id,
		conversation = {id = "contact/" .. item.id, channel = "intercom.messenger"}}
	local email, phone, name = event.some(item.email), event.some(item.phone), event.some(item.name)
	return event.new(of, "lead.captured", n.id, event.seconds(n.created_at), {
		participant = {role = "customer", id = item.id, name = name, email = email, phone = phone},
		locale = event.some(item.browser_language) or event.some(item.language_override),
		contact = {email = email, phone = phone, name = name, company = event.some(own.company)}})
end

local kinds = {
	["conversation.user.created"] = "conversation.started",
	["conversation.user.replied"] = "message.received",
	["conversation.admin.replied"] = "message.sent",
	["conversation.operator.replied"] = "message.sent",
	["conversation.admin.assigned"] = "handoff.completed",
	["conversation.admin.closed"] = "conversation.ended",
	["conversation.rating.added"] = "conversation.rated",
}

local function add_source(events, n, of, item, time)
	local source = type(item.source) == "table" and item.source
	if source and event.plain(source.body) then
		events[#events + 1] = event.new(of, "message.received", n.id .. "#message", time,
			{participant = participant(source.author), message = message(source)})
	end
end

return function(n)
	local item = type(n.data) == "table" and n.data.item
	if type(item) ~= "table" or not event.some(n.topic) then
		return nil
	end
	if n.topic == "contact.lead.added_email" or n.topic == "contact.lead.created" then
		return {events = {lead(n, item)}}
	end
	if item.type ~= "conversation" then
		return {events = {}} -- as the test of a subscription
	end
	local of = {platform = "intercom", account = n.app_id, conversation = conversation(item)}
	local kind, part = kinds[n.topic] or "conversation.updated", last_part(item)
	local time = event.seconds(event.some(part.created_at) or n.created_at)
	local data = {participant = participant(part.author)}
	if kind == "message.received" or kind == "message.sent" then
		data.message = message(part)
	elseif kind == "conversation.ended" or kind == "conversation.rated" then
		data.outcome = outcome(item)
	elseif kind == "handoff.completed" then
		data.handoff = {to = "agent"}
	elseif kind == "conversation.updated" then
		data.changed = json.array {n.topic}
	end
	local events = {event.new(of, kind, n.id, time, data)}
	if kind == "conversation.started" then
		add_source(events, n, of, item, time)
	end
	if handoff(item) and kind ~= "conversation.ended" then
		events[#events + 1] = event.new(of, "handoff.requested", n.id .. "#handoff", time, {handoff = handoff(item)})
	end
	return {events = events}
end
