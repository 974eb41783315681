# What the lint scripts share: where they look, which files there are, how they complain.
# Each takes the tree to look at as its first argument; default is the one it stands in.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C.UTF-8
lint_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "${1:-$lint_dir/../..}"
found=0

# files NAME… -- FOLDER…: those files whose names fit one of the patterns, built ones left out.
files() {
	local tests=() folders=()
	while [ "$1" != -- ]; do
		tests+=(-o -name "$1")
		shift
	done
	shift
	for folder in "$@"; do
		[ ! -e "$folder" ] || folders+=("$folder")
	done
	[ ${#folders[@]} -gt 0 ] || return 0
	find "${folders[@]}" \( -name .git -o -name 'build' -o -name 'build-*' -o -name node_modules \) \
		-prune -o -type f \( "${tests[@]:1}" \) -print | sed 's|^\./||' | sort
}

# The C files among the arguments without comments and texts, as FILE:LINE:CODE.
code() {
	[ $# = 0 ] || awk -f "$lint_dir/code.awk" "$@"
}

# complain REASON: prints the FILE:LINE:… lines of stdin with the reason, and remembers that.
complain() {
	local reason=$1 line file number
	while IFS= read -r line; do
		file=${line%%:*}
		number=${line#*:}
		printf '%s:%s: %s\n' "$file" "${number%%:*}" "$reason"
		found=1
	done
}

# Ends the script with what it has found.
finish() {
	exit "$found"
}
