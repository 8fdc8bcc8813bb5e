# A net from a file is used like a preset, and its run needs the file no more.
source "$SOURCE_DIR/tests/cli/helpers.bash"

small_data small
run summary seresnet18 --describe
[[ $code == 0 && $out == '{'*'"name": "seresnet18"'*'"squeeze": 16'*'}' ]] || fail "summary --describe: exit $code: $out $err"
printf '%s\n' "$out" >same.json
run summary same.json --json
same=$out
run summary seresnet18 --json
[[ $out == "$same" ]] || fail "the file of a preset is another net"

echo '{"name": "tiny", "blocks": [1, 1], "widths": [8, 16], "stem_channels": 8, "stem_deep": [4, 4], "squeeze": 4, "average_down": true}' >net.json
run plan net.json --input 28x28x1
[[ $code == 0 && $out == *"tiny, batch 32"* ]] || fail "plan: exit $code: $err"
run bench infer --model net.json --input 28x28x1 --batch 2 --json
[[ $code == 0 ]] || fail "bench: exit $code: $err"
run train small --model net.json --batch 32 --epochs 2 --steps 8 --seed 3 --zero-init-last --quiet
[[ $code == 0 && $out == *"runs/tiny-small-1"* ]] || fail "train: exit $code: $out $err"
run convert runs/tiny-small-1 tiny.safetensors
[[ $code == 0 && $out == *"tiny, 28x28x1, 10 classes"* ]] || fail "convert: exit $code: $out $err"
run eval runs/tiny-small-1 small
accuracy=${out%%speed*}
mv net.json moved.json
run eval tiny.safetensors small
[[ $code == 0 && ${out%%speed*} == "$accuracy" ]] || fail "eval of the converted file: exit $code: $out $err"
run train small --resume runs/tiny-small-1 --quiet
[[ $code == 0 ]] || fail "resume without the net's file: exit $code: $err"
run summary runs/tiny-small-1 --describe
[[ $out == '{'*'"name": "tiny"'*'"stem_deep": [4, 4]'*'"squeeze": 4'* ]] || fail "the run's net: $out"
finish
