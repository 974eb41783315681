-- Sunshine Conversations, which is also Zendesk Messaging.

local event = require "event"

local function participant(author)
	local user = type(author.user) == "table" and author.user or {}
	local profile = type(user.profile) == "table" and user.profile or {}
	local customer = author.type == "user"
	local name = event.some(author.displayName) or event.some(profile.givenName)
	return {role = customer and "customer" or "agent", id = event.some(author.userId), name = name,
		email = customer and event.some(profile.email) or nil, external_id = event.some(user.externalId)}
end

local function fields(content)
	local out = {}
	for _, f in ipairs(content.type == "formResponse" and content.fields or {}) do
		out[f.name] = event.some(f.email) or event.some(f.text) or event.some(f.select and f.select[1] and f.select[1].name)
	end
	return next(out) and out or nil
end

local function said(put, e, m)
	local who, slots = participant(m.author), fields(m.content)
	local time = event.some(m.received) or e.createdAt
	put(who.role == "customer" and "message.received" or "message.sent", e.id, time, {participant = who, slots = slots,
		message = {id = m.id, text = event.some(m.content.text) or event.some(m.content.textFallback), format = "plain"}})
	local contact = slots and event.contact(slots)
	if contact then
		put("lead.captured", e.id .. "#lead", time, {participant = who, slots = slots, contact = contact})
	end
end

local kinds = {["conversation:create"] = "conversation.started", ["conversation:remove"] = "conversation.ended",
	["switchboard:offerControl"] = "handoff.requested", ["switchboard:passControl"] = "handoff.completed"}

local function add(events, app, e)
	local p = e.payload or {}
	local c = type(p.conversation) == "table" and p.conversation or {}
	local of = {platform = "sunshine", account = app, conversation = {id = c.id or "unknown", channel = "sunshine"}}
	local function put(kind, id, time, data)
		events[#events + 1] = event.new(of, kind, id, time, data)
	end
	local kind = kinds[e.type]
	if e.type == "conversation:message" then
		said(put, e, p.message)
	elseif e.type == "conversation:postback" then
		put("message.received", e.id, e.createdAt, {participant = {role = "customer", id = p.user and p.user.id}, message = {
			id = e.id, text = event.some(p.postback.text), format = "plain",
			choice = {id = p.postback.payload, title = event.some(p.postback.text)}}})
	elseif kind then
		put(kind, e.id, e.createdAt, {handoff = kind:find("^handoff") and {to = "agent"} or nil})
	else
		put("conversation.updated", e.id, e.createdAt, {changed = json.array {e.type}})
	end
end

return function(body)
	if type(body.events) ~= "table" or type(body.app) ~= "table" then
		return nil
	end
	local events = {}
	for _, e in ipairs(body.events) do
		add(events, body.app.id, e)
	end
	return {events = events}
end
