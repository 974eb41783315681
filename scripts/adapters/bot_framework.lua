-- Activities of the Bot Framework, Teams among its channels.

local event = require "event"

local function participant(from)
	from = type(from) == "table" and from or {}
	return {role = from.role == "bot" and "bot" or "customer", id = event.some(from.id), name = event.some(from.name),
		external_id = event.some(from.aadObjectId)}
end

local function joined(a)
	for _, m in ipairs(type(a.membersAdded) == "table" and a.membersAdded or {}) do
		if not a.recipient or m.id ~= a.recipient.id then
			return true
		end
	end
	return false
end

local ignored = {invoke = true, typing = true}

return function(a)
	if not event.some(a.type) or type(a.conversation) ~= "table" then
		return nil
	end
	if ignored[a.type] then
		return {events = {}}
	end
	local account = event.some(a.conversation.tenantId) or event.some(a.channelId) or "default"
	local of = {platform = "bot-framework", account = account, conversation = {
		id = a.conversation.id, channel = "bot." .. (event.some(a.channelId) or "direct")}}
	local time = event.some(a.timestamp) or event.now()
	local id = event.some(a.id) or a.type .. ":" .. time
	local who, kind, data = participant(a.from), "conversation.updated"
	if a.type == "message" then
		kind = who.role == "bot" and "message.sent" or "message.received"
		data = {participant = who, message = {id = id, text = event.plain(a.text), reply_to = event.some(a.replyToId),
			format = a.textFormat == "markdown" and "markdown" or a.textFormat == "xml" and "html" or "plain"}}
	elseif a.type == "conversationUpdate" and joined(a) then
		kind, data = "conversation.started", {participant = who}
	elseif a.type == "endOfConversation" then
		kind, data = "conversation.ended", {outcome = event.some(a.code) and {code = a.code} or nil}
	elseif a.type == "handoff" or a.type == "event" and a.name == "handoff.initiate" then
		kind, data = "handoff.requested", {participant = who, handoff = {to = "agent"}}
	else
		data = {changed = json.array {event.some(a.name) or a.type}}
	end
	data.locale = event.some(a.locale)
	return {events = {event.new(of, kind, id, time, data)}}
end
