# shellcheck shell=bash disable=SC2154,SC2034
# One kernel of kernels.list in the cache. Sourced by fetch and run; needs
# lib.sh, apt.sh, own.sh, initramfs.sh.
#
# Layout:   kernels/NAME -> VERSION             the newest fetched
#           kernels/VERSION/boot/{vmlinuz,config}-VERSION
#           kernels/VERSION/lib/modules/VERSION
#           kernels/VERSION/initramfs           see initramfs.sh

# fetch_kernel NAME: makes kernels/NAME current; a failure to reach the suite
# is one only if nothing is cached.
fetch_kernel() {
	local name=$1 version old

	exec {kernel_lock}>"$cache/kernels/$name.lock"
	flock "$kernel_lock"
	old=$(kernel_dir "$name") || old=
	if [[ -z $old ]] || older_than "$cache/kernels/$name.checked" "$refresh_seconds"; then
		if version=$(resolve_kernel "$name"); then
			if install_kernel "$name" "$version"; then
				touch "$cache/kernels/$name.checked"
			elif [[ -n $old ]]; then
				say "$name: using the cached ${old##*/}"
			fi
		elif [[ -n $old ]]; then
			say "$name: its suite cannot be reached; using the cached ${old##*/}"
		else
			die "$name: its suite cannot be reached, and none is cached"
		fi
	fi
	kernel_dir "$name" >/dev/null || die "$name: could not be fetched"
	build_initramfs "$(kernel_dir "$name")"
	prune_kernels "$name"
	say "$name: $(basename "$(kernel_dir "$name")") is ready"
	exec {kernel_lock}>&-
}

# older_than FILE SECONDS: also true for a missing file.
older_than() {
	local mtime

	mtime=$(stat -c %Y -- "$1" 2>/dev/null) || return 0
	(($(date +%s) - mtime >= $2))
}

# resolve_kernel NAME: the version (as uname -r prints it) that the suite's
# metapackage names now. Leaves the apt state behind for install_kernel.
resolve_kernel() {
	local depends

	apt_setup "$1" "$(kernel_suites "$1")"
	apt_update || { say "trying once more"; apt_update; } || return 1
	! is_own "$1" || { resolve_own; return; }
	depends=$(apt_field linux-image-amd64 Depends) || return 1
	grep -oE -m1 'linux-image-[0-9][^ ,]*' <<<"$depends" | head -n1 |
		sed 's/^linux-image-//'
}

# install_kernel NAME VERSION: a no-op when it is there already.
install_kernel() {
	local name=$1 version=$2 tmp

	# The name is a promise, e.g. that 7.3 is not suddenly 7.4.
	[[ $version == "$name".* ]] || is_own "$name" || {
		say "$name: the suite now has $version; kernels.list needs another suite"
		return 1
	}
	apt_dir=$cache/apt/$name
	if [[ ! -d $cache/kernels/$version ]]; then
		tmp=$(mktemp -d "$cache/kernels/tmp.XXXXXX")
		# shellcheck disable=SC2064  # $tmp as it is now
		trap "rm -rf -- $(printf %q "$tmp")" EXIT
		if is_own "$name"; then
			install_own "$tmp" "$version" || return 1
		else
			install_debian "$tmp" "$version" || return 1
		fi
		chmod 755 "$tmp"
		mv -T -- "$tmp" "$cache/kernels/$version"
	fi
	ln -sfn -- "$version" "$cache/kernels/$name.new"
	mv -Tf -- "$cache/kernels/$name.new" "$cache/kernels/$name"
}

# install_debian DIR VERSION
install_debian() {
	local packages=("linux-image-$2")

	# Since 7.x the image package is nearly empty.
	if apt_field "linux-binary-$2" Size >/dev/null; then
		packages=("linux-binary-$2" "linux-modules-$2" "linux-base-$2")
	fi
	apt_unpack "$1" "${packages[@]}" && arrange_kernel "$1" "$2"
}

# arrange_kernel DIR VERSION: one layout for all packagings, and depmod.
arrange_kernel() {
	local dir=$1 version=$2 modules part

	mkdir -p "$dir/boot" "$dir/lib/modules"
	modules=$dir/root/lib/modules/$version
	[[ -d $modules ]] || modules=$dir/root/usr/lib/modules/$version
	mv -- "$modules" "$dir/lib/modules/$version" || return 1
	modules=$dir/lib/modules/$version
	rm -f -- "$modules/build" "$modules/source"
	for part in vmlinuz config; do
		find_part "$dir/root/boot/$part-$version" "$modules/$part" \
			>"$dir/boot/$part-$version" || return 1
	done
	rm -rf -- "$dir/root"
	say "running depmod"
	depmod -b "$dir" "$version"
}

# find_part FILE...: the first that exists, on standard output.
find_part() {
	local file

	for file; do
		[[ -f $file ]] && { cat -- "$file"; return; }
	done
	say "none of these in the package: $*"
	return 1
}

# prune_kernels NAME: older versions under the same name go, unless a guest
# runs them (run holds a shared lock on the folder); so does what a killed
# fetch left.
prune_kernels() {
	local dir current pattern="$1.*-amd64"

	find "$cache/kernels" -maxdepth 1 -name 'tmp.*' -mtime +1 -exec rm -rf -- {} +
	current=$(kernel_dir "$1")
	! is_own "$1" || pattern='[0-9]*-own-*'
	# shellcheck disable=SC2231  # a pattern
	for dir in "$cache/kernels/"$pattern; do
		[[ -d $dir && $dir != "$current" ]] || continue
		flock -n "$dir" rm -rf -- "$dir" || continue
		say "removed the older ${dir##*/}"
	done
}
