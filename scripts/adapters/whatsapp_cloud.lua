-- WhatsApp's Cloud API: messages, what became of ours, and what the business's own app has sent.

local event = require "event"

local files = {"image", "video", "audio", "document", "sticker"}

local function attachments(m)
	local list = {}
	for _, kind in ipairs(files) do
		local f = m[kind]
		if type(f) == "table" then
			list[#list + 1] = {type = kind, ref = f.id, mime = event.some(f.mime_type), name = event.some(f.filename)}
		end
	end
	return #list > 0 and json.array(list) or nil
end

local function caption(m)
	for _, kind in ipairs(files) do
		if type(m[kind]) == "table" and event.some(m[kind].caption) then
			return m[kind].caption
		end
	end
end

local function choice(m)
	local i = m.interactive
	local picked = type(i) == "table" and (i.button_reply or i.list_reply)
	if picked then
		return {id = picked.id, title = picked.title}
	end
	if type(m.button) == "table" then
		return {id = event.some(m.button.payload), title = m.button.text}
	end
end

local function message(m)
	local picked = choice(m)
	return {id = m.id, text = picked and picked.title or m.text and m.text.body or caption(m), format = "plain",
		choice = picked, reply_to = m.context and event.some(m.context.id), attachments = attachments(m)}
end

local function name_of(value, id)
	for _, c in ipairs(value.contacts or {}) do
		if c.wa_id == id then
			return c.profile and event.some(c.profile.name)
		end
	end
end

local function of(value, id)
	return {platform = "whatsapp-cloud", account = value.metadata.phone_number_id,
		conversation = {id = id, channel = "whatsapp"}}
end

local function add(events, field, value)
	for _, m in ipairs(value.messages or {}) do
		events[#events + 1] = event.new(of(value, m.from), "message.received", m.id, event.seconds(m.timestamp), {
			participant = {role = "customer", id = m.from, name = name_of(value, m.from), phone = "+" .. m.from},
			message = message(m)})
	end
	for _, m in ipairs(field == "smb_message_echoes" and value.message_echoes or {}) do
		events[#events + 1] = event.new(of(value, m.to), "message.sent", m.id, event.seconds(m.timestamp), {
			participant = {role = "agent"}, message = message(m)})
	end
	for _, s in ipairs(value.statuses or {}) do
		events[#events + 1] = event.new(of(value, s.recipient_id), "message.status", s.id .. ":" .. s.status,
			event.seconds(s.timestamp), {message = {id = s.id, status = s.status}})
	end
end

return function(body)
	if type(body.entry) ~= "table" then
		return nil
	end
	local events = {}
	for _, entry in ipairs(body.entry) do
		for _, change in ipairs(entry.changes or {}) do
			if type(change.value) == "table" and type(change.value.metadata) == "table" then
				add(events, change.field, change.value)
			end
		end
	end
	return {events = events}
end
