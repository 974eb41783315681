-- Twilio Conversations' webhooks: forms, whose Attributes are JSON in a text.

local event = require "event"

local function attributes(body)
	local ok, v = pcall(json.decode, event.some(body.Attributes) or "{}")
	return ok and type(v) == "table" and next(v) and v or nil
end

local function phone(author)
	author = event.some(author)
	return author and (author:match("^(%+%d+)$") or author:match("^whatsapp:(%+%d+)$"))
end

local statuses = {active = "open", inactive = "snoozed", closed = "closed"}

local function whole(body, state)
	return {id = body.ConversationSid, channel = "twilio.conversation", status = statuses[state],
		attributes = attributes(body)}
end

local makers = {}

function makers.onMessageAdded(body, of)
	local number = phone(body.Author)
	of.conversation = {id = body.ConversationSid, channel = "twilio." .. (event.some(body.Source) or "chat"):lower()}
	return event.new(of, number and "message.received" or "message.sent", body.MessageSid, body.DateCreated, {
		participant = {role = number and "customer" or "agent",
			id = event.some(body.ParticipantSid) or event.some(body.Author), phone = number},
		message = {id = body.MessageSid, text = event.some(body.Body), format = "plain"}})
end

function makers.onMessageUpdated(body, of)
	return event.new(of, "message.updated", body.MessageSid .. ":" .. (event.some(body.DateUpdated) or "updated"),
		event.some(body.DateUpdated) or event.now(),
		{message = {id = body.MessageSid, text = event.some(body.Body), format = "plain"}})
end

function makers.onDeliveryUpdated(body, of)
	local known = {sent = true, delivered = true, read = true, failed = true}
	return event.new(of, "message.status", body.MessageSid .. ":" .. tostring(body.Status),
		event.some(body.DateCreated) or event.now(),
		{message = {id = body.MessageSid, status = known[body.Status] and body.Status or "failed"}})
end

function makers.onConversationAdded(body, of)
	local own = attributes(body)
	of.conversation = whole(body, body.State)
	return event.new(of, "conversation.started", body.ConversationSid .. ":added", body.DateCreated,
		{locale = own and own.locale})
end

function makers.onConversationStateUpdated(body, of)
	local ended = body.StateTo == "closed"
	of.conversation = whole(body, body.StateTo)
	return event.new(of, ended and "conversation.ended" or "conversation.updated",
		body.ConversationSid .. ":state:" .. body.StateUpdated, body.StateUpdated,
		{changed = json.array {"state"}, outcome = ended and {code = body.Reason} or nil})
end

return function(body)
	if not event.some(body.EventType) or not event.some(body.ConversationSid) then
		return nil
	end
	local of = {platform = "twilio-conversations", account = body.AccountSid,
		conversation = {id = body.ConversationSid, channel = "twilio.conversation"}}
	local make = makers[body.EventType]
	if make then
		return {events = {make(body, of)}}
	end
	local at = event.some(body.DateUpdated) or event.some(body.DateCreated) or event.now()
	return {events = {event.new(of, "conversation.updated", body.ConversationSid .. ":" .. body.EventType .. ":" .. at, at,
		{changed = json.array {body.EventType}})}}
end
