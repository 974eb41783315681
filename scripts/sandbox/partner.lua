-- The partner's side: its clients' accounts, their plans, and requests on their behalf.

local check = require "check"
local clock = require "clock"
local contact = require "contact"
local host = require "host"
local lookup = require "lookup"
local object = require "object"
local reply = require "reply"
local Request = require "request"
local router = require "router"
local store = require "store"
local text = require "text"

local partner = {}

local TYPES = check.words("all", "managed", "unmanaged")
local PLANS = check.words("TRIAL", "GOLD", "SILVER", "BRONZE")
local SOURCES = check.words("Account", "Contact", "System")
local SSO = {"contact_email", "external_id", "external_provider", "first_name", "last_name",
	"login_name", "role_name"}

-- A new account in the store.
function partner.add(id, login, organization, managed)
	return store.partners:add {encoded_account_id = id, login_name = login, managed = managed,
		organization_name = organization, plan_type = "TRIAL", billing_day = 15,
		billing_status = "Open", users = {}, created_ms = clock.now()}
end

-- Access without both headers is refused as a wrong type; the token may come without "Bearer".
function partner.refusal(req)
	local headers = req.headers
	if not host.get(headers, "x-api-key") or not host.get(headers, "authorization") then
		return reply.error(415, "partner.api.unsupported_media_type",
			"The headers x-api-key and Authorization are required")
	end
	return nil
end

local function of_path(req)
	return lookup.id(req.ids[1], store.partners, "encoded_account_id")
end

