# shortcut verify - epochs that are trained again give what the receipt says, from a checkpoint or from the beginning; a receipt that
# says otherwise is refuted; what cannot be verified is said.
source "$SOURCE_DIR/tests/cli/helpers.bash"
small_part tiny train 24
small_part tiny t10k 4
settings=(--model cifar20 --batch 4 --epochs 3 --momentum 0.9 --schedule cosine --validation-split 0.25 --take 20 --seed 5 --threads 1 --quiet)

run train tiny "${settings[@]}" --out plain
((code == 0)) || fail "train: $err"
run train tiny "${settings[@]}" --out kept --keep-checkpoints
((code == 0)) || fail "train --keep-checkpoints: $err"
[[ $(ls plain/checkpoints | wc -l) == 2 && $(ls kept/checkpoints | wc -l) == 4 ]] || fail "checkpoints: $(ls plain/checkpoints kept/checkpoints)"
grep -q "\"weights_sha256\": \"$("$SHORTCUT" hash plain | cut -d' ' -f1)\"" plain/receipt.json || fail "receipt: $(<plain/receipt.json)"

# expect RUN EPOCH STEPS FROM WORD...: confirmed, and how.
expect() {
	local folder=$1 epoch=$2 steps=$3 from=$4
	shift 4
	run verify "$folder" "$@" --epoch "$epoch" --quiet
	[[ $code == 0 && $out == "epoch $epoch: confirmed ($steps steps trained again, from step $from on)"* ]] || fail "verify $folder --epoch $epoch: exit $code: $out $err"
}
expect plain 1 4 0
expect plain 2 8 0 # that of its first step is gone, too
expect plain 3 4 8
expect kept 3 4 8
rm kept/checkpoints/step-0000000008.safetensors
expect kept 3 8 4
mv tiny moved
expect kept 1 4 0 moved --threads 2 --no-fuse
mv moved tiny

# Stopped and gone on with, the receipt is the same.
run train tiny "${settings[@]}" --out stopped --steps 6
run train tiny --resume stopped --take 20 --threads 1 --quiet
((code == 0)) || fail "going on: $err"
diff <(grep sha256 plain/receipt.json) <(grep sha256 stopped/receipt.json) || fail "another receipt after going on"

# Another hash is refuted; one that is not there, another run's data and a beginning that the seed does not give are errors.
sed -i '/"epochs"/,$ s/"weights_sha256": "./"weights_sha256": "g/' kept/receipt.json
run verify kept --epoch 2 --quiet --json
[[ $code == 4 && $out == *'"verdict": "refuted"'* ]] || fail "refuted: exit $code: $out $err"
run verify kept --epoch 4 --quiet
[[ $code == 2 && $err == *"epoch: expected 1 to 3, found 4"* ]] || fail "no such epoch: exit $code: $err"
small_part other train 21
run verify plain other --epoch 2 --quiet
[[ $code == 1 && $err == *"sha256"* ]] || fail "other data: exit $code: $err"
sed -i 's/"initial_weights_sha256": "./"initial_weights_sha256": "g/' plain/receipt.json
run verify plain --epoch 1 --quiet
[[ $code == 1 && $err == *"the first weights do not follow from the seed"* ]] || fail "first weights: exit $code: $err"
finish
