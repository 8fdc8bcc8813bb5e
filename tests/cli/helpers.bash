# helpers.bash - what the tests of the program share. Sourced; it makes a working folder, goes there, and removes it at the end.
set -euo pipefail
export LC_ALL=C NO_COLOR=1
unset SHORTCUT_DATA CDPATH
memory=/dev/shm # where syncing costs nothing
[[ -w $memory ]] || memory=/tmp
work=$(mktemp -d "${TMPDIR:-$memory}/shortcut-cli.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

fail() {
	printf 'FAILED: %s\n' "$*"
	failures=$((failures + 1))
}

# bytes NUMBER: as four bytes, the highest first.
bytes() {
	printf "\\x$(printf %02x $(($1 >> 24 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))"
	printf "\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 & 255)))"
}

# first_bytes FILE.gz FROM COUNT: of what is inside.
first_bytes() {
	{ gzip -dc "$1" 2>/dev/null || true; } | { tail -c "+$(($2 + 1))" 2>/dev/null || true; } | head -c "$3" || true
}

# small_part FOLDER NAME COUNT: the first images of MNIST's part NAME (train or t10k), with their labels.
small_part() {
	local mnist=$SOURCE_DIR/data/mnist
	mkdir -p "$1"
	{
		printf '\0\0\x08\x03'
		bytes "$3"
		bytes 28
		bytes 28
		first_bytes "$mnist/$2-images-idx3-ubyte.gz" 16 $((784 * $3))
	} >"$1/$2-images-idx3-ubyte"
	{
		printf '\0\0\x08\x01'
		bytes "$3"
		first_bytes "$mnist/$2-labels-idx1-ubyte.gz" 8 "$3"
	} >"$1/$2-labels-idx1-ubyte"
}

# small_data FOLDER: 256 images to train on, 64 to test on.
small_data() {
	small_part "$1" train 256
	small_part "$1" t10k 64
}

# run ARGUMENT...: fills code, out, err (text) and err_lines.
run() {
	code=0
	"$SHORTCUT" "$@" >"$work/.out" 2>"$work/.err" </dev/null || code=$?
	sed -i '/^==[0-9]*==WARNING: [A-Za-z]*Sanitizer failed to allocate/d' "$work/.err" # it tells of each refusal
	out=$(<"$work/.out")
	err=$(<"$work/.err")
	err_lines=$(wc -l <"$work/.err")
}

finish() {
	if ((failures > 0)); then
		printf '%d failed\n' "$failures"
		exit 1
	fi
	exit 0
}
