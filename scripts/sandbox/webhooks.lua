-- The partner's subscriptions to what happens to its clients' accounts. Nothing is ever delivered.

local check = require "check"
local host = require "host"
local reply = require "reply"
local store = require "store"

local webhooks = {}

local TOPICS = {
	{"Billing Tier Upgrade", "Executes when an account's billing tier increases"},
	{"Billing Tier Downgrade", "Executes when an account's billing tier decreases"},
	{"Account Cancellation", "Executes when an account is cancelled"},
	{"Account Disabled", "Executes when an account is disabled"},
}

local function shape(subscription)
	local topic = TOPICS[subscription.topic_id]
	return {topic_id = subscription.topic_id, hook_uri = subscription.hook_uri,
		topic_name = topic[1], topic_description = topic[2]}
end

local function topic_of(req)
	local id = math.tointeger(tonumber(req.ids[1]))
	if not id or not TOPICS[id] then
		reply.missing("topic_id %s was not found.", req.ids[1])
	end
	return id
end

local function of_path(req)
	local subscription = store.subscriptions:get(topic_of(req))
	if not subscription then
		reply.missing("There is no subscription to the topic %s.", req.ids[1])
	end
	return subscription
end

function webhooks.list()
	local out = host.array {}
	for _, subscription in store.subscriptions:each() do
		out[#out + 1] = shape(subscription)
	end
	return reply.json(200, out)
end

function webhooks.get(req)
	return reply.json(200, shape(of_path(req)))
end

-- Subscribes, or changes where a subscription goes; without an address it goes on as before.
function webhooks.put(req)
	local id, body = topic_of(req), req.body ~= "" and req:json() or {}
	local subscription = store.subscriptions:get(id)
	local uri = check.string(body, "hook_uri", 512) or subscription and subscription.hook_uri
		or check.required(body, "hook_uri")
	if not uri:find("^https://[^/]+") then
		reply.invalid("#/hook_uri: must begin with https://")
	end
	subscription = subscription or store.subscriptions:add {topic_id = id}
	subscription.hook_uri = uri
	req:changed("subscription", id)
	return reply.json(200, {topic_id = id, hook_uri = uri})
end

function webhooks.delete(req)
	local subscription = of_path(req)
	store.subscriptions:remove(subscription.topic_id)
	req:changed("subscription", subscription.topic_id)
	return reply.empty(204)
end

-- What would be sent is only counted.
function webhooks.test(req)
	local subscription = of_path(req)
	store.webhook_tests = store.webhook_tests + 1
	req:changed("webhook_test", subscription.topic_id)
	return reply.json(201, shape(subscription))
end

local ALL = "/partner/webhooks/subscriptions"

webhooks.routes = {
	{"GET", ALL, webhooks.list},
	{"GET", ALL .. "/{}", webhooks.get},
	{"PUT", ALL .. "/{}", webhooks.put},
	{"DELETE", ALL .. "/{}", webhooks.delete},
	{"POST", ALL .. "/{}/tests", webhooks.test},
}

return webhooks
