-- Social networks: profiles, their connections, groups of hashtags, and posts.

local check = require "check"
local clock = require "clock"
local host = require "host"
local object = require "object"
local reply = require "reply"
local store = require "store"

local social = {}

local HASHTAGS_MAX = 5 -- groups a page

local function account_of(profile)
	return {account_url = profile.url, display_name = profile.name, network = profile.network,
		image_url = profile.image_url, network_account_id = profile.network_id,
		username = profile.handle}
end

function social.profiles(req)
	local accessible = false
	for value in req.query:gmatch("include=([^&]*)") do
		if value ~= "accessible" then
			reply.invalid("include: %s is not a valid value", value)
		end
		accessible = true
	end
	local out = host.array {}
	for i, profile in ipairs(store.profiles.items) do
		local shown = object.pick(profile, {"profile_id", "network", "handle", "name", "url",
			"image_url", "connected"})
		shown.account_info, shown.network_profile_id = account_of(profile), profile.network_id
		shown.settings = {}
		if accessible then
			shown.accessible = true
		end
		out[i] = shown
	end
	return reply.json(200, out)
end

function social.connections()
	local out = host.array {}
	for i, profile in ipairs(store.profiles.items) do
		out[i] = {account_info = account_of(profile), connection_status = {has_token = true,
			is_active_user = true, rate_limited = false, status = 200, token_has_scopes = true,
			token_is_valid = true}}
	end
	return reply.json(200, {connections = out})
end

local function number(params, name, default, low)
	local value = math.tointeger(tonumber(params[name] or default))
	if not value or value < low then
		reply.invalid("%s: %s is not a valid number", name, params[name])
	end
	return value
end

-- Pages are counted from 0 and come with their number and the sum.
function social.hashtags(req)
	local limit = math.min(number(req.params, "limit", HASHTAGS_MAX, 1), HASHTAGS_MAX)
	local at, total = number(req.params, "page", 0, 0), store.hashtags.count
	local pages = (total + limit - 1) // limit
	local body = {hashtag_groups = host.array {}, _links = {},
		page = {page = at, size = limit, total_elements = total, total_pages = pages}}
	for i = at * limit + 1, math.min((at + 1) * limit, total) do
		table.insert(body.hashtag_groups, store.hashtags.items[i])
	end
	if at + 1 < pages then
		body._links.next = {href = string.format("/v3/social/hashtags/groups?limit=%d&page=%d",
			limit, at + 1)}
	end
	return reply.json(200, body)
end

local function post_of(part, status, when)
	local out = object.copy(part)
	out.post_content_id = out.post_content_id or host.uuid()
	for _, target in ipairs(out.profiles) do
		local profile = store.profiles:get(target.profile_id)
		if not profile then
			reply.invalid("#/profile_posts: profile %s was not found", tostring(target.profile_id))
		end
		target.network, target.profile_name = profile.network, profile.name
		target.account_username, target.image_url = profile.handle, profile.image_url
		target.campaign_activity_id = host.uuid()
		target.campaign_activity_status = status
		target.campaign_activity_status_date = clock.iso(when)
	end
	return out
end

local function check_post(part, status)
	check.required(part, "profiles")
	if #check.objects(part, "profiles") == 0 and status ~= "DRAFT" then
		reply.invalid("#/profile_posts: only a DRAFT may have no profiles")
	end
	for name, value in pairs(check.object(part, "settings") or {}) do
		if type(value) ~= "string" then
			reply.invalid("#/profile_posts/settings/%s: expected type: String", name)
		end
	end
	for _, image in ipairs(check.objects(part, "images") or {}) do
		check.required(image, "url")
	end
end

-- A post without a time is published at once, unless it is a draft.
function social.create(req)
	local body = req:json()
	check.required(body, "status")
	check.required(body, "profile_posts")
	local status = check.word(body, "status", check.words("DRAFT", "SCHEDULED"))
	local time = check.string(body, "scheduled_time", 40)
	local when = time and clock.parse(time)
	if time and not when then
		reply.invalid("#/scheduled_time: %s is not an ISO-8601 date", time)
	end
	local shown = status == "SCHEDULED" and not time and "PUBLISHED" or status
	local parts = host.array {}
	for i, part in ipairs(check.objects(body, "profile_posts")) do
		check_post(part, status)
		parts[i] = post_of(part, shown, when or clock.now())
	end
	local post = store.posts:add {campaign_id = host.uuid(), name = check.string(body, "name", 255),
		status = status, scheduled_time = time, profile_posts = parts}
	req:changed("post", post.campaign_id)
	return reply.json(201, post)
end

social.routes = {
	{"GET", "/social/profiles", social.profiles},
	{"GET", "/social/connections", social.connections},
	{"GET", "/social/hashtags/groups", social.hashtags},
	{"POST", "/social/posts", social.create},
}

return social
