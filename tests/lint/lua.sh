#!/usr/bin/env bash
# Every Lua file passes luacheck with the names that the sandbox offers (.luacheckrc).
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t scripts < <(files '*.lua' -- scripts bench tests)
[ ${#scripts[@]} = 0 ] ||
	luacheck -q --no-color --codes --ranges --formatter plain --config "$lint_dir/../../.luacheckrc" \
		"${scripts[@]}" || found=1
finish
