# The shared library shows exactly the functions that the public header marks SC_API, each under the version SHORTCUT_0.
set -euo pipefail
wanted=$(tr '\n' ' ' <"$SOURCE_DIR/include/shortcut.h" | grep -oE 'SC_API [^;{#]*;' | grep -oE '\bsc_[a-z0-9_]+ ?\(' | tr -d ' (' | LC_ALL=C sort)
shown=$(nm -D --defined-only "$BUILD_DIR/libshortcut.so" | awk '$2 != "A" {print $3}' | LC_ALL=C sort)
if [[ -z $wanted ]]; then
	echo "no SC_API function found in include/shortcut.h"
	exit 1
fi
diff <(sed 's/$/@@SHORTCUT_0/' <<<"$wanted") <(printf '%s\n' "$shown") || {
	echo "< in the header only, > exported only"
	exit 1
}
