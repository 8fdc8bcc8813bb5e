# lib.sh - what scripts/demo and scripts/test share: installing what is missing, and saying what happens.
#
# Written for a bare Debian or Ubuntu: bash, dpkg, apt and coreutils; no sudo, locale or terminal is needed.
# shellcheck shell=bash

say() {
	printf '%s\n' "$*"
}

headline() {
	printf '\n== %s\n' "$*"
}

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Shows a command, then runs it.
run() {
	printf '+ %s\n' "$*"
	"$@"
}

# Seconds since `started` (of EPOCHREALTIME, digits only), with one decimal.
started=0
start_clock() {
	started=${EPOCHREALTIME//[!0-9]/}
}
elapsed() {
	local tenths=$(((${EPOCHREALTIME//[!0-9]/} - started) / 100000))
	printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# Shows a command, then runs it as root: with sudo, unless this is root already.
run_as_root() {
	local prefix=()
	if [[ $EUID -ne 0 ]]; then
		command -v sudo >/dev/null ||
			fail "installing packages needs root, and there is no sudo; run this as root once, or install them yourself"
		prefix=(sudo)
	fi
	run "${prefix[@]}" "$@"
}

update_package_lists() {
	run_as_root env LC_ALL=C apt-get update -q
}

# Writes "COUNT BYTES" that installing the packages would fetch; fails where apt does not know one of them.
download_size() {
	local list
	list=$(LC_ALL=C apt-get install --print-uris -qq -y --no-install-recommends "$@" 2>/dev/null) || return 1
	awk '{ count++; bytes += $3 } END { printf "%d %d\n", count, bytes }' <<<"$list"
}

# Succeeds if the person, --yes or CI=true says yes; $1: "yes" for --yes.
confirmed() {
	local answer
	if [[ $1 == yes || ${CI:-} == true ]]; then
		return 0
	fi
	read -r -p "Install them now? [y/N] " answer || answer=
	[[ $answer == [yY] || $answer == [yY][eE][sS] ]]
}

# Installs what scripts/packages.txt names and dpkg does not have. Where nothing is missing, apt is not touched.
install_packages() {
	local yes=$1 package status size missing=() updated=no list=scripts/packages.txt
	local wanted
	mapfile -t wanted <<<"$(sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$list")"
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		fail "this is not a Debian or Ubuntu system; install what $list names by hand, then: cmake --workflow --preset release"
	fi
	for package in "${wanted[@]}"; do
		# shellcheck disable=SC2016 # dpkg-query fills it in
		status=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null) || status=
		[[ $'\n'$status$'\n' == *$'\ninstalled\n'* ]] || missing+=("$package")
	done
	if [[ ${#missing[@]} -eq 0 ]]; then
		say "All ${#wanted[@]} packages of $list are installed."
		return
	fi

	say "Missing packages: ${missing[*]}"
	if [[ $yes != yes && ${CI:-} != true && ! -t 0 ]]; then
		fail "nobody can be asked here (standard input is not a terminal); to install them, run this again with --yes"
	fi
	if ! size=$(download_size "${missing[@]}"); then
		say "apt's package lists do not name them all yet; fetching the lists. Nothing is installed by that."
		update_package_lists
		updated=yes
		size=$(download_size "${missing[@]}") ||
			fail "apt cannot install them from its sources (on Ubuntu, is \"universe\" enabled?); see: apt-get install -s ${missing[*]}"
	fi
	say "With what they need that is $(awk '{ printf "%d packages, %.1f MB to download", $1, $2 / 1e6 }' <<<"$size")."
	confirmed "$yes" || fail "nothing was installed; without these packages there is nothing to build with"
	[[ $updated == yes ]] || update_package_lists
	run_as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 "${missing[@]}"
}

trap 'printf "\n%s: interrupted; what is built so far stays in build/, and the same command goes on from there\n" "${0##*/}" >&2; exit 130' INT TERM
