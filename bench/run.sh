#!/usr/bin/env bash
# Measures the figures of docs/PERFORMANCE.md, three rounds, and prints their medians.
#
# Every round measures the plain epoll responder too, on the same machine in the same minute: the
# ratios to it are what can be compared between machines, the absolute figures are not.
# usage: bench/run.sh [--reference]      (only the responder)
set -euo pipefail
export LC_ALL=C
bench=$(cd "$(dirname "$0")" && pwd)
build=${PAWL_BUILD:-$bench/../build}
rounds=${PAWL_BENCH_ROUNDS:-3}
seconds=${PAWL_BENCH_SECONDS:-5}
events=${PAWL_BENCH_EVENTS:-10000} # of the three-call rule, a round
port=18401
tmp=$(mktemp -d)
pids=()
declare -A figures # name: the rounds' values

say() { printf 'bench: %s\n' "$*" >&2; }
die() { say "$*"; exit 3; }

cleanup() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

note() { figures[$1]+="$2 "; }

median() { tr ' ' '\n' <<<"${figures[$1]:-}" | grep . | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

now_us() { echo "${EPOCHREALTIME/./}"; }

# ---- processes ----

# start_server PROGRAM: starts the responder or the peer; sets `pid` and `server_port`.
start_server() {
	local program=$1
	rm -f "$tmp/$program"
	"$build/bench/$program" >"$tmp/$program" &
	pid=$!
	pids+=("$pid")
	until [ -s "$tmp/$program" ]; do
		kill -0 "$pid" 2>/dev/null || die "$program did not start"
		sleep 0.02
	done
	read -r _ server_port <"$tmp/$program"
}

stop() {
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# Asks for a path until it answers 200, without a process for each try.
await_200() {
	local port=$1 path=$2 pid=$3 status
	for ((;;)); do
		kill -0 "$pid" 2>/dev/null || die "the service has ended: see $tmp/log" "$(tail -5 "$tmp/log")"
		if { exec 9<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; then
			printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$path" >&9
			read -r -t 5 _ status _ <&9 || status=
			exec 9>&-
			[ "$status" != 200 ] || return 0
		fi
		sleep 0.002
	done
}

# start_service PEER_PORT: a fresh store; notes the time from exec to the first 200 of /readyz.
start_service() {
	local began
	rm -rf "$tmp/data" && mkdir "$tmp/data"
	sed "s|@port@|$port|; s|@store@|$tmp/data/bench.db|; s|@bench@|$bench|; s|@peer@|$1|" \
		"$bench/pawl.yaml" >"$tmp/pawl.yaml"
	began=$(now_us)
	"$build/pawl" serve -c "$tmp/pawl.yaml" 2>"$tmp/log" &
	pid=$!
	pids+=("$pid")
	await_200 "$port" /readyz "$pid"
	note ready_ms "$((($(now_us) - began) / 1000))"
}

# Memory that is the process's own, in KiB.
# private_kib PID KIND: Dirty, memory it has written; Clean, pages of files that it alone maps now.
private_kib() {
	awk -v kind="^Private_$2:" '$0 ~ kind {n += $2} END {print n + 0}' "/proc/$1/smaps_rollup"
}

# ---- measuring ----

# load NAME URL STEM [ARG…]: wrk's POSTs; notes NAME_rate, _p50, _p99; sets `good` to the 2xx answers.
load() {
	local name=$1 url=$2 stem=$3 out requests us bad p50 p99
	shift 3
	out=$(wrk -t1 -c64 -d"${seconds}s" -s "$bench/post.lua" "$url" -- "$stem" "$@")
	read -r _ requests us bad p50 p99 < <(grep '^wrk ' <<<"$out")
	[ "$bad" = 0 ] || say "$name: $bad of $requests requests were not answered 2xx"
	good=$((requests - bad))
	note "${name}_rate" "$((good * 1000000 / us))"
	note "${name}_p50" "$p50"
	note "${name}_p99" "$p99"
}

# Runs that the peer has seen to their last call.
count_runs() { curl -s "http://127.0.0.1:$1/count" | tr -dc 0-9; }

# measure_three PEER_PORT STEM: from the first event to the last call of all of them, drain included.
measure_three() {
	local peer=$1 before began target now last=
	before=$(count_runs "$peer")
	began=$(now_us)
	load three_accept "http://127.0.0.1:$port/hooks/bench/three" "$2" "$events"
	target=$((before + good))
	while now=$(count_runs "$peer") && [ "$now" -lt "$target" ]; do
		[ $(($(now_us) - began)) -lt 300000000 ] || die "only $((now - before)) of $good runs after 5 minutes"
		sleep 0.02
	done
	note three_rate "$((good * 1000000 / ($(now_us) - began)))"
	until [ "$now" = "$last" ]; do
		last=$now
		sleep 0.5
		now=$(count_runs "$peer")
	done
}

# Copies of the example rules under names of their own: 1,000 files.
make_rules() {
	local file i=0
	mkdir -p "$tmp/check/rules"
	while [ "$i" -lt 1000 ]; do
		for file in "$bench"/../rules/*.yaml; do
			[ "$i" -lt 1000 ] || break
			sed "s/^rule: .*/rule: r$i/" "$file" >"$tmp/check/rules/$i.yaml"
			i=$((i + 1))
		done
	done
	cat >"$tmp/check/pawl.yaml" <<-END
		actions: [$bench/../actions]
		scripts: $bench/../scripts
		rules: [rules]
		hooks: {crm/contacts: {verify: none}}
	END
}

measure_check() {
	local began
	[ -d "$tmp/check" ] || make_rules
	began=$(now_us)
	(cd "$tmp/check" && "$build/pawl" check 2>/dev/null) || die "pawl check: the rules are wrong"
	note check_ms "$((($(now_us) - began) / 1000))"
}

measure_round() {
	local round=$1 responder peer service peer_port
	start_server epoll_responder
	responder=$pid
	load responder "http://127.0.0.1:$server_port/hooks/bench/none" "r$round"
	note responder_kib "$(private_kib "$responder" Dirty)"
	stop "$responder"
	[ -z "$reference" ] || return 0
	start_server peer
	peer=$pid
	peer_port=$server_port
	start_service "$peer_port"
	service=$pid
	sleep 2
	note idle_kib "$(private_kib "$service" Dirty)"
	note idle_file_kib "$(private_kib "$service" Clean)"
	load none "http://127.0.0.1:$port/hooks/bench/none" "n$round"
	measure_three "$peer_port" "t$round"
	stop "$service"
	stop "$peer"
	measure_check
}

# ---- the table ----

# row TEXT NAME UNIT REFERENCE: a figure and how many times the reference's it is.
row() {
	local value reference_value
	value=$(median "$2")
	reference_value=0
	[ "$4" = none ] || reference_value=$(median "$4")
	awk -v text="$1" -v v="$value" -v unit="$3" -v r="$reference_value" -v all="${figures[$2]% }" 'BEGIN {
		ratio = (r > 0) ? sprintf("x%.3f", v / r) : ""
		printf("%-44s %10d %-7s %8s   (%s)\n", text, v, unit, ratio, all)
	}'
}

print_table() {
	printf '%-44s %10s %-7s %8s   (%s)\n' "medians of $rounds" figure unit ratio rounds
	row 'epoll responder: requests' responder_rate /s responder_rate
	row 'epoll responder: p50' responder_p50 us responder_p50
	row 'epoll responder: p99' responder_p99 us responder_p99
	row 'epoll responder: private memory, written' responder_kib KiB responder_kib
	[ -z "$reference" ] || return 0
	row 'events that match no rule' none_rate /s responder_rate
	row 'events that match no rule: p50' none_p50 us responder_p50
	row 'events that match no rule: p99' none_p99 us responder_p99
	row 'runs of a condition and three calls' three_rate /s responder_rate
	row 'their events, while the runs go on' three_accept_rate /s responder_rate
	row 'their events: p99' three_accept_p99 us responder_p99
	row 'idle private memory, written' idle_kib KiB responder_kib
	row 'idle pages of libraries and program' idle_file_kib KiB none
	row 'from exec to ready' ready_ms ms none
	row '1,000 rules checked' check_ms ms none
}

reference=
[ "${1:-}" != --reference ] || reference=yes
[ -x "$build/bench/epoll_responder" ] || die "not built: ./dev build, or ./dev bench"
[ -n "$reference" ] || [ -x "$build/pawl" ] || die "$build/pawl is not built"
for ((round = 1; round <= rounds; round++)); do
	say "round $round of $rounds"
	measure_round "$round"
done
print_table
