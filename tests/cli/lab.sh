# shortcut lab: tables, pictures, one JSON object; interrupted it goes on.
source "$SOURCE_DIR/tests/cli/helpers.bash"

small_part tiny train 32
small_part tiny t10k 16
experiment=(lab degradation --data tiny --depths 20 --epochs 8 --batch 8)

run "${experiment[@]}" --quiet --out whole
((code == 0)) || fail "exit $code: $err"
[[ $out == *"plain-cifar20"*"cifar20"* ]] || fail "the table of nets: $out"
for table in errors gradients responses lesions; do
	[[ -s whole/$table.csv ]] || fail "$table.csv is missing"
done
if [[ $("$SHORTCUT" --version) == *"cairo "[0-9]* ]]; then
	[[ $(head -c 8 whole/degradation.png | od -An -tx1) == " 89 50 4e 47 0d 0a 1a 0a" ]] || fail "degradation.png is no PNG"
	[[ $(tail -n 1 whole/degradation.svg) == "</svg>" ]] || fail "degradation.svg is not whole"
else
	[[ $err == *"without cairo"* ]] || fail "nothing says why there are no pictures: $err"
fi

# Where all is done, it only draws again.
run "${experiment[@]}" --json --quiet --out whole
[[ $out == '{"data": "tiny", "out": "whole", "nets": [{"model": "plain-cifar20", "depth": 20, '* ]] || fail "--json: $out"

# A signal in the middle.
env --default-signal=INT "$SHORTCUT" "${experiment[@]}" --out run >.out 2>.err </dev/null &
process=$!
for ((i = 0; i < 600 && $(wc -l 2>/dev/null <run/plain-cifar20/history.csv || echo 0) < 2; i++)); do sleep 0.02; done
kill -INT $process
code=0
wait $process || code=$?
((code == 130)) || fail "SIGINT: expected exit 130, was $code: $(<.err)"
[[ $(tail -n 1 .err) == "shortcut: interrupted; run keeps what is done: the same command goes on from there" ]] || fail "$(tail -n 1 .err)"
run "${experiment[@]}" --quiet --out run
for table in errors gradients responses lesions; do
	cmp -s whole/$table.csv run/$table.csv || fail "$table.csv differs from that of an experiment that was not interrupted"
done
finish
