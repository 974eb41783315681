-- Rasa: requests to the action server, and what its event broker tells.

local event = require "event"

local function entities(list)
	local out = {}
	for _, e in ipairs(list or {}) do
		out[#out + 1] = {name = e.entity, value = e.value,
			confidence = event.some(e.confidence_entity) or event.some(e.confidence)}
	end
	return json.array(out)
end

local function channel(name)
	return "rasa." .. (event.some(name) or "rest")
end

local function has_contact(list)
	for _, e in ipairs(list or {}) do
		if event.is_contact(e.entity) then
			return true
		end
	end
	return false
end

-- The order of its fields is no part of JSON: what the slots have goes to the action as it is.
local function action(body)
	local tracker, m = body.tracker, body.tracker.latest_message
	local id = m.message_id .. ":" .. body.next_action
	local of = {platform = "rasa", account = "default",
		conversation = {id = body.sender_id, channel = channel(tracker.latest_input_channel)}}
	local slots = event.known(tracker.slots)
	local time = event.seconds(tracker.latest_event_time)
	local function data(more)
		more.participant = {role = "customer", id = body.sender_id}
		more.locale = type(m.metadata) == "table" and event.some(m.metadata.locale) or nil
		more.message = {id = m.message_id, text = event.some(m.text)}
		more.intent = {name = m.intent.name, confidence = m.intent.confidence}
		more.entities, more.slots = entities(m.entities), slots
		return more
	end
	local events = {event.new(of, "action.requested", id, time,
		data {action = {call_id = id, name = body.next_action, arguments = slots or {}}})}
	local contact = has_contact(m.entities) and event.contact(slots or {})
	if contact then
		events[#events + 1] = event.new(of, "lead.captured", id .. "#lead", time, data {contact = contact})
	end
	if body.next_action:find("handoff", 1, true) then
		events[#events + 1] = event.new(of, "handoff.requested", id .. "#handoff", time,
			data {handoff = {to = "agent", reason = m.intent.name}})
	end
	return {events = events, answer = {events = json.array {}, responses = json.array {}}}
end

local function alternatives(parsed)
	local out = {}
	for _, i in ipairs(parsed.intent_ranking or {}) do
		if i.name ~= parsed.intent.name then
			out[#out + 1] = {name = i.name, confidence = i.confidence}
		end
	end
	return #out > 0 and json.array(out) or nil
end

local function of_broker(body)
	local meta = type(body.metadata) == "table" and body.metadata or {}
	return {platform = "rasa", account = event.some(meta.assistant_id) or "default",
		conversation = {id = body.sender_id, channel = channel(body.input_channel)}}
end

local function said(body, of, time)
	local who = {role = "customer", id = body.sender_id}
	local events = {event.new(of, "message.received", body.message_id, time, {participant = who,
		message = {id = body.message_id, text = event.some(body.text), format = "plain"}})}
	local parsed = type(body.parse_data) == "table" and body.parse_data
	if parsed and type(parsed.intent) == "table" and event.some(parsed.intent.name) then
		events[2] = event.new(of, "intent.detected", body.message_id .. "#intent", time, {participant = who,
			message = {id = body.message_id, text = event.some(body.text)},
			intent = {name = parsed.intent.name, confidence = parsed.intent.confidence, alternatives = alternatives(parsed)},
			entities = entities(parsed.entities)})
	end
	return events
end

local kinds = {bot = "message.sent", session_started = "conversation.started", session_ended = "conversation.ended"}

local function broker(body)
	local of, time = of_broker(body), event.seconds(body.timestamp)
	if body.event == "user" then
		return {events = said(body, of, time)}
	end
	local id = body.sender_id .. ":" .. body.event .. ":" .. time
	local kind = kinds[body.event] or "conversation.updated"
	local data = {participant = {role = kind == "message.sent" and "bot" or "system"}}
	if kind == "message.sent" then
		data.message = {id = id, text = event.some(body.text), format = "plain"}
	elseif kind == "conversation.updated" then
		data.changed = json.array {body.event}
		data.slots = body.event == "slot" and event.known {[body.name] = body.value} or nil
	end
	return {events = {event.new(of, kind, id, time, data)}}
end

return function(body)
	if type(body.tracker) == "table" and event.some(body.next_action) then
		return action(body)
	end
	return event.some(body.event) and event.some(body.sender_id) and broker(body) or nil
end
