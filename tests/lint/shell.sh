#!/usr/bin/env bash
# Every shell script passes shellcheck.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t scripts < <(files '*.sh' dev run -- .)
[ ${#scripts[@]} = 0 ] || shellcheck -x -f gcc "${scripts[@]}" || found=1
finish
