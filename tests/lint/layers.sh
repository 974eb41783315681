#!/usr/bin/env bash
# Who may include whom: base <- io <- store <- run <- {rule, lua, actions} <- {serve, cli} <- main.
# Siblings do not know each other; only `cli` and `trial` may use what `serve` is.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

declare -A below=(
	[base]="base"
	[io]="base io"
	[store]="base io store"
	[run]="base io store run"
	[rule]="base io store run rule"
	[lua]="base io store run lua"
	[actions]="base io store run actions"
	[serve]="base io store run rule lua actions serve"
	[trial]="base io store run rule lua actions serve trial"
	[cli]="base io store run rule lua actions serve trial cli"
	[main]="base io store run rule lua actions serve trial cli"
)

# A library's header and the one place, a pattern of paths, that knows the library.
declare -A home=(
	['yaml\.h']='engine/base/(yaml|layout)\.c'
	['ev\.h']='engine/io/'
	['curl/.*']='engine/io/'
	['llhttp(/llhttp)?\.h']='engine/io/'
	['(lua|lauxlib|lualib)\.h']='engine/lua/'
	['sqlite3\.h']='engine/store/'
)

# Sets `layer` to where a path belongs.
layer_of() {
	local below_engine=${1#engine/}
	case $1 in
	engine/main.c) layer=main ;;
	engine/*/*) layer=${below_engine%%/*} ;;
	actions/*) layer=actions ;;
	*) layer=none ;;
	esac
}

check_own() {
	local file=$1 number=$2 target=$3 from to
	layer_of "$file"
	from=$layer
	layer_of "$target"
	to=$layer
	if [ "$to" = none ] && [[ $target != *.h.in ]]; then
		complain "\"$target\" is not written from the root, or outside of the layers" \
			<<<"$file:$number:"
	elif [[ " ${below[$from]:-} " != *" $to "* ]]; then
		complain "layer $from must not include layer $to (\"$target\")" <<<"$file:$number:"
	fi
}

mapfile -t sources < <(files '*.c' '*.h' '*.def' -- engine actions)
[ ${#sources[@]} -gt 0 ] || finish
while IFS=: read -r file number text; do
	text=${text#*\"}
	check_own "$file" "$number" "${text%%\"*}"
done < <(grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "${sources[@]}" || true)
for header in "${!home[@]}"; do
	complain "this library's header (${header//\\/}) is known to ${home[$header]//\\/} alone" < <(
		grep -HnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]${header}[>\"]" "${sources[@]}" |
			grep -vE "^${home[$header]}" || true)
done
finish
