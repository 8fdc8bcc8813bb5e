# The man page names every command and every option that the program knows.
set -euo pipefail
manual=$SOURCE_DIR/docs/shortcut.1.scd
options=$("$SHORTCUT" completion bash | grep -oE -- '--[a-z][a-z-]+' | LC_ALL=C sort -u)
commands=$("$SHORTCUT" --help | awk '/^Commands:/ { inside = 1; next } /^$/ { inside = 0 } inside { print $1 }')
if [[ -z $options || -z $commands ]]; then
	echo "the program shows no options or no commands"
	exit 1
fi
failures=0
for word in $commands $options; do
	if ! grep -qF -- "*$word*" "$manual"; then
		echo "docs/shortcut.1.scd does not name: $word"
		failures=1
	fi
done
exit $failures
