#!/usr/bin/env bash
# What the README shows is there: the rule as its file has it, commands, words of ./dev, linked files.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

readme=README.md
[ -f "$readme" ] || finish

# names PATTERN: LINE:NAME for what the pattern's \K leaves of the README's lines.
names() { grep -noP "$1" "$readme" || true; }

while IFS=: read -r line word; do
	grep -qE "^([a-z]+ \| )*$word( \|.*)?\) " dev ||
		complain "./dev has no word '$word'" <<<"$readme:$line:"
done < <(names '\./dev \K[a-z]+')

while IFS=: read -r line command; do
	grep -q "^## pawl $command\$" docs/CLI.md ||
		complain "docs/CLI.md knows no command '$command'" <<<"$readme:$line:"
done < <(names 'build/pawl \K[a-z]+')

while IFS=: read -r line target; do
	[ -e "$target" ] || complain "there is no $target" <<<"$readme:$line:"
done < <(names '\]\(\K(?!https?:)[^)#]+')

# The rule in full, but for the comments above its first key and its tests.
while IFS=: read -r line rule; do
	shown=$(awk -v at="$line" '/^```/ { if (NR > at) exit; text = ""; next } { text = text $0 "\n" }
		END { printf "%s", text }' "$readme")
	[ "$shown" = "$(sed -n '/^[^#]/,$p' "rules/$rule.yaml" 2>/dev/null | sed '/^tests:/,$d')" ] ||
		complain "is not what rules/$rule.yaml says" <<<"$readme:$line:"
done < <(names '^rule: \K.*')
finish
