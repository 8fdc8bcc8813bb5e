# scripts/check-includes finds includes against the arrows. Each case is a small tree with one file.
set -euo pipefail
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failures=0

# expect RESULT FILE INCLUDE: RESULT is "ok", or a word that the complaint must hold.
expect() {
	rm -rf "$root/tree"
	mkdir -p "$root/tree/cli" "$(dirname "$root/tree/$2")"
	touch "$root/tree/cli/cli.h"
	printf '/* a comment */\n#include %s\n' "$3" >"$root/tree/$2"
	local result=ok output
	output=$(bash "$SOURCE_DIR/scripts/check-includes" "$root/tree" 2>&1) || result=refused
	if [[ $1 == ok && $result == ok ]]; then
		return
	fi
	if [[ $1 != ok && $result == refused && $output == "$2:2: "*"$1"* ]]; then
		return
	fi
	printf 'FAILED: %s with %s: expected "%s", was %s:\n%s\n' "$2" "$3" "$1" "$result" "$output"
	failures=1
}

expect ok src/io/idx.c '"base/error.h"'
expect ok src/io/idx.c '"io/file.h"'
expect ok src/base/error.c '"shortcut.h"'
expect ok src/base/error.c '<stdio.h>'
expect ok src/base/hash.h '<nettle/sha2.h>'
expect ok src/model/load.c '"io/safetensors.h"'
expect ok src/engine/cpu/relu.c '"engine/kernels.h"'
expect ok src/train/fit.c '"report/table.h"'
expect ok cli/main.c '"cli.h"'
expect ok examples/tutorial.c '<shortcut.h>'

expect 'base may include' src/base/error.c '"io/file.h"'
expect 'base may include' src/base/error.c '<io/file.h>'
expect 'io may include' src/io/idx.c '"data/data.h"'
expect 'model may include' src/model/build.c '"engine/plan.h"'
expect 'engine may include' src/engine/cpu/relu.c '"io/file.h"'
expect 'report may include' src/report/bar.c '"train/fit.h"'
expect 'written from src' src/io/idx.c '"file.h"'
expect 'written from src' src/io/idx.c '"../base/error.h"'
expect 'no rule yet' src/cluster/self.c '"base/error.h"'
expect 'cli may include' cli/main.c '"base/error.h"'
expect 'cli may include' cli/main.c '"missing.h"'
expect 'examples may include' examples/tutorial.c '"engine/plan.h"'
expect 'examples may include' examples/tutorial.c '"../src/engine/plan.h"'
exit $failures
