-- Messenger, and Instagram's messages, which have the same form.

local event = require "event"

local function attachments(m)
	local list = {}
	for _, a in ipairs(type(m.attachments) == "table" and m.attachments or {}) do
		list[#list + 1] = {type = a.type, url = a.payload and event.some(a.payload.url)}
	end
	return #list > 0 and json.array(list) or nil
end

local function message(m)
	local quick = type(m.quick_reply) == "table" and m.quick_reply
	return {id = m.mid, text = event.some(m.text), format = "plain", attachments = attachments(m),
		reply_to = m.reply_to and event.some(m.reply_to.mid) or nil,
		choice = quick and {id = quick.payload, title = event.some(m.text)} or nil}
end

local function first_value(list)
	return type(list) == "table" and list[1] and event.some(list[1].value) or nil
end

-- What Meta's own language model has found in the text.
local function contact(m)
	local found = m.nlp and m.nlp.entities or {}
	return event.contact {email = first_value(found["wit$email:email"]),
		phone = first_value(found["wit$phone_number:phone_number"])}
end

local function add(events, page, m, standby)
	local echo = m.message and m.message.is_echo == true
	local who = echo and m.recipient.id or m.sender.id
	local of = {platform = "messenger", account = page, conversation = {id = who, channel = "messenger"}}
	local time = event.time(m.timestamp)
	local function put(kind, id, data)
		events[#events + 1] = event.new(of, kind, id, time, data)
	end
	local customer, stem = {role = "customer", id = who}, who .. ":" .. ("%d"):format(m.timestamp // 1)
	if standby then
		put("conversation.updated", stem .. ":standby", {changed = json.array {"standby"}})
	elseif m.message then
		put(echo and "message.sent" or "message.received", m.message.mid,
			{participant = echo and {role = "bot"} or customer, message = message(m.message)})
		local found = not echo and contact(m.message)
		if found then
			put("lead.captured", m.message.mid .. "#lead", {participant = customer, contact = found})
		end
	elseif m.postback then
		local start = m.postback.payload == "GET_STARTED"
		local id = event.some(m.postback.mid) or stem .. ":postback"
		put(start and "conversation.started" or "message.received", id, {participant = customer, message = not start and {
			id = id, text = event.some(m.postback.title), format = "plain",
			choice = {id = m.postback.payload, title = event.some(m.postback.title)}} or nil})
	elseif m.pass_thread_control or m.take_thread_control then
		put("handoff.completed", stem .. ":thread", {handoff = {to = "agent"}})
	elseif m.request_thread_control then
		put("handoff.requested", stem .. ":thread", {handoff = {to = "agent"}})
	else
		put("conversation.updated", stem, {changed = json.array {
			m.delivery and "delivery" or m.read and "read" or m.reaction and "reaction" or "other"}})
	end
end

return function(body)
	if type(body.entry) ~= "table" then
		return nil
	end
	local events = {}
	for _, entry in ipairs(body.entry) do
		for _, m in ipairs(entry.messaging or {}) do
			add(events, entry.id, m, false)
		end
		for _, m in ipairs(entry.standby or {}) do
			add(events, entry.id, m, true)
		end
	end
	return {events = events}
end
