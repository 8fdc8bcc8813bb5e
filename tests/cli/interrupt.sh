# Ctrl-C ends a training after the step with exit code 130, says what is kept, and what is kept is whole.
source "$SOURCE_DIR/tests/cli/helpers.bash"

small_part tiny train 32
small_part tiny t10k 16

# A training without end, asked to stop once an epoch is kept.
"$SHORTCUT" train tiny --batch 16 --epochs 1000000 --out run >.out 2>.err </dev/null &
process=$!
for ((i = 0; i < 600 && $(wc -l <run/history.csv 2>/dev/null || echo 0) < 2; i++)); do sleep 0.1; done
kill -TERM $process
code=0
wait $process || code=$?
((code == 143)) || fail "SIGTERM: expected exit 143, was $code: $(<.err)"
[[ ! -s .out ]] || fail "SIGTERM: on standard output: $(<.out)"
message=$(tail -n 1 .err)
[[ $message == "shortcut: interrupted in epoch "*" after step "*"; run keeps epoch "*"shortcut train tiny --resume run" ]] ||
	fail "SIGTERM: $message"
run eval run tiny
((code == 0)) || fail "what an interrupted training keeps cannot be read: $err"

# Ctrl-C before any epoch is kept. timeout sends it as a terminal would.
code=0
timeout --preserve-status -s INT 1 "$SHORTCUT" train "$SOURCE_DIR/data/mnist" --model resnet50 --batch 256 --threads 1 --out slow \
	>.out 2>.err </dev/null || code=$?
((code == 130)) || fail "SIGINT: expected exit 130, was $code: $(<.err)"
[[ ! -e slow/weights.safetensors ]] || "$SHORTCUT" hash slow >/dev/null || fail "SIGINT: half of the weights is there"
finish
