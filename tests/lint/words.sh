#!/usr/bin/env bash
# Words that do not belong into the repository, and names of connectors that do not belong into C.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t texts < <(files '*.c' '*.h' '*.def' '*.sh' '*.lua' '*.yaml' '*.yml' '*.md' '*.py' '*.sql' \
	'*.build' '*.txt' '*.js' '*.html' '*.css' '*.json' dev run -- . | grep -v '^tests/lint/')
mapfile -t sources < <(files '*.c' '*.h' '*.def' -- engine actions)

# look REASON PATTERN FILE…
look() {
	local reason=$1 pattern=$2
	shift 2
	[ $# = 0 ] || complain "$reason" < <(grep -HnP "$pattern" "$@" || true)
}

# Action names and aliases of the catalogue, one a line; a name without '_' is an ordinary word.
action_names() {
	local yaml
	mapfile -t yaml < <(files '*.yaml' -- actions)
	[ ${#yaml[@]} = 0 ] || awk '
		/^[a-z]/ { inside = ($0 ~ /^actions:/) }
		inside && match($0, /^  [a-z0-9]+(_[a-z0-9]+)+:/) { print substr($0, 3, RLENGTH - 3) }
		match($0, /name: *[a-z0-9]+(_[a-z0-9]+)+/) && /alias|^ *- *[{]? *name:/ {
			name = substr($0, RSTART, RLENGTH)
			sub(/name: */, "", name)
			print name
		}' "${yaml[@]}" | sort -u
}

look 'a promise instead of the work: do it, or say in docs/ what is not there' \
	'\b(TODO|FIXME|XXX|HACK)\b' "${texts[@]}"
look "a path of somebody's machine" '(?<![\w.])/(work|home/[a-z]|Users/[A-Za-z])/|/tmp/b-' "${texts[@]}"
look 'a connector has no name in C: what is special about it stands in its data' \
	'(?i)constant[ _.-]?contact' "${sources[@]}"
names=$(action_names | paste -sd '|')
[ -z "$names" ] || look 'an action has no name in C: the executor reads all of them alike' \
	"(?<![A-Za-z0-9_])($names)(?![A-Za-z0-9_])" "${sources[@]}"
finish
