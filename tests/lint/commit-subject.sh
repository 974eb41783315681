#!/usr/bin/env bash
# Commit subjects read `folder/file: what it does now` in at most 72 characters. This one only warns.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

git rev-parse -q --verify HEAD >/dev/null 2>&1 || finish
while read -r hash subject; do
	[ ${#subject} -le 72 ] || echo "$hash:0: warning: subject of ${#subject} characters: $subject"
	[[ $subject =~ ^[^\ :]+(,\ [^\ :]+)*:\ [^\ ] ]] ||
		echo "$hash:0: warning: subject does not begin with 'folder/file: ': $subject"
done < <(git log --no-merges -n 50 --format='%h %s')
finish
