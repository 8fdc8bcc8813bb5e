# Bad input ends with one clear line, the right exit code, and nothing half-written. The cases: bad_input.txt.
source "$SOURCE_DIR/tests/cli/helpers.bash"

small_data good
mkdir empty
echo "not a data set, not a net" >a-file
echo '{"blok": "basic"}' >net.json

# copy NAME: a new data folder like `good`, to be spoilt.
copy() {
	cp -r good "$1"
	images=$1/train-images-idx3-ubyte
	labels=$1/train-labels-idx1-ubyte
}
# patch FILE OFFSET BYTES: overwrites.
patch() {
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

copy truncated
gzip "$images"
truncate -s -1000 "$images.gz"
copy crc
gzip -c "$images" >"$images.gz"
rm "$images"
patch "$images.gz" $(($(stat -c %s "$images.gz") - 8)) 'abcd'
copy magic
patch "$images" 2 '\x0d'
copy short
truncate -s -1 "$images"
copy long
printf x >>"$labels"
copy huge
patch "$images" 4 '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'
copy zero
patch "$images" 8 '\0\0\0\0'
copy label
patch "$labels" 100 '\xff'
copy count
small_part count train 255
cp good/train-images-idx3-ubyte count/
copy directory
rm "$images"
mkdir "$images"
copy missing
rm "$labels"

run train good --steps 1 --out run --quiet
if ((code != 0)); then
	fail "a good training: exit $code: $err"
	finish
fi
seq 0 255 >order
sed 's/^7$/seven/' order >order.word
sed 's/^7$/256/' order >order.beyond
: >order.empty
head -c 100000 run/weights.safetensors >cut.safetensors

# check CODE PARTS ARGUMENTS
check() {
	local arguments part parts before after
	eval "arguments=($3)"
	before=$(find . -mindepth 1 ! -name '.out' ! -name '.err' -printf '%p %s\n' | sort)
	run "${arguments[@]}"
	after=$(find . -mindepth 1 ! -name '.out' ! -name '.err' -printf '%p %s\n' | sort)
	((code == $1)) || fail "shortcut $3: expected exit $1, was $code: $err"
	((err_lines == 1)) || fail "shortcut $3: expected one line, were $err_lines: $err"
	[[ $err == shortcut* ]] || fail "shortcut $3: does not begin with the program's name: $err"
	[[ -z $out ]] || fail "shortcut $3: on standard output: $out"
	[[ $before == "$after" ]] || fail "shortcut $3: files changed: $(diff <(echo "$before") <(echo "$after"))"
	parts=$2
	while [[ -n $parts ]]; do
		part=${parts%% + *}
		[[ $err == *"$part"* ]] || fail "shortcut $3: expected \"$part\" in: $err"
		[[ $parts == *' + '* ]] || break
		parts=${parts#* + }
	done
}

cases=0
while IFS='|' read -r expected_code parts arguments; do
	[[ -z $expected_code || $expected_code == '#'* ]] && continue
	parts=$(sed 's/^ *//; s/ *$//' <<<"$parts")
	check "${expected_code// /}" "$parts" "$arguments"
	cases=$((cases + 1))
done <"$SOURCE_DIR/tests/cli/bad_input.txt"
echo "$cases cases"
((cases > 80)) || fail "the table of cases was not read"

# A name that would write to the terminal cannot: still one line, no escape codes.
run train $'no\nsuch\e[31mdata'
((code == 1 && err_lines == 1)) || fail "a name with control characters: exit $code: $err"
[[ $err != *$'\e'* ]] || fail "a name with control characters reached the terminal: $err"
finish
