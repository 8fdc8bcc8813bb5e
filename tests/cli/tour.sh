# Train, evaluate, predict, hash, resume: the whole way through the program, on 256 images.
source "$SOURCE_DIR/tests/cli/helpers.bash"

small_data small

# number NAME: a number in the JSON object in `out`.
number() { grep -oE "\"$1\": [-0-9.e+]+" <<<"$out" | head -n 1 | cut -d' ' -f2; }

run train small --batch 32 --steps 4 --seed 7
((code == 0)) || fail "train: exit $code: $err"
[[ $err == "resnet18, 11,1"*" parameters, on 256 images of small (28x28x1), batch 32, "*" of memory"* ]] || fail "train's first line: $err"
[[ $out == *"test accuracy"*" of 64)"*"images per second"*"sha256 "*"run            runs/resnet18-small-1"* ]] || fail "train: $out"
[[ $out == *"shortcut predict runs/resnet18-small-1 small --index 0-9"* ]] || fail "train names no next command: $out"
trained=$(sed -n 's/^weights *sha256 //p' <<<"$out")
accuracy=$(sed -n 's/^test accuracy *//p' <<<"$out")

# A run is all that is needed, wherever it lies.
mv runs/resnet18-small-1 moved
run eval moved small
((code == 0)) || fail "eval: exit $code: $err"
[[ $out == "test accuracy  $accuracy"* ]] || fail "eval gives another accuracy than train ($accuracy): $out"
run eval moved/weights.safetensors small --json --batch 7
[[ $(number count) == 64 ]] || fail "eval --json: $out"
run hash moved moved/weights.safetensors
[[ $out == "$trained  moved
$trained  moved/weights.safetensors" ]] || fail "hash: expected $trained: $out"

# The same again, with another number of threads, in another folder: the same bits.
run train small --batch 32 --steps 4 --seed 7 --threads 3 --quiet --out again
[[ -z $err ]] || fail "train --quiet wrote: $err"
[[ $(sed -n 's/^weights *sha256 //p' <<<"$out") == "$trained" ]] || fail "3 threads gave other weights"
run train small --batch 32 --steps 4 --seed 8 --quiet --out other
[[ $(sed -n 's/^weights *sha256 //p' <<<"$out") != "$trained" ]] || fail "another seed gave the same weights"

run predict moved small/t10k-images-idx3-ubyte --index 0,5-6
((code == 0)) || fail "predict: exit $code: $err"
(($(grep -cE '^small/t10k-images-idx3-ubyte\[[056]\]: [0-9] [0-9.]+ %, [0-9] [0-9.]+ %, [0-9] [0-9.]+ %  \(label [0-9](, wrong)?\)$' <<<"$out") == 3)) ||
	fail "predict: $out"
[[ $out == *"[0]:"*"(label 7"*"[5]:"*"(label 1"*"[6]:"*"(label 4"* ]] || fail "predict shows other labels than MNIST's: $out"
first=$out
run predict moved small --index 0,5-6
[[ ${out//small\[/small\/t10k-images-idx3-ubyte[} == "$first" ]] || fail "predict by folder differs: $out"
run predict moved small --index 3 --top 1 --json
[[ $out == '{'*'"predictions": [{"image": "small", "index": 3, "label": 0, "class": '* ]] || fail "predict --json: $out"

# Two epochs in one go, or one and then the other.
small_part part train 128
small_part part t10k 16
run train part --batch 32 --epochs 2 --seed 3 --quiet --out whole
whole=$(sed -n 's/^weights *sha256 //p' <<<"$out")
run train part --batch 32 --epochs 2 --steps 4 --seed 3 --quiet --out parts
((code == 0)) || fail "train --steps: exit $code: $err"
run train part --resume parts --quiet
((code == 0)) || fail "train --resume: exit $code: $err"
[[ $(sed -n 's/^weights *sha256 //p' <<<"$out") == "$whole" ]] || fail "a resumed training gave other weights than a whole one: $out"

run train part --resume parts --convolution direct --quiet
[[ $code == 1 && $err == *"convolution"* ]] || fail "a run was resumed with another convolution method: $code $err"

# The tutorial's net, resized input, validation.
run train small --recipe keras-tutorial --batch 64 --epochs 1 --resize 32x32 --stratified --quiet --json --out tutorial
((code == 0)) || fail "train --recipe keras-tutorial: exit $code: $err"
[[ -n $(number val_accuracy) && $(number epochs) == 1 ]] || fail "train --recipe keras-tutorial --json: $out"
run summary tutorial
[[ $code == 0 && $out == *conv1* ]] || fail "summary of a run: $out $err"
finish
