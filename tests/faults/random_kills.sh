# slow test - kill -9 at random instants (--seed, --count) of a training that saves after each step: going on ends with the weights
# and tables of the training that nobody killed. Two of three kills wait for a file that is being written, so that at least 30 % of all
# hit the inside of a save; each third run is killed again when it goes on. --count: how many kills.
source "$SOURCE_DIR/tests/faults/helpers.bash"

kills=$((count > 0 ? count : 9))
first=${EPOCHREALTIME//[!0-9]/}
train timed --checkpoint-every 1
duration=$((${EPOCHREALTIME//[!0-9]/} - first)) # microseconds
killed=0 inside=0 begun=0

# half_written: whether a save is under way.
half_written() {
	compgen -G 'run/*.tmp-*' >/dev/null || compgen -G 'run/checkpoints/*.tmp-*' >/dev/null
}

# kill_at MICROSECONDS WAIT COMMAND...: WAIT 1: and then when a save is under way.
kill_at() {
	local seconds wait=$2
	printf -v seconds '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000))
	shift 2
	"$@" >/dev/null 2>&1 &
	local process=$!
	sleep "$seconds"
	if ((wait)); then
		while ! half_written && kill -0 $process 2>/dev/null; do :; done
	fi
	kill -9 $process 2>/dev/null && ((++killed)) || true
	wait $process 2>/dev/null || true
	[[ ! -e run/config.json ]] || ((++begun))
	! half_written || ((++inside))
}

for ((i = 0; killed < kills && failures == 0; i++)); do
	rm -rf run
	instant=$(((RANDOM * 32768 + RANDOM) % duration))
	kill_at $instant $((i % 3 > 0)) "$SHORTCUT" train "${settings[@]}" --out run --checkpoint-every 1
	if ((i % 3 == 0)) && [[ -e run/config.json ]]; then
		kill_at $(((RANDOM * 32768 + RANDOM) % duration)) $((i % 2)) "$SHORTCUT" train tiny --resume run --threads 1 --quiet --checkpoint-every 1
	fi
	train run
	((code == 0)) || fail "kill $i at $instant us: going on gave exit $code: $err"
	[[ $err != *warning* ]] || fail "kill $i at $instant us: $err"
	expect_whole run "kill $i at $instant us"
done 2>/dev/null # bash's word of each child that was killed
echo "$i trainings, $killed kills, $begun of runs that had begun, $inside inside a save; seed $seed; $failures failed"
((inside * 10 >= killed * 3)) || fail "fewer than 30 % of the kills were inside a save"
finish
