-- Answers, and the three shapes in which the API reports an error.

local host = require "host"

local reply = {}

local JSON = "application/json"

function reply.json(status, body, headers)
	headers = headers or {}
	headers["Content-Type"] = JSON
	return {status = status, headers = headers, body = host.json.encode(body)}
end

function reply.empty(status)
	return {status = status, headers = {}, body = ""}
end

function reply.text(status, kind, text)
	return {status = status, headers = {["Content-Type"] = kind}, body = text}
end

-- The usual envelope: an array with one object.
function reply.error(status, key, message)
	return reply.json(status, host.array {{error_key = key, error_message = message}})
end

-- The bare object of 401 and 429.
function reply.bare(status, key, message)
	return reply.json(status, {error_key = key, error_message = message})
end

function reply.throttled()
	return reply.bare(429, "throttled", "Too Many Requests")
end

function reply.quota_exceeded()
	return reply.bare(429, "quota_exceeded", "Limit Exceeded")
end

-- The key of this third 429 is not documented; all that counts is that it is neither of the others.
function reply.queue_full()
	return reply.bare(429, "activity_queue_limit", "Too many activities are queued for this account")
end

-- The functions below do not return: the router catches the answer and sends it.

function reply.invalid(message, ...)
	error(reply.error(400, "contacts.api.validation.error", string.format(message, ...)), 0)
end

function reply.missing(message, ...)
	error(reply.error(404, "contacts.api.not_found", string.format(message, ...)), 0)
end

function reply.conflict(message, ...)
	error(reply.error(409, "contacts.api.conflict", string.format(message, ...)), 0)
end

function reply.wrong_type(message)
	error(reply.error(415, "contacts.api.unsupported_media_type", message), 0)
end

return reply
