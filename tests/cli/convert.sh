# Weights go from format to format and stay the same; what does not fit is named, and nothing is written then.
source "$SOURCE_DIR/tests/cli/helpers.bash"
formats=$SOURCE_DIR/tests/recorded/formats

small_data small
run train small --model cifar20 --batch 32 --steps 2 --seed 5 --quiet --out run
((code == 0)) || fail "train: exit $code: $err"
run hash run
hash=${out%% *}
run eval run small
accuracy=$out

# There and back again, by content and not by name.
from=run
for to in a.pth b.npz c.pt d.safetensors; do
	run convert "$from" "$to"
	((code == 0)) || fail "convert $from $to: exit $code: $err"
	[[ $out == *"model    cifar20, 28x28x1, 10 classes, "*"weights  sha256 $hash"*"file     $to" ]] || fail "convert $from $to: $out"
	run hash "$to"
	[[ ${out%% *} == "$hash" ]] || fail "$to has other weights: $out"
	cp "$to" "nameless-${to%%.*}"
	from=nameless-${to%%.*}
	run eval "$from" small
	[[ $code == 0 && ${out%%speed*} == "${accuracy%%speed*}" ]] || fail "eval $from: $out $err, expected $accuracy"
done
run convert run again.pth --json
[[ $out == '{'*'"model": "cifar20"'*'"file": "again.pth"'*"\"weights_sha256\": \"$hash\""* ]] || fail "convert --json: $out"
cmp -s a.pth again.pth || fail "the same weights made another file"

# A model by name: how pixels are prepared travels with the file.
run convert a.pth named.safetensors --model cifar20 --input 28x28x1 --preprocess raw
[[ $code == 0 && $out == *"pixels   0..255 as they are"* ]] || fail "--preprocess raw: $out $err"
run convert a.pth unit.pth --model cifar20 --input 28x28x1 --fit-input
[[ $code == 0 && $out == *"pixels   (x / 255 - 0) / 1; resized"* ]] || fail "--fit-input: $out $err"

# refused MESSAGE ARGUMENT...: exit 1 or 2, one line, nothing written.
refused() {
	local message=$1
	shift
	run convert "$@"
	[[ $code == [12] && -z $out && $err_lines == 1 && $err == *"$message"* ]] || fail "convert $*: exit $code, '$err', expected '$message'"
	[[ ! -e ${2:-} ]] || fail "convert $*: $2 was written"
}
refused "'__main__.Net', which weights do not need; nothing was run" "$formats/module.pth" x.pth --model cifar20
refused "PyTorch before 1.6" "$formats/legacy.pth" x.pth --model cifar20
refused "say which model it belongs to with --model" "$formats/net.pth" x.pth
refused "tensor 'conv1.weight': expected F32 (16, 3, 3, 3), found F32 (3, 2, 2, 1)" "$formats/net.pth" x.pth --model cifar20
refused "tensor 'fc.weight': expected F32 (7, 64), found F32 (10, 64)" a.pth x.npz --model cifar20 --input 28x28x1 --classes 7
refused "tensor 'layer1.3.conv1.weight': expected F32 (16, 16, 3, 3), but it is not there" a.pth x.npz --model cifar32 --input 28x28x1
refused "ends with .safetensors, .pth, .pt, .npz or, for Keras, .weights.h5" run x.bin
refused "ends with .safetensors, .pth, .pt, .npz or, for Keras, .weights.h5" run x.keras
refused "cifar20: expected a net of keras.applications" run x.weights.h5
refused "goes with --model" run x.pth --classes 10
head -c 20000 a.pth >short
refused "no end record" short x.pth
finish
