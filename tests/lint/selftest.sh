#!/usr/bin/env bash
# Proves that each lint sees what it is for: a small tree passes, and fails with one line of harm.
set -euo pipefail
export LC_ALL=C.UTF-8
lint_dir=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
passed=0
failed=0

fresh_tree() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree"/engine/{base,io,store,run,rule,lua,serve,cli} "$tree"/actions/shop \
		"$tree"/scripts "$tree"/tests/unit "$tree"/rules "$tree"/docs
	printf '/* strcpy( and // in a comment. */\n#include "engine/base/buf.h"\n\n%s\n' \
		'const char *text = "system( // ";' >"$tree/engine/base/buf.c"
	printf 'int f(struct req *r)\n{\n\treturn r->time(1) + wall_time(2);\n}\n%s\n' \
		'	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);' >"$tree/engine/io/http.c"
	printf '#include "engine/serve/ingress.h"\n' >"$tree/engine/cli/serve.c"
	printf 'actions:\n  make_order:\n    aliases:\n      - {name: order_now}\n  pay:\n    params:\n      sent_at: {type: text}\n' >"$tree/actions/shop/orders.yaml"
	printf '/* They pay for reorders, sent_at is a field. */\n' >"$tree/actions/call.c"
	printf 'return {n = len(list{1})}\n' >"$tree/scripts/good.lua"
	printf '#!/bin/sh\necho "%s"\n' "\$1" >"$tree/good.sh"
	printf '#!/bin/sh\ncase "%s" in\nhelp | demo) ;;\nesac\n' "\$1" >"$tree/dev"
	printf '# Good.\napi: pawl/1\nrule: good\n' >"$tree/rules/good.yaml"
	printf '## pawl check\n' >"$tree/docs/CLI.md"
	printf '%s\n' './dev demo, build/pawl check, [commands](docs/CLI.md):' '' '```yaml' 'api: pawl/1' \
		'rule: good' '```' '' 'End.' >"$tree/README.md"
}

tell() {
	if [ "$1" = ok ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $2"
	fi
}

# sees LINT FILE LINE TEXT: the text, put into a file, is found there and makes the lint fail.
sees() {
	local lint=$1 file=$2 line=$3 text=$4 out
	fresh_tree
	mkdir -p "$tree/$(dirname "$file")"
	printf '%b\n' "$text" >>"$tree/$file"
	if out=$("$lint_dir/$lint.sh" "$tree" 2>&1); then
		tell no "$lint sees nothing in $file: $text"
	elif ! grep -qE "^(\./)?$file:$line:" <<<"$out"; then
		tell no "$lint fails for another reason than $file:$line: $out"
	else
		tell ok
	fi
}

can() {
	case $1 in shell) command -v shellcheck ;; lua) command -v luacheck ;; git) command -v git ;; esac \
		>/dev/null
}

fresh_tree
for lint in layers banned words readme shell lua; do
	if [[ $lint == shell || $lint == lua ]] && ! can "$lint"; then
		continue
	fi
	if out=$("$lint_dir/$lint.sh" "$tree" 2>&1); then
		tell ok
	else
		tell no "$lint finds something in a clean tree: $out"
	fi
done

sees layers engine/base/x.c 1 '#include "engine/io/loop.h"'
sees layers engine/io/x.c 1 '#include "engine/store/store.h"'
sees layers engine/store/x.c 1 '#include "engine/run/run.h"'
sees layers engine/run/x.c 1 '#include "engine/rule/rules.h"'
sees layers engine/rule/x.c 1 '#include "engine/lua/host.h"'
sees layers engine/lua/x.c 1 '#include "actions/call.h"'
sees layers actions/x.c 1 '#include "engine/rule/rules.h"'
sees layers engine/serve/x.c 1 '#include "engine/cli/cli.h"'
sees layers engine/base/x.h 1 '#include "buf.h"'
sees layers engine/base/x.h 1 '# include "tests/lib/x.h"'
sees layers engine/rule/yaml.c 1 '#include <yaml.h>'
sees layers engine/store/x.c 1 '#include <ev.h>'
sees layers actions/x.c 1 '#include <curl/curl.h>'
sees layers engine/run/x.c 1 '#include <lauxlib.h>'
sees layers engine/serve/x.c 1 '#include <sqlite3.h>'
sees layers engine/serve/x.c 1 '#include <llhttp.h>'

