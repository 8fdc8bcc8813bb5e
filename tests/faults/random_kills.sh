# slow test - kill -9 at random instants (--seed, --count) of a training that saves after each step: going on ends with the weights
# and tables of the training that nobody killed. Each third time the one that goes on is killed too.
source "$SOURCE_DIR/tests/faults/helpers.bash"

kills=$((count > 0 ? count : 12))
first=${EPOCHREALTIME//[!0-9]/}
train timed --checkpoint-every 1
duration=$((${EPOCHREALTIME//[!0-9]/} - first)) # microseconds
killed=0 inside=0 begun=0

# kill_at MICROSECONDS COMMAND...
kill_at() {
	local seconds
	printf -v seconds '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000))
	shift
	"$@" >/dev/null 2>&1 &
	local process=$!
	sleep "$seconds"
	kill -9 $process 2>/dev/null && ((++killed)) || true
	wait $process 2>/dev/null || true
	[[ ! -e run/config.json ]] || ((++begun))
	[[ -z $(find run -name '*.tmp-*' 2>/dev/null) ]] || ((++inside))
}

for ((i = 0; i < kills; i++)); do
	rm -rf run
	instant=$(((RANDOM * 32768 + RANDOM) % (duration * 11 / 10)))
	kill_at $instant "$SHORTCUT" train "${settings[@]}" --out run --checkpoint-every 1
	if ((i % 3 == 0)) && [[ -e run/config.json ]]; then
		kill_at $(((RANDOM * 32768 + RANDOM) % duration)) "$SHORTCUT" train tiny --resume run --threads 1 --quiet --checkpoint-every 1
	fi
	train run
	((code == 0)) || fail "kill $i at $instant us: going on gave exit $code: $err"
	[[ $err != *warning* ]] || fail "kill $i at $instant us: $err"
	expect_whole run "kill $i at $instant us"
done
echo "$kills trainings, $killed kills, $begun of runs that had begun, $inside with a file half written; seed $seed; $failures failed"
((killed > 0)) || fail "nothing was killed"
finish
