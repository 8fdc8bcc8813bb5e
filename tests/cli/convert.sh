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
for to in a.pth b.npz e.keras c.pt f.h5 d.safetensors; do
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

# From Keras and back to it: the tutorial's class, with two small stages.
echo '{"name": "small", "blocks": [1, 1], "widths": [2, 3], "stem_channels": 2, "padding": "same", "convolution_bias": "always",
	"projection_batch_norm": false}' >net.json
run convert "$formats/tutorial.weights.h5" from.safetensors --model net.json --input 28x28x1 --classes 3 --preprocess raw
((code == 0)) || fail "convert tutorial.weights.h5: exit $code: $err"
run convert from.safetensors to.weights.h5
[[ $code == 0 && $out == *"model    small, 28x28x1, 3 classes, "*"pixels   0..255 as they are"* ]] || fail "convert to.weights.h5: $code: $out $err"
mv to.weights.h5 nameless
run convert nameless again.safetensors
cmp -s from.safetensors again.safetensors || fail "convert to.weights.h5 and back: $code: $out $err"
run hash from.safetensors nameless
[[ $(cut -d' ' -f1 <<<"$out" | uniq | wc -l) == 1 ]] || fail "hash: $out"

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
refused "ends with .safetensors, .pth, .pt, .npz or, for Keras, .weights.h5, .keras or .h5" run x.bin
refused "cifar20: expected a net of keras.applications" run x.weights.h5
refused "goes with --model" run x.pth --classes 10
refused "tensor 'fc.weight': expected F32 (3, 10), found F32 (3, 3), Keras' 'fc/vars/0'" "$formats/tutorial.weights.h5" x.pth --model net.json --input 28x28x1 --classes 10
head -c 60000 "$formats/tutorial.weights.h5" >short
refused "damaged HDF5 file: it declares 68712 bytes and has 60000" short x.pth
head -c 20000 a.pth >short
refused "no end record" short x.pth
finish
