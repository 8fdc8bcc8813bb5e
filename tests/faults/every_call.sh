# slow test - each call by which a training writes its files (open, write, fsync, close, rename, unlink, mkdir) is the last one: the
# process dies before it, after it, or in the middle of a write. And each fails: no space, quota, I/O error, interrupted, half
# written; once or for good. The run then ends with the weights of the one that nothing has disturbed. --count 0: some of the calls.
source "$SOURCE_DIR/tests/faults/helpers.bash"

faulty() { # NUMBER WHAT FOREVER OPTION...
	local at=$1 what=$2 forever=$3
	shift 3
	code=0
	env LD_PRELOAD="$INTERPOSE" FAULTS_UNDER=run FAULTS_COUNT="$work/.count" FAULTS_AT="$at" FAULTS_DO="$what" ${forever:+FAULTS_FOREVER=1} \
		"$SHORTCUT" train "${settings[@]}" --out run "$@" >.out 2>.err </dev/null || code=$?
	err=$(<.err)
}

rm -rf run
faulty 0 none ""
calls=$(<.count)
((code == 0 && calls > 50)) || fail "expected more than 50 calls, counted $calls: $err"
expect_whole run "nothing failed"
stride=$((count > 0 ? 1 : 23))
done=0 tolerated=0 stopped=0

for ((n = 1 + seed % stride; n <= calls; n += stride)); do
	for what in kill killed torn; do
		rm -rf run
		faulty $n $what ""
		((code == 137)) || fail "call $n, $what: expected death, exit was $code: $err"
		train run
		[[ $code == 0 && $err != *warning* ]] || fail "call $n, $what: going on gave exit $code: $err"
		expect_whole run "call $n, $what"
		((++done))
	done
	for what in ENOSPC EIO EDQUOT EINTR short; do
		for forever in "" forever; do
			for policy in stop continue; do
				rm -rf run
				faulty $n $what "$forever" --on-save-error $policy
				((++done))
				if ((code == 0)); then
					((++tolerated))
				else
					((++stopped))
					[[ $code == 1 && $(wc -l <.err) -ge 1 && $(tail -n 1 .err) == shortcut:*": "* ]] || fail "call $n, $what $forever, $policy: exit $code: $err"
					[[ -z $(find run -name '*.tmp-*' 2>/dev/null) || -n $forever ]] || fail "call $n, $what, $policy: left over: $(find run -name '*.tmp-*')"
				fi
				train run
				[[ $code == 0 && $err != *warning* ]] || fail "call $n, $what $forever, $policy: going on gave exit $code: $err"
				expect_whole run "call $n, $what $forever, $policy"
			done
		done
	done
done
echo "$calls calls in a training, $(((calls - 1 - seed % stride) / stride + 1)) of them tried, $done faults: $tolerated without effect on the training, $stopped stopped it; $failures failed"
finish
