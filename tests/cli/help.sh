# Every command explains itself, with an example, and the examples use options that exist; bash completion is made from the same table.
source "$SOURCE_DIR/tests/cli/helpers.bash"

run --help
((code == 0)) || fail "--help: exit $code"
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$out")
for command in train eval predict summary plan convert hash verify bench lab help completion; do
	grep -qx "$command" <<<"$commands" || fail "--help does not list $command"
done

for command in $commands; do
	run "$command" --help
	((code == 0)) || fail "$command --help: exit $code: $err"
	[[ -z $err ]] || fail "$command --help: on standard error: $err"
	help=$out
	[[ $help == "Usage: shortcut $command"* ]] || fail "$command --help: does not begin with its usage"
	[[ $help == *"--help"* ]] || fail "$command --help: does not list --help"
	examples=$(sed -n '/^Examples:/,$p' <<<"$help" | grep -E "shortcut $command") || fail "$command --help: has no example"
	for option in $(grep -oE -- '--[a-z-]+' <<<"$examples"); do
		grep -qE "^  $option( |$)" <<<"$help" || fail "$command --help: its example uses $option, which it does not list"
	done
	if awk 'length > 132 { exit 1 }' <<<"$help"; then :; else fail "$command --help: a line is too long"; fi
	run help "$command"
	[[ $out == "$help" ]] || fail "help $command is not $command --help"
done

run
((code == 2)) || fail "no command: exit $code"
run --version
[[ $out =~ ^shortcut\ [0-9]+\.[0-9]+\.[0-9]+ ]] || fail "--version: $out"
[[ $out == "shortcut $(sed -n 's/^#define SC_VERSION "\(.*\)"/\1/p' "$SOURCE_DIR/include/shortcut.h")"* ]] || fail "--version: $out"

# Completion: words that bash would offer.
PATH=$(dirname "$SHORTCUT"):$PATH
source "$SOURCE_DIR/cli/shortcut.bash"
offer() { # WORD...: the last one is being written
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_shortcut
	echo "${COMPREPLY[*]}"
}
[[ $(offer shortcut tr) == train ]] || fail "completion of tr: $(offer shortcut tr)"
[[ $(offer shortcut train --epo) == --epochs ]] || fail "completion of train --epo: $(offer shortcut train --epo)"
[[ $(offer shortcut train --schedule c) == "constant cosine" ]] || fail "completion of --schedule c"
[[ $(offer shortcut train --model keras-tutorial-10) == keras-tutorial-101 ]] || fail "completion of --model"
[[ -z $(offer shortcut hash --epo) ]] || fail "completion offers an option that hash does not take"
finish