for call in strcpy strcat strncpy strncat sprintf vsprintf gets sscanf strtok strtok_r atoi atol \
	system popen alloca localtime gmtime ctime mktemp; do
	sees banned engine/run/x.c 3 "int f(void)\n{\n\t$call(a);\n}"
done
sees banned tests/unit/test_x.c 1 '	strcpy(a, b);'
sees banned tests/unit/test_x.c 1 '	sleep (1);'
sees banned engine/io/x.c 1 '	usleep(1);'
sees banned engine/run/x.c 1 '	x = time(NULL);'
sees banned engine/run/x.c 1 '	clock_gettime(CLOCK_REALTIME, &ts);'
sees banned engine/run/x.c 1 '	return rand() % 6;'
sees banned actions/x.c 1 '	fprintf(stderr, "x");'
sees banned engine/rule/x.c 1 '	log_line(LOG_INFO, "x", NULL);'
sees banned engine/rule/x.h 1 'typedef struct x x;'
sees banned engine/rule/x.c 2 'int a; /* fine\n*/ int b; // not fine'

sees words engine/run/x.c 1 "/* TO""DO: later */"
sees words scripts/x.lua 1 "-- FIX""ME"
sees words docs/X.md 1 "see /wo""rk/main"
sees words docs/X.md 1 "built in /tm""p/b-x"
sees words engine/run/x.c 1 '/* for Constant Contact */'
sees words actions/x.h 1 'enum { CONSTANT_CONTACT };'
sees words engine/run/x.c 1 'f("make_order");'
sees words engine/run/x.c 1 'f("order_now");'

sees readme README.md 9 'Try ./dev everything'
sees readme README.md 9 'Try build/pawl everything'
sees readme README.md 9 'See [there](docs/nowhere.md)'
# shellcheck disable=SC2016
sees readme README.md 11 '```yaml\napi: pawl/1\nrule: good\ndo: []\n```'

# shellcheck disable=SC2016
! can shell || sees shell bad.sh 2 '#!/bin/sh\necho $1'
! can lua || sees lua scripts/bad.lua 1 'os.exit(1)'
! can lua || sees lua scripts/bad.lua 1 'leaked = 1'

# The commits are only warned about.
sees_subject() {
	fresh_tree
	git -C "$tree" init -q
	git -C "$tree" -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m 'No area here'
	if "$lint_dir/commit-subject.sh" "$tree" | grep -q 'does not begin with'; then
		tell ok
	else
		tell no "commit-subject sees nothing"
	fi
}
! can git || sees_subject

# counts WANT RESULT CODE STDOUT: what tests/lib/count.py makes of one test's record.
counts() {
	local want=$1 got
	printf '{"name": "t", "result": "%s", "returncode": %s, "stdout": "%s"}\n' "$2" "$3" "$4" \
		>"$tree/testlog.json"
	got=$({ "$lint_dir/../lib/count.py" "$tree/testlog.json" || true; } | tail -n 1)
	if [ "$got" = "$want" ]; then
		tell ok
	else
		tell no "count.py says '$got' instead of '$want' to: $4"
	fi
}

counts '1 passed, 0 failed' OK 0 ''
counts '0 passed, 1 failed' FAIL 1 ''
counts '0 passed, 0 failed, 1 skipped' SKIP 77 ''
counts '2 passed, 0 failed' OK 0 '[       OK ] a\n[       OK ] b\n'
counts '1 passed, 1 failed' FAIL 1 '[       OK ] a\n[  FAILED  ] b\n[  FAILED  ] 1 test(s), x:\n[  FAILED  ] b\n'
counts '1 passed, 0 failed, 1 skipped' OK 0 '[       OK ] a\n[  SKIPPED ] b\n[  SKIPPED ] 1 test(s), x:\n[  SKIPPED ] b\n'
counts '1 passed, 1 failed' FAIL -11 '[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n'
counts '1 passed, 1 failed' TIMEOUT -15 '[       OK ] a\n'
counts '1 passed, 1 failed' FAIL 3 '[       OK ] a\n'
counts '5 passed, 2 failed, 1 skipped' FAIL 1 '5 passed, 2 failed, 1 skipped\n'
counts '5 passed, 1 failed' FAIL 1 '5 passed, 0 failed\n'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
