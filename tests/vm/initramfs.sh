# shellcheck shell=bash disable=SC2154,SC2034
# The initramfs of one kernel: static busybox, ./init, ./guest.sh and the
# modules needed to reach the host over virtio and 9p. Cached beside the
# kernel; built again when one of those files changes. Sourced; see lib.sh.

guest_modules=(virtio_pci virtio_console 9pnet_virtio 9p overlay)

# build_initramfs DIR: makes DIR/initramfs current (DIR is kernels/VERSION).
build_initramfs() {
	local dir=$1 version=${1##*/} busybox stamp

	busybox=$(static_busybox)
	stamp=$(cat -- "$vm_dir"/{init,guest.sh,initramfs.sh} "$busybox" | sha256sum)
	if [[ -f $dir/initramfs && $(cat -- "$dir/initramfs.stamp" 2>/dev/null) == "$stamp" ]]; then
		return 0
	fi
	(make_initramfs "$dir" "$version" "$busybox") ||
		die "could not build the initramfs of $version"
	# In this order, a builder that is interrupted builds again.
	rm -f -- "$dir/initramfs.stamp"
	mv -f -- "$dir/initramfs.$$" "$dir/initramfs"
	printf '%s\n' "$stamp" >"$dir/initramfs.stamp"
}

# make_initramfs DIR VERSION BUSYBOX: DIR/initramfs.$$. Run in a subshell, whose
# end removes the temporary files; errexit is off there, hence the chains.
make_initramfs() {
	local tmp

	tmp=$(mktemp -d "${TMPDIR:-/tmp}/gup-pin-initramfs.XXXXXX") || return 1
	# shellcheck disable=SC2064  # $tmp as it is now
	trap "rm -rf -- $(printf %q "$tmp")" EXIT
	trap 'rm -f -- "$dir/initramfs.$$"; exit 1' HUP INT TERM
	fill_initramfs "$tmp" "$@" && cd "$tmp" &&
		find . | cpio --quiet -R 0:0 -o -H newc | gzip -1 >"$1/initramfs.$$"
}

static_busybox() {
	local busybox

	busybox=$(command -v busybox) || die "busybox is missing; install the package busybox-static"
	# The initramfs has no libraries.
	! ldd "$busybox" >/dev/null 2>&1 ||
		die "$busybox is not static; install the package busybox-static"
	printf '%s\n' "$busybox"
}

# fill_initramfs TREE DIR VERSION BUSYBOX
fill_initramfs() {
	local tree=$1 dir=$2 version=$3 file name

	mkdir -p "$tree"/{bin,modules,proc,sys,dev,lower,rw,job,new}
	cp -- "$4" "$tree/bin/busybox" || return 1
	cp -- "$vm_dir/init" "$vm_dir/guest.sh" "$tree/" || return 1
	chmod 755 "$tree/init"
	: >"$tree/modules/list"
	while read -r file; do
		name=${file##*/}
		name=${name%.xz}
		name=${name%.zst}
		unpack_module "$file" >"$tree/modules/$name" || return 1
		printf '%s\n' "$name" >>"$tree/modules/list"
	done < <(module_files "$dir" "$version")
	[[ -s $tree/modules/list ]]
}

# module_files DIR VERSION: what to insmod, in order, each once. Built-in
# modules have no "insmod" line; -C keeps the machine's modprobe.d out.
module_files() {
	local module

	for module in "${guest_modules[@]}"; do
		modprobe -C /dev/null -d "$1" -S "$2" --show-depends "$module"
	done | sed -n 's/^insmod \(.*[^ ]\) *$/\1/p' | awk '!seen[$0]++'
}

unpack_module() {
	case $1 in
	*.xz) xz -dc -- "$1" ;;
	*.zst) zstd -qdc -- "$1" ;;
	*) cat -- "$1" ;;
	esac
}
