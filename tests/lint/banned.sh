#!/usr/bin/env bash
# Calls that this program does not make, each with its reason and the paths where it may stand.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t sources < <(files '*.c' '*.h' -- engine actions tests bench)
listing=$(mktemp)
trap 'rm -f "$listing"' EXIT
code "${sources[@]}" >"$listing"

# ban CALLS PATHS EXCEPT REASON: calls are names joined by |, paths and exceptions extended patterns.
ban() {
	complain "$4" < <(grep -P "^[^:]*:\d+:.*(?<![\w.>])(?:$1)\s*\(" "$listing" |
		grep -E "^($2)" | grep -vE "^($3):" || true)
}
# The same for any text, not only for a call.
ban_text() {
	complain "$4" < <(grep -P "^[^:]*:\d+:.*(?:$1)" "$listing" |
		grep -E "^($2)" | grep -vE "^($3):" || true)
}

all='(engine|actions|tests|bench)/'
own='(engine|actions)/'
quiet='(engine/(io|store|rule|lua)|actions)/'
none='-'
clock='engine/base/(clock|log)\.c'

ban 'strcpy|stpcpy|strcat|strncat' "$all" "$none" \
	'copies without a bound: use struct buf, or memcpy of a length that was checked'
ban 'strncpy|stpncpy' "$all" "$none" \
	'may leave a text without its NUL: use snprintf or struct buf'
ban 'sprintf|vsprintf' "$all" "$none" 'writes without a bound: use snprintf or buf_printf'
ban 'gets|scanf|fscanf|sscanf|vsscanf' "$all" "$none" \
	'reads without a bound, and its numbers overflow silently: parse by hand or with strtoll'
ban 'strtok|strtok_r' "$all" "$none" 'changes its input, and not every empty field is seen: use strcspn'
ban 'atoi|atol|atoll|atof' "$all" "$none" \
	'cannot tell an error from 0: use strtoll or strtod and look at the end'
ban 'system|popen' "$all" "$none" 'runs a shell: there is none in this program, nor in its tests'
ban 'alloca' "$all" "$none" 'a stack has no error to return: use the arena or mem_alloc'
ban 'localtime|gmtime|asctime|ctime|asctime_r|ctime_r' "$all" "$none" \
	'shares one static result, or has no bound: use gmtime_r, or base/timefmt.h'
ban 'tmpnam|tempnam|mktemp' "$all" "$none" 'is a race: use mkstemp or mkdtemp'
ban 'setjmp|longjmp|sigsetjmp|siglongjmp' "$own" "$none" 'jumps past cleanup'
ban 'rand|srand|rand_r|random|srandom|drand48|lrand48|getrandom' "$own" "$clock" \
	'randomness comes from struct rng (base/clock.h), so that tests can repeat it'
ban 'time|gettimeofday|clock_gettime(?!\(CLOCK_THREAD_CPUTIME_ID)|clock|ftime' "$own" "$clock" \
	'time comes from struct clock (base/clock.h), so that tests can set it'
ban 'sleep|usleep|nanosleep|clock_nanosleep' "$own|tests/unit/" "$none" \
	'stops the loop that everything runs on; a test moves its virtual clock'
ban 'printf|vprintf|fprintf|vfprintf|puts|fputs|perror|log_line' "$quiet" \
	"$none" 'this layer does not print or log: it returns a code and struct errmsg'
ban_text '(?<![\w])typedef\s+(struct|union|enum)\b' "$all" "$none" \
	'structs and enums keep their word: typedef is for callbacks'
ban_text '//' "$all" "$none" 'comments are /* */'
finish
