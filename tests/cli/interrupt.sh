# A signal ends a training after the step, with a checkpoint and a documented exit code; the run goes on to the same bits.
source "$SOURCE_DIR/tests/cli/helpers.bash"

small_part tiny train 32
small_part tiny t10k 16

# What the whole run gives.
run train tiny --model cifar20 --batch 8 --epochs 60 --quiet --out whole
whole=$(sed -n 's/^weights *sha256 //p' <<<"$out")

# The same, asked to stop by each signal in turn, somewhere, and gone on with.
for signal in TERM:143 INT:130 USR1:138; do
	rm -rf run
	# A shell ignores SIGINT for what it runs in the background; env --default-signal takes that back.
	env --default-signal=INT "$SHORTCUT" train tiny --model cifar20 --batch 8 --epochs 60 --out run >.out 2>.err </dev/null &
	process=$!
	for ((i = 0; i < 600 && $(wc -l 2>/dev/null <run/history.csv || echo 0) < 2; i++)); do sleep 0.02; done
	kill -${signal%:*} $process
	code=0
	wait $process || code=$?
	((code == ${signal#*:})) || fail "SIG${signal%:*}: expected exit ${signal#*:}, was $code: $(<.err)"
	[[ ! -s .out ]] || fail "SIG${signal%:*}: on standard output: $(<.out)"
	message=$(tail -n 1 .err)
	[[ $message == "shortcut: interrupted in epoch "*" after step "*", which run keeps; "*"shortcut train tiny --resume run" ]] ||
		fail "SIG${signal%:*}: $message"
	step=$(tail -n 1 run/steps.csv | cut -d, -f1)
	[[ -e run/checkpoints/step-$(printf %010d "$step").safetensors ]] || fail "SIG${signal%:*}: no checkpoint of step $step"
	run train tiny --resume run --quiet
	[[ $(sed -n 's/^weights *sha256 //p' <<<"$out") == "$whole" ]] || fail "SIG${signal%:*}: going on gave other weights: $out $err"
	for table in steps.csv:1-5 history.csv:1-6; do # all columns but the seconds
		cut -d, -f"${table#*:}" "run/${table%:*}" >.parts
		cut -d, -f"${table#*:}" "whole/${table%:*}" | cmp -s .parts - || fail "SIG${signal%:*}: ${table%:*} differs from the whole run's"
	done
done

# Before the first step is finished. timeout sends it as a terminal would.
code=0
timeout --preserve-status -s INT 1 "$SHORTCUT" train "$SOURCE_DIR/data/mnist" --model resnet50 --batch 64 --threads 1 --out slow \
	>.out 2>.err </dev/null || code=$?
((code == 130)) || fail "SIGINT: expected exit 130, was $code: $(<.err)"
[[ ! -e slow/weights.safetensors ]] || "$SHORTCUT" hash slow >/dev/null || fail "SIGINT: half of the weights is there"
finish