-- A limit out of 10 to 50 is silently 50.
function partner.list(req)
	local params = req.params
	local kind, found = params.account_type or "all", {}
	if not TYPES[kind] then
		reply.invalid("account_type: %s is not a valid value", kind)
	end
	local limit = math.tointeger(tonumber(params.limit)) or 50
	limit = limit >= 10 and limit <= 50 and limit or 50
	local offset = math.max(0, math.tointeger(tonumber(params.offset)) or 0)
	for _, account in store.partners:each() do
		if kind == "all" or (kind == "managed") == account.managed then
			found[#found + 1] = account
		end
	end
	local body = {site_owner_list = host.array {}, _links = {next = host.null}}
	for i = offset + 1, math.min(offset + limit, #found) do
		local account = found[i]
		table.insert(body.site_owner_list, {encoded_account_id = account.encoded_account_id,
			organization_name = account.organization_name, site_owner_name = account.login_name,
			billing_status = account.billing_status, subscriber_count = store.contacts.count,
			last_login_date = clock.iso(account.created_ms)})
	end
	if offset + limit < #found then
		body._links.next = {href = string.format(
			"/v3/partner/accounts?offset=%d&limit=%d&account_type=%s", offset + limit, limit, kind)}
	end
	return reply.json(200, body)
end

function partner.create(req)
	local body = req:json()
	for _, name in ipairs {"contact_email", "country_code", "login_name", "state_code"} do
		check.required(body, name)
	end
	local login = check.string(body, "login_name", 80)
	if not check.is_email(check.string(body, "contact_email", 80)) then
		reply.invalid("#/contact_email: is not a valid email address")
	end
	for _, account in store.partners:each() do
		if account.login_name == login then
			reply.conflict("The login_name %s exists already.", login)
		end
	end
	local id = "a" .. host.uuid():gsub("-", ""):sub(1, 12)
	partner.add(id, login, check.string(body, "organization_name", 255),
		check.boolean(body, "managed_site_owner") ~= false)
	req:changed("partner_account", id)
	return reply.json(201, {encoded_account_id = id, provision_uuid = host.uuid()})
end

local function shape_plan(account)
	return {
		plan_type = account.plan_type, billing_status = account.billing_status,
		billing_day_of_month = account.billing_day, current_tiers = host.array {{
			usage_type = "CONTACTS", current_usage = store.contacts.count + 0.0, tier = 1,
			tier_min = 0.0, tier_max = 500.0, price = 20.0, currency_code = "USD"}},
	}
end

function partner.get_plan(req)
	return reply.json(200, shape_plan(of_path(req)))
end

-- The day can be chosen only when the trial is left, and nobody goes back there.
function partner.set_plan(req)
	local account = of_path(req)
	local body = req.body ~= "" and req:json() or {}
	local plan = check.word(body, "plan_type", PLANS)
	local day = check.integer(body, "billing_day_of_month", 1, 31)
	check.integer(body, "plan_group_id", 0, 1 << 31)
	if plan == "TRIAL" and account.plan_type ~= "TRIAL" then
		reply.invalid("#/plan_type: there is no way back to TRIAL")
	end
	if day and account.plan_type == "TRIAL" then
		account.billing_day = day
	end
	account.plan_type = plan or account.plan_type
	req:changed("plan", account.encoded_account_id)
	return reply.json(200, shape_plan(account))
end

function partner.cancel(req)
	local account = of_path(req)
	local body = req.body ~= "" and req:json() or {}
	local date = check.string(body, "effective_date", 40)
	if date and not clock.parse(date) then
		reply.invalid("#/effective_date: %s is not an ISO-8601 date", date)
	end
	account.cancellation = {reason_id = check.integer(body, "reason_id", 0, 1000),
		effective_date = date or clock.iso(clock.now())}
	account.billing_status = "Canceled"
	req:changed("cancellation", account.encoded_account_id)
	return reply.json(200, account.cancellation)
end

local function path_of(body)
	local values = {}
	for _, param in ipairs(check.objects(body, "account_operation_path_parameters") or {}) do
		values[check.string(param, "path_param_key") or ""] = check.string(param, "path_param_value")
	end
	return (check.string(body, "account_operation_url", 2000):gsub("{([^}]*)}", function(name)
		return values[name] or reply.invalid("the path parameter %s is missing", name)
	end))
end

local function query_of(body)
	local params = {}
	for _, param in ipairs(check.objects(body, "account_operation_query_parameters") or {}) do
		params[check.string(param, "query_param_key") or ""] = check.string(param, "query_param_value")
	end
	return text.to_query(params)
end

-- Does another request inside of this one; what it changed counts for this one.
function partner.sync(req)
	of_path(req)
	local body = req:json()
	check.required(body, "account_operation_method")
	check.required(body, "account_operation_url")
	local headers = {["content-type"] = "application/json"}
	for _, header in ipairs(check.objects(body, "account_operation_headers") or {}) do
		headers[(check.string(header, "header_key") or ""):lower()] =
			check.string(header, "header_value")
	end
	local path = path_of(body)
	if path:find("^/partner/") then
		reply.invalid("#/account_operation_url: is an operation of the partner")
	end
	local inner = Request.new {method = check.string(body, "account_operation_method", 10),
		path = "/v3" .. path, query = query_of(body), headers = headers,
		body = check.string(body, "account_operation_payload") or ""}
	inner.entry = req.entry
	return router.answer(inner, path)
end

function partner.sso_user(req)
	local account, body = of_path(req), req:json()
	for _, name in ipairs(SSO) do
		check.required(body, name)
		check.string(body, name, 255)
	end
	if account.users[body.login_name] then
		reply.conflict("The login_name %s exists already.", body.login_name)
	end
	account.users[body.login_name] = object.pick(body, SSO)
	req:changed("sso_user", body.login_name)
	return reply.empty(201)
end

function partner.unsubscribe(req)
	of_path(req)
	local body = req:json()
	check.required(body, "update_source")
	local source = check.word(body, "update_source", SOURCES)
	local addresses = check.array(body, "email_addresses", 500) or {}
	local delete, count = check.boolean(body, "delete_contacts"), 0
	if check.boolean(body, "global_unsubscribe") and #addresses ~= 1 then
		reply.invalid("#/global_unsubscribe: needs exactly one address")
	end
	for _, address in ipairs(addresses) do
		local c = type(address) == "string" and contact.by_email(address)
		if c and not c.deleted_ms and c.email.permission ~= "unsubscribed" then
			contact.set_permission(c, "unsubscribed", source, check.string(body, "opt_out_reason", 255))
			contact.touch(c, source)
			count = count + 1
		end
		if c and delete and not c.deleted_ms then
			contact.delete(c)
		end
	end
	if count > 0 then
		req:changed("unsubscribe", req.ids[1])
	end
	return reply.json(200, {unsubscribed_count = count})
end

local ONE = "/partner/accounts/{}"

partner.routes = {
	{"GET", "/partner/accounts", partner.list},
	{"POST", "/partner/accounts", partner.create},
	{"GET", ONE .. "/plan", partner.get_plan},
	{"PUT", ONE .. "/plan", partner.set_plan},
	{"PUT", ONE .. "/status/cancel", partner.cancel},
	{"POST", ONE .. "/account_operations/sync", partner.sync},
	{"POST", ONE .. "/users/sso", partner.sso_user},
	{"POST", ONE .. "/contacts/unsubscribe", partner.unsubscribe},
}

return partner
