# shellcheck shell=bash disable=SC2154
# What fetch and run share: messages, the cache's place, kernels.list.
# Sourced, never run; expects `set -euo pipefail` and $vm_dir (this folder).

# Ordinary users have no sbin in PATH, but depmod and modprobe live there.
PATH=$PATH:/usr/sbin:/sbin

cache=${GUP_PIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gup-pin}

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$@"
	exit "$exit_infra"
}

# Exit status of a failure that is not the command's: 126, so that it cannot
# be taken for a test's own 1 to 4 or 77.
exit_infra=126

need_tools() {
	local tool

	for tool; do
		command -v "${tool%%=*}" >/dev/null ||
			die "${tool%%=*} is missing; install the package ${tool#*=}"
	done
}

# kernel_suites NAME: the comma-separated suites of one kernel, or failure.
kernel_suites() {
	local name use suites

	while read -r name use suites; do
		if [[ $name == "$1" ]]; then
			printf '%s\n' "$suites"
			return 0
		fi
	done < <(grep -v '^#' "$vm_dir/kernels.list")
	return 1
}

# kernel_names USE: those with that use, or "any".
kernel_names() {
	local name use suites

	while read -r name use suites; do
		[[ -n $name && "$use any" == *"$1"* ]] && printf '%s\n' "$name"
	done < <(grep -v '^#' "$vm_dir/kernels.list")
	return 0
}

# kernel_dir NAME: the folder of the kernel fetched last under that name, or
# failure. The link is replaced atomically, its target is complete.
kernel_dir() {
	readlink -e -- "$cache/kernels/$1"
}
