# slow test - SIGTERM, SIGINT and SIGUSR1 at random instants (--seed, --count), also while a save is under way: the training ends after
# the step, with a checkpoint and the documented exit code, and goes on to the same bits. --count: how many trainings they end; those
# that a signal misses, before their beginning or after their end, are not counted.
source "$SOURCE_DIR/tests/faults/helpers.bash"

signals=$((count > 0 ? count : 9))
first=${EPOCHREALTIME//[!0-9]/}
train timed --checkpoint-every 1
duration=$((${EPOCHREALTIME//[!0-9]/} - first)) # microseconds
names=(TERM INT USR1) numbers=(15 2 10)
stopped=0 finished=0 early=0 longest=0

for ((i = 0; stopped < signals && failures == 0; i++)); do
	rm -rf run
	instant=$(((RANDOM * 32768 + RANDOM) % duration))
	printf -v seconds '%d.%06d' $((instant / 1000000)) $((instant % 1000000))
	name=${names[stopped % 3]}
	where="SIG$name at $instant us"
	# A shell ignores SIGINT for what it runs in the background; env --default-signal takes that back.
	env --default-signal=INT "$SHORTCUT" train "${settings[@]}" --out run --checkpoint-every $((1 + i % 4)) >.out 2>.err </dev/null &
	process=$!
	sleep "$seconds"
	sent=${EPOCHREALTIME//[!0-9]/}
	kill -"$name" $process 2>/dev/null || true
	code=0
	wait $process || code=$?
	took=$((${EPOCHREALTIME//[!0-9]/} - sent))
	((took <= longest)) || longest=$took
	if ((code == 0)); then
		((++finished))
	elif ((code != 128 + numbers[stopped % 3])); then
		fail "$where: exit $code: $(<.err)"
	elif [[ $(<.err) == *"interrupted in epoch "* ]]; then
		((++stopped))
		step=$(tail -n 1 run/steps.csv | cut -d, -f1)
		[[ -e run/checkpoints/step-$(printf %010d "$step").safetensors ]] || fail "$where: no checkpoint of step $step"
	else
		((++early)) # before the training, when a signal has its usual meaning
	fi
	train run
	[[ $code == 0 && $err != *warning* ]] || fail "$where: going on gave exit $code: $err"
	expect_whole run "$where"
done 2>/dev/null
echo "$i signals: $stopped stopped a training, $early came before it, $finished after its end; at most $((longest / 1000)) ms to the end; seed $seed; $failures failed"
((longest < 10000000)) || fail "an end took $longest us"
finish
