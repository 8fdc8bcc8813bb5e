# helpers.bash - what the scripts of tests/faults share: --seed and --count, a small training, and what the whole of it gives.
# Sourced; a script may set `model` before. By hand: SHORTCUT=... SOURCE_DIR=... INTERPOSE=... bash tests/faults/NAME.sh --seed 7 --count 1000
[[ ! -w /dev/shm ]] || export TMPDIR=${TMPDIR:-/dev/shm} # where nothing waits for a disk: its failures are our own
source "$SOURCE_DIR/tests/cli/helpers.bash"
export ASAN_OPTIONS=${ASAN_OPTIONS:-}${ASAN_OPTIONS:+:}verify_asan_link_order=0

seed=1
count=0 # the short form's
while (($# > 0)); do
	case $1 in
	--seed) seed=$2 ;;
	--count) count=$2 ;;
	*)
		echo "usage: ${0##*/} [--seed N] [--count N]" >&2
		exit 2
		;;
	esac
	shift 2
done
RANDOM=$seed

small_part tiny train 12
small_part tiny t10k 4
echo '{"name": "small", "blocks": [1, 1], "widths": [4, 8], "stem_channels": 4, "stem_kernel": 3, "stem_pool": false}' >small.json
settings=(tiny --model "${model:-cifar20}" --batch 4 --epochs 2 --momentum 0.9 --validation-split 0.25 --seed 5 --threads 1 --quiet)

# train RUN OPTION...: the small training, begun or gone on with; as `run` it fills code, out and err. Where its last checkpoint is
# there already nothing is saved any more, and the oldest may stay: what nobody has read since may be all that is whole.
last_checkpoint=step-0000000006.safetensors
train() {
	local folder=$1
	shift
	generations=2
	[[ ! -e $folder/checkpoints/$last_checkpoint ]] || generations=3
	if [[ -e $folder/config.json ]]; then
		run train tiny --resume "$folder" --threads 1 --quiet "$@"
	else
		run train "${settings[@]}" --out "$folder" "$@"
	fi
}

train whole
((code == 0)) || fail "the whole training: $err"
whole=$("$SHORTCUT" hash whole)

# expect_whole RUN WHAT: weights and tables are those of the training that nothing has disturbed, and nothing is left over.
expect_whole() {
	local table left
	[[ $("$SHORTCUT" hash "$1" | cut -d' ' -f1) == "${whole%% *}" ]] || fail "$2: other weights"
	for table in steps.csv:1-5 history.csv:1-6; do # all columns but the seconds
		cut -d, -f"${table#*:}" "$1/${table%:*}" >.table
		cut -d, -f"${table#*:}" "whole/${table%:*}" | cmp -s - .table || fail "$2: another ${table%:*}"
	done
	left=$(find "$1" -name '*.tmp-*')
	[[ -z $left ]] || fail "$2: left over: $left"
	[[ -e $1/checkpoints/$last_checkpoint ]] || fail "$2: no $last_checkpoint"
	(($(find "$1/checkpoints" -type f | wc -l) <= generations)) || fail "$2: checkpoints: $(ls "$1/checkpoints")"
}
