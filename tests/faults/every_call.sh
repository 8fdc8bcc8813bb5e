# slow test - each call by which a training writes its files (open, write, fsync, close, rename, unlink, mkdir) is the last one: the
# process dies before it, after it, or in the middle of a write. And each fails: no space, quota, I/O error, interrupted, half
# written; once or for good, with each --on-save-error. The run then ends with the weights of the one that nothing has disturbed. --count:
# how many of these faults; the others are left out evenly.
model=small.json # as many calls as with a large net, in a fifth of the time
source "$SOURCE_DIR/tests/faults/helpers.bash"

faulty() { # NUMBER WHAT FOREVER OPTION...
	local at=$1 what=$2 forever=$3
	shift 3
	code=0
	{
		env LD_PRELOAD="$INTERPOSE" FAULTS_UNDER=disturbed FAULTS_COUNT="$work/.count" FAULTS_AT="$at" FAULTS_DO="$what" ${forever:+FAULTS_FOREVER=1} \
			"$SHORTCUT" train "${settings[@]}" --out disturbed "$@" >.out 2>.err </dev/null || code=$?
	} 2>/dev/null # bash's word of a child that was killed
	err=$(<.err)
}

rm -rf disturbed
faulty 0 none ""
calls=$(<.count)
((code == 0 && calls > 50)) || fail "expected more than 50 calls, counted $calls: $err"
expect_whole disturbed "nothing failed"
ways=()
for what in kill killed torn; do
	ways+=("$what - -")
done
for what in ENOSPC EIO EDQUOT EINTR short; do
	for forever in once forever; do
		ways+=("$what $forever stop" "$what $forever continue")
	done
done
total=$((calls * ${#ways[@]}))
wanted=$((count == 0 ? 24 : count < total ? count : total))
tolerated=0 stopped=0 died=0

# expect_stop WHERE: one clear line, and no half-written file unless removing it failed as well.
expect_stop() {
	[[ $code == 1 && $(tail -n 1 .err) == shortcut:*": "* ]] || fail "$1: exit $code: $err"
	[[ $forever == forever || -z $(find disturbed -name '*.tmp-*' 2>/dev/null) ]] || fail "$1: left over: $(find disturbed -name '*.tmp-*')"
}

for ((i = 0; i < wanted; i++)); do
	at=$(((i * total / wanted + seed - 1) % total))
	n=$((at % calls + 1))
	read -r what forever policy <<<"${ways[at / calls]}"
	where="call $n, $what $forever $policy"
	rm -rf disturbed
	if [[ $policy == - ]]; then
		faulty $n $what ""
		((code == 137)) || fail "$where: expected death, exit was $code: $err"
		((++died))
	else
		faulty $n $what "${forever#once}" --on-save-error $policy
		if ((code == 0)); then
			((++tolerated))
		else
			((++stopped))
			expect_stop "$where"
		fi
	fi
	train disturbed
	[[ $code == 0 && $err != *warning* ]] || fail "$where: going on gave exit $code: $err"
	expect_whole disturbed "$where"
done
echo "$calls calls, ${#ways[@]} faults each, $wanted tried: the program died in $died, stopped in $stopped, went on in $tolerated; $failures failed"
finish
