-- The account: its owner, its address, and what its user may do.

local check = require "check"
local emails = require "emails"
local host = require "host"
local object = require "object"
local reply = require "reply"
local store = require "store"
local text = require "text"

local account = {}

local WRITABLE = {"contact_email", "contact_phone", "country_code", "first_name", "last_name",
	"organization_name", "organization_phone", "state_code", "time_zone_id", "website"}
local ADDRESS = {"address_line1", "address_line2", "address_line3", "city", "state_code",
	"state_name", "postal_code", "country_code"}
local EXTRA = check.words("physical_address", "company_logo")
local PRIVILEGES = {"account:read", "account:update", "campaign:create", "campaign:delete",
	"campaign:metrics", "campaign:read", "campaign:send", "campaign:write", "contacts:read",
	"contacts:write", "customer-journey:read", "customer-journey:write", "ui:campaign:metrics"}

-- How every account begins.
function account.reset()
	store.account = {
		summary = {contact_email = "owner@example.com", contact_phone = "5085550100",
			country_code = "US", encoded_account_id = "p07e1l8cdif9dl", first_name = "Olga",
			last_name = "Winters", organization_name = "Winters Prints",
			organization_phone = "508-555-0101", state_code = "MA", time_zone_id = "US/Eastern",
			website = "https://www.example.com"},
	}
	emails.add("owner@example.com", true, {"CONTACT", "BILLING", "REPLY_TO"})
end

function account.privileges()
	local out = host.array {}
	for i, name in ipairs(PRIVILEGES) do
		out[i] = {privilege_id = 10 * i, privilege_name = name}
	end
	return reply.json(200, out)
end

function account.get(req)
	local out = object.copy(store.account.summary)
	for _, name in ipairs(text.items(req.params.extra_fields)) do
		if not EXTRA[name] then
			reply.invalid("extra_fields: %s is not a valid value", name)
		end
		if name == "physical_address" then
			out.physical_address = store.account.address
		else
			out.company_logo = {url = "https://files.example.com/logo.png",
				external_url = "https://www.example.com/logo.png", internal_id = "ACCOUNT.IMAGE.5"}
		end
	end
	return reply.json(200, out)
end

-- What is left out stays, although this is a PUT.
function account.update(req)
	local body = req:json()
	for _, name in ipairs(WRITABLE) do
		check.string(body, name, 255)
	end
	if host.get(body, "country_code") == "US" and host.get(body, "state_code") == nil
			and not store.account.summary.state_code then
		reply.invalid("#/state_code: is required in the US")
	end
	object.merge(store.account.summary, body, WRITABLE)
	req:changed("account", store.account.summary.encoded_account_id)
	return reply.json(200, store.account.summary)
end

local function address_of(req)
	local body = req:json()
	for _, name in ipairs {"address_line1", "city", "country_code"} do
		check.required(body, name)
	end
	for _, name in ipairs(ADDRESS) do
		check.string(body, name, 255)
	end
	local country = body.country_code
	local has_codes = country == "US" or country == "CA"
	if has_codes and host.get(body, "state_name") then
		reply.invalid("#/state_name: must be left out for %s", country)
	end
	if has_codes and not (host.get(body, "state_code") and host.get(body, "postal_code")) then
		reply.invalid("#: state_code and postal_code are required for %s", country)
	end
	return object.pick(body, ADDRESS)
end

function account.get_address()
	if not store.account.address then
		reply.missing("The account has no physical address.")
	end
	return reply.json(200, store.account.address)
end

function account.add_address(req)
	local address = address_of(req)
	if store.account.address then
		reply.conflict("The account has a physical address already.")
	end
	store.account.address = address
	req:changed("address", store.account.summary.encoded_account_id)
	return reply.json(201, address)
end

function account.update_address(req)
	store.account.address = address_of(req)
	req:changed("address", store.account.summary.encoded_account_id)
	return reply.json(200, store.account.address)
end

account.routes = {
	{"GET", "/account/user/privileges", account.privileges},
	{"GET", "/account/summary", account.get},
	{"PUT", "/account/summary", account.update},
	{"GET", "/account/summary/physical_address", account.get_address},
	{"POST", "/account/summary/physical_address", account.add_address},
	{"PUT", "/account/summary/physical_address", account.update_address},
}

return account
