# Where a result cannot be written the program says so and fails, and what is on the disk is whole or absent.
source "$SOURCE_DIR/tests/cli/helpers.bash"

small_data good

# Standard output that takes nothing.
if [[ -c /dev/full ]]; then
	for arguments in --help --version "help train" "summary resnet18" "summary resnet18 --json" "completion bash"; do
		code=0
		message=$("$SHORTCUT" $arguments 2>&1 >/dev/full) || code=$?
		((code == 1)) || fail "shortcut $arguments >/dev/full: expected exit 1, was $code"
		[[ $message == "shortcut: standard output: the result could not be written"* ]] || fail "shortcut $arguments >/dev/full: $message"
	done
fi

# check NAME: after a training that ran out of space in the folder.
check() {
	((code == 1)) || fail "$1: expected exit 1, was $code: $err"
	((err_lines == 1)) || fail "$1: expected one line: $err"
	[[ $err == shortcut:*"cannot be written"* ]] || fail "$1: $err"
	[[ -z $out ]] || fail "$1: on standard output: $out"
	[[ ! -e $2/weights.safetensors ]] || "$SHORTCUT" hash "$2" >/dev/null || fail "$1: half of the weights is there"
	[[ -z $(find "$2" -name '*.tmp*' -o -name '.*[^/.]*' -type f) ]] || fail "$1: temporary files are left: $(find "$2")"
}

# Files that may not grow (counted in KiB by bash).
code=0
(
	ulimit -f 2000
	exec "$SHORTCUT" train good --steps 1 --quiet --out limited
) >.out 2>.err || code=$?
out=$(<.out) err=$(<.err) err_lines=$(wc -l <.err)
check "ulimit -f" limited

# A disk that is full, where we may make one.
mkdir disk
if mount -t tmpfs -o size=4m none disk 2>/dev/null; then
	trap 'umount "$work/disk"; rm -rf "$work"' EXIT
	run train good --steps 1 --quiet --out disk/run
	check "full disk" disk/run
	[[ $err == *"No space left on device"* ]] || fail "full disk: $err"
fi
finish
