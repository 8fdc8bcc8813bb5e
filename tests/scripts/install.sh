# scripts/lib.sh: what is installed, asked and refused, against a pretended dpkg and apt.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin"
failures=0

# dpkg-query knows the packages in $folder/installed; apt-get writes down how it was called, and installs into that list.
cat >"$folder/bin/dpkg-query" <<'END'
#!/usr/bin/env bash
grep -qx -- "${!#}" "$PRETENDED/installed" && echo installed
END
cat >"$folder/bin/apt-get" <<'END'
#!/usr/bin/env bash
echo "apt-get $*" >>"$PRETENDED/calls"
case " $* " in
*" --print-uris "*)
	[[ -e $PRETENDED/lists ]] || exit 100
	printf "'http://example.org/a.deb' a.deb 1500000 SHA256:0\n'http://example.org/b.deb' b.deb 500000 SHA256:0\n"
	;;
*" update "*) touch "$PRETENDED/lists" ;;
*" install "*) printf '%s\n' "$@" >>"$PRETENDED/installed" ;;
esac
END
# Root needs no sudo; for others, this one only runs its words.
printf '#!/usr/bin/env bash\n"$@"\n' >"$folder/bin/sudo"
chmod +x "$folder"/bin/*
grep -E '^[a-z]' "$SOURCE_DIR/scripts/packages.txt" | grep -v '^scdoc$' >"$folder/almost"

# case_of LISTS INSTALLED COMMAND...: result in $status, $output and the file calls.
case_of() {
	rm -f "$folder/calls" "$folder/lists"
	touch "$folder/calls"
	[[ $1 == with-lists ]] && touch "$folder/lists"
	cp "$2" "$folder/installed"
	shift 2
	status=0
	output=$(cd "$SOURCE_DIR" && PATH="$folder/bin:$PATH" PRETENDED=$folder CI='' bash -c \
		'set -euo pipefail; source scripts/lib.sh; install_packages "$0"' "$@" </dev/null 2>&1) || status=$?
}
check() {
	if ! eval "$2"; then
		printf 'FAILED: %s\nstatus %s, output:\n%s\ncalls:\n%s\n' "$1" "$status" "$output" "$(cat "$folder/calls")"
		failures=1
	fi
}

{ cat "$folder/almost"; echo scdoc; } >"$folder/all"
case_of without-lists "$folder/all" no
check "nothing missing: apt is not touched" '[[ $status == 0 && ! -s $folder/calls ]]'

case_of with-lists "$folder/almost" no
check "nobody to ask: refused, with the way out" '[[ $status == 1 && $output == *"run this again with --yes"* && ! -s $folder/calls ]]'

case_of with-lists "$folder/almost" yes
check "--yes: size shown, lists fetched, the missing one installed and no other" \
	'[[ $status == 0 && $output == *"Missing packages: scdoc"*"2 packages, 2.0 MB to download"* ]] &&
	tail -n 1 "$folder/calls" | grep -- "install.* --no-install-recommends .* scdoc$" >/dev/null &&
	[[ $(grep -c " update" "$folder/calls") == 1 ]]'

case_of without-lists "$folder/almost" yes
check "no package lists yet: fetched once" '[[ $status == 0 && $output == *"2.0 MB"* && $(grep -c " update" "$folder/calls") == 1 ]]'
exit $failures
