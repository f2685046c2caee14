# shellcheck shell=bash disable=SC2154,SC2034
# The kernel of our own: what Debian's kernels leave out, built once from Debian's
# linux-source package with own.config. Sourced by fetch; needs lib.sh, apt.sh.
#
# Its version ends in a sum of the configuration, so that another one is built anew.

own_config=$vm_dir/own.config
gigabytes_to_build=5 # source, objects, and the packages that they come from

# is_own NAME: kernels.list says that it is built.
is_own() {
	[[ " $(kernel_names own | paste -sd' ') " == *" $1 "* ]]
}

# resolve_own: after apt_update, the version as uname -r will print it.
resolve_own() {
	local version

	version=$(apt_field linux-source Version) || return 1
	printf '%s-own-%.8s\n' "${version%%-*}" "$(sha256sum <"$own_config")"
}

# install_own DIR VERSION: builds it below DIR, as arrange_kernel would leave it.
install_own() {
	local dir=$1 version=$2 package

	need_tools gcc=gcc make=make flex=flex bison=bison bc=bc pahole=pahole xz=xz-utils
	[[ $(df --output=avail -B1G -- "$dir" | tail -n 1) -ge $gigabytes_to_build ]] ||
		die "$version: building it needs $gigabytes_to_build GB in $cache"
	package=$(apt_field linux-source Depends | grep -oE -m1 'linux-source-[0-9.]+') || return 1
	apt_unpack "$dir" "$package" || return 1
	mkdir "$dir/source" "$dir/out" "$dir/boot" || return 1
	tar -xJf "$dir/root/usr/src/$package.tar.xz" -C "$dir/source" --strip-components=1 \
		--exclude '*/Documentation/devicetree' --exclude '*/boot/dts' || return 1
	rm -rf -- "$dir/root"
	say "building $version: about 23 minutes on two CPUs"
	build_own "$dir" "$version" >"$cache/kernels/own.log" 2>&1 || {
		tail -n 20 -- "$cache/kernels/own.log" >&2
		say "$version: could not be built, see $cache/kernels/own.log"
		exit 4
	}
	rm -rf -- "$dir/source" "$dir/out"
}

# build_own DIR VERSION
build_own() {
	local dir=$1 version=$2 make

	make=(make -s -C "$dir/source" "O=$dir/out" "LOCALVERSION=-own-${version##*-}")
	"${make[@]}" "KCONFIG_ALLCONFIG=$own_config" allnoconfig || return 1
	own_config_holds "$dir/out/.config" || return 1
	"${make[@]}" "-j$(nproc)" bzImage modules || return 1
	"${make[@]}" "INSTALL_MOD_PATH=$dir" INSTALL_MOD_STRIP=1 modules_install || return 1
	rm -f -- "$dir/lib/modules/$version"/{build,source}
	cp -- "$dir/out/arch/x86/boot/bzImage" "$dir/boot/vmlinuz-$version" || return 1
	cp -- "$dir/out/.config" "$dir/boot/config-$version"
}

# own_config_holds FILE: Kconfig drops in silence what depends on something else.
own_config_holds() {
	local dropped

	dropped=$(grep '^CONFIG_' "$own_config" | grep -vxF -f "$1") || return 0
	printf 'not in the configuration: %s\n' "$(paste -sd' ' <<<"$dropped")"
	return 1
}
