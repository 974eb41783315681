-- For wrk: POSTs a 400-byte JSON body whose id never comes twice, so that no event is a duplicate.
local template = '{"id":"%s","kind":"order","email":"dana@example.com","first_name":"Dana",'
	.. '"last_name":"Lopez","total":129.5,"currency":"EUR","items":[{"sku":"A-1","quantity":2},'
	.. '{"sku":"B-7","quantity":1}],"consent":{"status":"granted"},"note":"%s"}'
local stem, count, padding = "", 0, ""

-- The stem differs from one run of wrk to the next: run.sh hands it over. After so many requests as
-- the second argument says, if there is one, wrk ends before its time.
function init(args)
	stem = args[1] or tostring(os.time())
	local id = string.format("%s-%010d", stem, 0)
	padding = string.rep("x", 400 - #string.format(template, id, ""))
	wrk.method = "POST"
	wrk.headers["Content-Type"] = "application/json"
	local limit = tonumber(args[2])
	if limit then
		response = function()
			if count >= limit then
				wrk.thread:stop()
			end
		end
	end
end

function request()
	count = count + 1
	local id = string.format("%s-%010d", stem, count)
	return wrk.format(nil, nil, nil, string.format(template, id, padding))
end

-- One line for run.sh: requests, microseconds, failed or not answered 2xx, p50 and p99 in us.
function done(summary, latency)
	local errors = summary.errors
	io.write(string.format("wrk %d %d %d %d %d\n", summary.requests, summary.duration,
		errors.status + errors.connect + errors.read + errors.write + errors.timeout,
		latency:percentile(50), latency:percentile(99)))
end
