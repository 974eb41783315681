-- A contact's SMS channel: its number, its consents, and the history of both.

local check = require "check"
local clock = require "clock"
local host = require "host"
local reply = require "reply"
local store = require "store"

local sms = {}

local get = host.get
local CONSENTS = check.words("explicit", "implicit", "not_set", "pending_confirmation",
	"unsubscribed")

local function digits(number)
	return (number:gsub("%D", ""))
end

function sms.find(number)
	return store.by_sms[digits(number)]
end

local function consents_of(channel)
	local out, now = host.array {}, clock.iso(clock.now())
	for i, consent in ipairs(check.objects(channel, "sms_channel_consents", 10) or {}) do
		local permission = check.word(consent, "sms_consent_permission", CONSENTS) or "not_set"
		out[i] = {
			sms_consent_permission = permission,
			consent_type = check.string(consent, "consent_type", 50) or "promotional_sms",
			opt_in_date = permission == "explicit" and now or nil,
			opt_out_date = permission == "unsubscribed" and now or nil,
			advertised_frequency = get(consent, "advertised_frequency"),
			advertised_interval = get(consent, "advertised_interval"),
			created_at = now, updated_at = now,
			medium = get(consent, "consent_medium_type"),
		}
	end
	return out
end

-- The channel of a body, checked: its number as digits and its consents; nil when there is none.
function sms.parse(body)
	local channel = check.object(body, "sms_channel")
	if not channel then
		return nil
	end
	local number = check.string(channel, "full_sms_address", 16)
	local dial = check.string(channel, "dial_code", 4) or "1"
	if not number then
		check.required(channel, "sms_address")
		number = dial .. digits(check.string(channel, "sms_address", 16))
	end
	number = digits(number)
	if #number < 8 or #number > 15 then
		reply.invalid("#/sms_channel: not a valid SMS number")
	end
	return {number = number, dial = dial, country = check.string(channel, "country_code", 2) or "US",
		consents = consents_of(channel)}
end

-- Gives the contact the channel that sms.parse returned.
function sms.set(c, channel, source)
	local now = clock.now()
	if c.sms_channel then
		store.by_sms[c.sms_number] = nil
	end
	c.sms_number = channel.number
	store.by_sms[channel.number] = c
	for _, consent in ipairs(channel.consents) do
		local permission, medium = consent.sms_consent_permission, consent.medium
		consent.medium = nil
		c.sms_history[#c.sms_history + 1] = {
			id = host.uuid(), at = now, permission = permission,
			consent_type = consent.consent_type, medium = medium,
			source = source, number = channel.number, frequency = consent.advertised_frequency,
			interval = consent.advertised_interval,
		}
	end
	c.sms_channel = {
		sms_channel_id = c.sms_channel and c.sms_channel.sms_channel_id or host.uuid(),
		dial_code = channel.dial, country_code = channel.country,
		sms_address = channel.number:sub(1, #channel.dial) == channel.dial
			and channel.number:sub(#channel.dial + 1) or channel.number,
		create_source = c.sms_channel and c.sms_channel.create_source or source,
		update_source = source, sms_channel_consents = channel.consents,
	}
end

-- "all" aside, the word that ?sms_status= filters by.
function sms.status(c)
	local consent = c.sms_channel and c.sms_channel.sms_channel_consents[1]
	return consent and consent.sms_consent_permission or "not_set"
end

-- The history as the API shows it: a bare array.
function sms.history(c)
	local out = host.array {}
	for i, entry in ipairs(c.sms_history) do
		local is_out = entry.permission == "unsubscribed"
		out[i] = {
			contact_id = c.contact_id,
			sms_channel_id = c.sms_channel.sms_channel_id,
			sms_channel_history_id = entry.id,
			insert_time = clock.iso(entry.at),
			history_details = {
				state = is_out and "O" or "I", source = entry.source:sub(1, 1),
				consent_type = entry.consent_type,
				consent_action_time = clock.iso(entry.at):gsub("T", " "):gsub("%.%d+Z$", " -0000"),
				consent_action_type = is_out and "opt_out" or "opt_in",
				consent_medium_type = entry.medium, source_sms_number = entry.number,
				advertised_frequency = entry.frequency, advertised_interval = entry.interval,
			},
		}
	end
	return out
end

return sms
