---@meta
-- What pawl's expressions and scripts may use, for lua-language-server: `pawl schema --lua > pawl.lua` into a folder that
-- workspace.library of .luarc.json names. It is never run.

-- ---- in a script: recorded operations ----

---Waits, without costing memory: `wait("3d")`, `wait{until = t}`, `wait{activity = answer, timeout = "1h"}`.
---@param span string|{until: number|string}|{activity: any, timeout?: string}
---@return table|nil outcome of an activity
function wait(span) end

---Waits for an event; raises `timeout`. The type and the names under where stand there as literals.
---@param type string|{event?: string, conversation?: string, webhook?: string, run?: string, where?: table, scan?: boolean, timeout?: string}
---@param options? {where?: table, scan?: boolean, timeout?: string}
---@return {id: string, type: string, source: string, subject?: string, time: string, data: any} event
function wait_event(type, options) end

---Any HTTP request that egress allows, with the words of the step http.
---@param request {url?: string, connection?: string, path?: string, method?: string, query?: table, headers?: table, body?: any, form?: table, multipart?: table, save?: string, ok?: integer[], effect?: string, key_header?: string}
---@return {status: integer, headers: table<string, string>, body: any} answer
function http(request) end

---A new event, which may start other rules.
---@param type string
---@param data? table
---@param options? {subject?: string}
function emit(type, data, options) end

---Answers the conversation that started the run.
---@param message string|{text: string, choices?: table[]}
function reply(message) end

---Writes a line into the run's timeline.
---@param text any
function log(text) end

---@return integer seconds since 1970, as recorded
function now() end

memory = {}
---@param key string
---@return any value
function memory.get(key) end
---@param key string
---@param value any
---@param span? string how long it is kept, such as "7d"
---@return any value
function memory.put(key, value, span) end
---@param key string
---@param by? number 1 when it is left out
---@param span? string
---@return number value
function memory.add(key, by, span) end
---@param key string
---@param span? string
---@return boolean first true once
function memory.first(key, span) end
---@param key string
---@return boolean existed
function memory.drop(key) end

-- ---- everywhere: texts ----

---@param text? string
---@return string|nil
function lower(text) end
---@param text? string
---@return string|nil
function upper(text) end
---@param text? string
---@return string|nil
function trim(text) end
---@param text string
---@param separator? string
---@return string[]
function split(text, separator) end
---@param list any[]
---@param separator? string "," when it is left out
---@return string
function join(list, separator) end
---@param text? string
---@return string[]
function words(text) end
---@param whole string|any[]
---@param part any
---@return boolean
function contains(whole, part) end
---@param text string
---@param start string
---@return boolean
function starts_with(text, start) end
---@param text string
---@param rest string
---@return boolean
function ends_with(text, rest) end
---@param text? string
---@param pattern string
---@return string|string[]|nil
function match(text, pattern) end
---@param text string
---@param pattern string
---@return boolean
function glob(text, pattern) end
---@param text any
---@return boolean
function isemail(text) end

-- ---- everywhere: lists and maps ----

---@param value table
---@param path string
---@return boolean
function has(value, path) end
---@param value table
---@param path string
---@param other? any
---@return any
function get(value, path, other) end
---@param list table
---@param what any a function, or values that the element has
---@return any
function find(list, what) end
---@param list table
---@param path string
---@return table
function pluck(list, path) end
---@param list table
---@param f fun(element: any, index: integer): any
---@return table
function map(list, f) end
---@param list table
---@param f any
---@return table
function filter(list, f) end
---@param list table
---@param by? any
---@param direction? "asc"|"desc"
---@return table
function sort(list, by, direction) end
---@param list table
---@param by? any
---@return table
function uniq(list, by) end
---@param list table
---@param size integer
---@return table[]
function chunk(list, size) end
---@param ... table
---@return table
function merge(...) end
---@param value table
---@param ... any
---@return table
function pick(value, ...) end
---@param value table
---@param ... any
---@return table
function omit(value, ...) end
---@param value table
---@return string[]
function keys(value) end
---@param value any
---@return integer
function len(value) end
---@param value any
---@return boolean nil, "", {}, 0 and false are empty
function empty(value) end
---@param value any
---@return boolean
function isnull(value) end
---@param elements table
---@return table
function list(elements) end

-- ---- everywhere: codes, times, files ----

json = {}
---@return string
function json.encode(value) end
---@return any
function json.decode(text) end
base64 = {}
---@return string
function base64.encode(text) end
---@return string
function base64.decode(text) end
hex = {}
---@return string
function hex.encode(text) end
---@return string
function hex.decode(text) end
---@param text string
---@return string
function sha256(text) end
---@param algorithm string
---@param key any secrets.NAME, or a text
---@param text string
---@return string
function hmac(algorithm, key, text) end
---@return string
function uuid() end
---@param max? integer
---@return number
function random(max) end
time = {}
---@return number|nil seconds since 1970
function time.parse(text, zone) end
---@return string RFC 3339
function time.format(seconds, format, zone) end
---@return number
function time.add(seconds, span, zone) end
---@return {year: integer, month: integer, day: integer, hour: integer, min: integer, sec: integer, wday: integer}
function time.parts(seconds, zone) end
---@param file table
---@return string
function text(file) end
csv = {}
---@return table[]
function csv.rows(file) end
---@return table
function csv.file(rows, name) end
