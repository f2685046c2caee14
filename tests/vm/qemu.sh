# shellcheck shell=bash disable=SC2034,SC2154
# Which QEMU runs the guests. Before QEMU 10, two virtual CPUs on two threads
# crash a guest whose kernel patches its own text, as attaching fentry does;
# those versions get one thread for all CPUs. So Debian 12's 7.2 is good for
# everything but real parallelism, and fetch unpacks the backported 10 aside.
# Sourced by fetch and run; needs lib.sh, fetch_qemu also apt.sh.

qemu_name='qemu-system-x86_64'
qemu_parallel_since=10

# Sets the array $qemu (the start of its command line) and $qemu_thread.
choose_qemu() {
	qemu_thread=multi
	if cached_qemu; then
		:
	elif system_qemu; then
		qemu=("$qemu_name")
		if [[ $(qemu_major "$qemu_name") -lt $qemu_parallel_since ]]; then
			qemu_thread=single
			[[ $cpus -eq 1 ]] || say "note: QEMU before $qemu_parallel_since:" \
				"the guest's CPUs take turns (tests/vm/fetch gets a newer one)"
		fi
	else
		die "no QEMU; install the package qemu-system-x86 or call tests/vm/fetch"
	fi
	# Counting instructions goes with one thread only.
	[[ " ${qemu_args[*]} " != *" -icount "* ]] || qemu_thread=single
	[[ -z $verbose ]] || say "$("${qemu[@]}" --version | head -n1), thread=$qemu_thread"
}

system_qemu() {
	command -v "$qemu_name" >/dev/null
}

# cached_qemu [DIR]: sets $qemu to the unpacked one, if there is any.
cached_qemu() {
	local root

	root=$(readlink -e -- "${1:-$cache/qemu/current}")/root/usr || return 1
	qemu=(env "LD_LIBRARY_PATH=$root/lib/x86_64-linux-gnu"
		"$root/bin/$qemu_name" -L "$root/share/qemu" -L "$root/share/seabios")
}

# qemu_major COMMAND...: 0 if it does not run.
qemu_major() {
	local major

	major=$("$@" --version 2>/dev/null | sed -n '1s/.*version \([0-9]*\)\..*/\1/p')
	printf '%s\n' "${major:-0}"
}

# Gets a QEMU that may use several threads into the cache, if the system's may
# not; a failure is no error as long as there is any QEMU.
fetch_qemu() {
	local qemu

	mkdir -p "$cache/qemu"
	if cached_qemu; then
		return 0
	fi
	if system_qemu && [[ $(qemu_major "$qemu_name") -ge $qemu_parallel_since ]]; then
		return 0
	fi
	if (unpack_qemu); then
		say "QEMU $qemu_parallel_since is ready"
	elif system_qemu; then
		say "no QEMU $qemu_parallel_since to be had; guests' CPUs will take turns on the system's"
	else
		die "no QEMU; install the package qemu-system-x86"
	fi
}

# The packages are what apt would install here, so their libraries that this
# machine lacks come along; it must be the Debian that the backport is for.
unpack_qemu() {
	local packages tmp version

	grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release || return 1
	exec {qemu_lock}>"$cache/qemu/lock"
	flock "$qemu_lock"
	! cached_qemu || return 0
	apt_setup qemu bookworm,bookworm-security,bookworm-backports /var/lib/dpkg/status
	apt_update || apt_update || return 1
	mapfile -t packages < <(apt-get -c "$apt_dir/apt.conf" -s --no-install-recommends \
		install qemu-system-x86/bookworm-backports |
		sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)*(\([^ ]*\) .*/\1=\3/p' | grep -v '^libc6=')
	version=$(printf '%s\n' "${packages[@]}" | sed -n 's/^qemu-system-x86=[0-9]*:*//p')
	[[ -n $version ]] || return 1
	tmp=$(mktemp -d "$cache/qemu/tmp.XXXXXX")
	# shellcheck disable=SC2064  # $tmp as it is now
	trap "rm -rf -- $(printf %q "$tmp")" EXIT
	apt_unpack "$tmp" "${packages[@]}" || return 1
	cached_qemu "$tmp"
	[[ $(qemu_major "${qemu[@]}") -ge $qemu_parallel_since ]] || return 1
	chmod 755 "$tmp"
	mv -T -- "$tmp" "$cache/qemu/$version"
	ln -sfn -- "$version" "$cache/qemu/current"
}
