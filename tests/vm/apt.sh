# shellcheck shell=bash disable=SC2154,SC2034
# Debian packages of suites that this machine does not use, for an ordinary
# user: apt with a state of its own, which checks the archive's signatures as
# always. Nothing is installed. Sourced by fetch; see lib.sh.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# mirror SUITE: the address of the archive that holds a suite. The machine's
# own sources name it, so a local mirror or proxy is used without asking.
mirror() {
	local uris main

	# shellcheck disable=SC2016  # apt's own placeholder
	uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		sort -u)
	main=${GUP_PIN_MIRROR:-$(grep -m1 -E '/debian/?$' <<<"$uris" || true)}
	main=${main%/}
	[[ -n $main ]] || die "no Debian mirror in this machine's apt sources;" \
		"set GUP_PIN_MIRROR to one (its address ends in /debian)"
	if [[ $1 != *-security ]]; then
		printf '%s\n' "$main"
	else
		printf '%s-security\n' "$main"
	fi
}

# apt_setup NAME SUITES: a state folder in the cache; sets $apt_dir.
# $2 is comma-separated, $3 (optional) the dpkg status file to resolve against.
apt_setup() {
	local suite uri

	apt_dir=$cache/apt/$1
	mkdir -p "$apt_dir"/{lists/partial,archives/partial,parts}
	: >"$apt_dir/sources.list"
	for suite in ${2//,/ }; do
		uri=$(mirror "$suite")
		printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' \
			"$keyring" "$uri" "$suite" >>"$apt_dir/sources.list"
	done
	# The machine's own hooks (#clear) would fail for an ordinary user, and
	# its extra indexes (DEP-11 and such) are not wanted. Read after the
	# machine's files, whose proxy settings stay in force.
	cat >"$apt_dir/apt.conf" <<-EOF
	#clear APT::Update::Pre-Invoke;
	#clear APT::Update::Post-Invoke;
	#clear APT::Update::Post-Invoke-Success;
	#clear DPkg::Post-Invoke;
	#clear Acquire::IndexTargets::deb::DEP-11;
	#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
	#clear Acquire::IndexTargets::deb::DEP-11-icons;
	#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
	Dir::State "$apt_dir";
	Dir::State::Lists "$apt_dir/lists";
	Dir::State::status "${3:-/dev/null}";
	Dir::Cache "$apt_dir";
	Dir::Etc::SourceList "$apt_dir/sources.list";
	Dir::Etc::SourceParts "$apt_dir/parts";
	Dir::Etc::Preferences "/dev/null";
	Dir::Etc::PreferencesParts "$apt_dir/parts";
	APT::Architecture "amd64";
	APT::Architectures { "amd64"; };
	APT::Get::List-Cleanup "true";
	APT::Sandbox::User "root";
	Acquire::Languages "none";
	Acquire::Retries "1";
	Acquire::Check-Valid-Until "true";
	EOF
}

apt_update() {
	say "looking up $(sed 's/^deb \[[^]]*\] //; s/ main$//' "$apt_dir/sources.list" |
		paste -sd, | sed 's/,/, /g')"
	apt-get -c "$apt_dir/apt.conf" -qq update -o APT::Update::Error-Mode=any >&2
}

# apt_field PACKAGE[=VERSION] FIELD: a field of the newest version; fails when
# there is no such package.
apt_field() {
	local record

	record=$(apt-cache -c "$apt_dir/apt.conf" show --no-all-versions "$1" 2>/dev/null) ||
		return 1
	sed -n "s/^$2: //p" <<<"$record"
}

# apt_unpack DIR PACKAGE...: download and unpack into DIR.
apt_unpack() {
	local dest=$1 package bytes deb
	shift

	for package; do
		bytes=$(apt_field "$package" Size)
		say "downloading $package ($(((bytes + 999999) / 1000000)) MB)"
	done
	mkdir -p "$dest/debs" "$dest/root"
	# A second try for a mirror that is being updated under our feet.
	(cd "$dest/debs" && apt_download "$@") || {
		say "download failed, trying once more"
		apt_update || true
		(cd "$dest/debs" && apt_download "$@")
	} || return 1
	for deb in "$dest"/debs/*.deb; do
		say "unpacking ${deb##*/}"
		dpkg-deb -x "$deb" "$dest/root" || return 1
	done
	rm -r "$dest/debs"
}

apt_download() {
	local quiet=-q

	# The progress line is for people only.
	[[ -t 2 ]] || quiet=-qq
	apt-get -c "$apt_dir/apt.conf" "$quiet" download "$@" >&2
}
