-- Dialogflow CX's webhook: a turn of the conversation, which waits for an answer.

local event = require "event"

local function sorted(t)
	local keys = {}
	for k in pairs(t) do
		keys[#keys + 1] = k
	end
	table.sort(keys)
	return keys
end

local function entities(info)
	local out, all = {}, info and event.known(info.parameters) or {}
	for _, name in ipairs(sorted(all)) do
		out[#out + 1] = {name = name, value = all[name].resolvedValue, text = event.some(all[name].originalValue)}
	end
	return #out > 0 and json.array(out) or nil
end

local function sentiment(body)
	local s = body.sentimentAnalysisResult
	if type(s) ~= "table" then
		return nil
	end
	local score = s.score or 0
	return {score = score, magnitude = s.magnitude,
		label = score <= -0.25 and "negative" or score >= 0.25 and "positive" or "neutral"}
end

-- Only what was collected in this turn: the session's parameters are those of all turns.
local function collected(body)
	local out = {}
	local form = body.pageInfo and body.pageInfo.formInfo
	for _, p in ipairs(form and form.parameterInfo or {}) do
		if p.justCollected == true then
			out[p.displayName] = p.value
		end
	end
	return event.contact(out)
end

local function text_of(body)
	return event.some(body.text) or event.some(body.transcript) or event.some(body.dtmfDigits)
end

return function(body)
	local session = body.sessionInfo and event.some(body.sessionInfo.session)
	if not session or not event.some(body.detectIntentResponseId) then
		return nil
	end
	local project, agent, last = session:match("^projects/([^/]+)/.*agents/([^/]+)/.*sessions/([^/]+)$")
	local payload = type(body.payload) == "table" and body.payload or {}
	local of = {platform = "dialogflow-cx", account = (project or "unknown") .. "." .. (agent or "unknown"),
		conversation = {id = last or session, channel = "dialogflow." .. (event.some(payload.channel) or "cx")}}
	local info = type(body.intentInfo) == "table" and body.intentInfo
	local id, time, text = body.detectIntentResponseId, event.now(), text_of(body)
	local language = body.languageInfo and event.some(body.languageInfo.resolvedLanguageCode)
	local function data(more)
		more.participant = {role = "customer"}
		more.locale = language or event.some(body.languageCode)
		more.slots = event.known(body.sessionInfo.parameters)
		more.sentiment = sentiment(body)
		more.intent = info and {name = info.displayName, confidence = info.confidence} or nil
		more.entities = entities(info)
		return more
	end
	local events = {}
	local function add(kind, tail, more)
		events[#events + 1] = event.new(of, kind, id .. tail, time, data(more))
	end
	if body.triggerEvent == "WELCOME" then
		add("conversation.started", "", {})
	elseif text then
		add("message.received", "", {message = {id = id, text = text, format = "plain"}})
	end
	if info then
		add("intent.detected", "#intent", {message = text and {id = id, text = text} or nil})
	end
	local contact = collected(body)
	if contact then
		add("lead.captured", "#lead", {contact = contact})
		events[#events].data.message = nil
	end
	local tag = body.fulfillmentInfo and event.some(body.fulfillmentInfo.tag)
	if tag and (tag:find("handoff", 1, true) or tag:find("agent", 1, true)) then
		add("handoff.requested", "#handoff", {handoff = {to = "agent", reason = tag}})
	end
	if #events == 0 then
		add("conversation.updated", "", {changed = json.array {tag or "webhook"}})
	end
	return {events = events, answer = {fulfillmentResponse = {messages = json.array {}}}}
end
