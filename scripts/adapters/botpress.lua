-- Botpress: its messaging integration, and messages and events of its Chat API that are passed on.

local event = require "event"

local function integration(body)
	local of = {platform = "botpress", account = event.some(body.botId) or "default",
		conversation = {id = body.conversationId, channel = "botpress"}}
	local bot = body.isBot == true
	local payload = type(body.payload) == "table" and body.payload or {}
	return event.new(of, bot and "message.sent" or "message.received", body.messageId,
		event.some(body.createdAt) or event.now(), {
			participant = {role = bot and "bot" or "customer", id = event.some(body.userId)},
			message = {id = body.messageId, text = event.some(body.text) or event.some(payload.text), format = "plain"}})
end

local function custom(body, data)
	local of = {platform = "botpress", account = event.some(body.botId) or "default",
		conversation = {id = data.conversationId, channel = "botpress"}}
	local slots = event.known(type(data.payload) == "table" and data.payload or {})
	local time = event.some(data.createdAt) or event.now()
	local events = {event.new(of, "conversation.updated", data.id, time, {slots = slots, changed = json.array {"event"}})}
	local contact = slots and event.contact(slots)
	if contact then
		events[2] = event.new(of, "lead.captured", data.id .. "#lead", time, {slots = slots, contact = contact})
	end
	return events
end

return function(body)
	if event.some(body.messageId) and event.some(body.conversationId) then
		return {events = {integration(body)}}
	end
	local data = type(body.data) == "table" and body.data
	if not data or not event.some(data.conversationId) or not event.some(data.id) then
		return nil
	end
	if body.type == "message_created" then
		return {events = {integration {botId = body.botId, messageId = data.id, conversationId = data.conversationId,
			userId = data.userId, isBot = data.isBot, createdAt = data.createdAt, payload = data.payload}}}
	end
	return {events = custom(body, data)}
end
