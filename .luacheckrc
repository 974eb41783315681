-- What scripts may use: the durable calls and the library that the sandbox offers, and nothing else.
std = {
	read_globals = {
		-- recorded in the journal
		"call", "http", "wait", "wait_event", "emit", "reply", "memory", "all", "now", "random",
		"uuid", "log", "run", "event", "data", "vars",
		-- the library of rules and scripts
		"has", "get", "find", "pluck", "map", "filter", "sort", "uniq", "chunk", "merge", "pick",
		"omit", "keys", "len", "empty", "isnull", "list", "lower", "upper", "trim", "split", "join",
		"words", "contains", "starts_with", "ends_with", "match", "glob", "isemail", "text", "json",
		"base64", "hex", "sha256", "hmac", "time", "csv",
		-- Lua's own, made safe
		"assert", "error", "getmetatable", "ipairs", "math", "next", "pairs", "pcall", "rawequal",
		"rawget", "rawlen", "rawset", "require", "select", "setmetatable", "string", "table",
		"tonumber", "tostring", "type", "utf8", "xpcall",
	},
}
max_line_length = 120
ignore = {"212/_.*"}
-- The stand-in of the API runs in a state of its own and is handed what it needs.
files["scripts/sandbox/"] = {std = "lua54"}
-- So do the adapters of conversation platforms.
files["scripts/adapters/"] = {std = "lua54", read_globals = {"json", "now_ms"}}
-- wrk's own Lua, which calls these.
files["bench/*.lua"] = {
	std = "luajit",
	globals = {"wrk", "init", "request", "response", "done", "setup", "delay"},
}
