-- Slack's Events API.

local event = require "event"

local function is_bot(e)
	return e.subtype == "bot_message" or event.some(e.bot_id) ~= nil
end

local function participant(e)
	if is_bot(e) then
		return {role = "bot", id = event.some(e.bot_id), name = event.some(e.username)}
	end
	return {role = "customer", id = event.some(e.user)}
end

local function message(e)
	return {id = e.ts, text = event.some(e.text), format = "markdown", reply_to = event.some(e.thread_ts)}
end

return function(body)
	local e = body.event
	if type(e) ~= "table" then
		return nil
	end
	local thread = type(e.assistant_thread) == "table" and e.assistant_thread or {}
	local inner = type(e.message) == "table" and e.message or e
	local channel = event.some(thread.channel_id) or event.some(e.channel) or "team"
	local ts = event.some(thread.thread_ts) or event.some(inner.thread_ts)
	if type(channel) ~= "string" then
		channel = channel.id or "team"
	end
	local of = {platform = "slack", account = event.some(body.team_id) or "unknown", conversation = {
		id = ts and channel .. ":" .. ts or channel, channel = "slack." .. (event.some(e.channel_type) or "im")}}
	local id, time = body.event_id, event.seconds(body.event_time)
	local kind, data
	if e.type == "message" and e.subtype == "message_changed" then
		kind, data = "message.updated", {participant = participant(inner), message = message(inner)}
	elseif e.type == "message" and (is_bot(e) or not event.some(e.subtype) or e.subtype == "file_share") then
		kind = is_bot(e) and "message.sent" or "message.received"
		data = {participant = participant(e), message = message(e)}
	elseif e.type == "assistant_thread_started" then
		kind, data = "conversation.started", {participant = {role = "customer", id = thread.user_id}}
	else
		kind, data = "conversation.updated", {changed = json.array {e.type}}
	end
	return {events = {event.new(of, kind, id, time, data)}}
end
