# shellcheck shell=bash disable=SC2154,SC2034
# Starts QEMU for run, waits for it, and cleans up. Sourced by run, whose
# options it reads.
#
# The job folder holds what the guest reads (share/settings) and the files
# behind its serial line and virtio ports: console, out (a pipe), started,
# klog, status, in the order in which the guest writes them.

# How long a boot may take before it counts as dead; a busy machine needs 30.
boot_seconds=180

# loglevel=5 shows warnings on the console, even of a guest that dies; panic=-1
# ends it at once. Crypto self-tests take 2 seconds. A guest that waits for a
# busy host's CPU is not stalled: hence the longer limits.
kernel_args=(console=ttyS0 quiet loglevel=5 panic=-1 mitigations=off
	random.trust_cpu=on cryptomgr.notests log_buf_len=4M
	rcupdate.rcu_cpu_stall_timeout=60 watchdog_thresh=30)

# String instructions and wide vectors, which the kernel and libc prefer where
# they are, are slow under emulation: clearing a page takes three times as long.
qemu_cpu=max,-erms,-fsrm,-avx,-avx2

# quote WORD...: as words of a shell command, whatever bytes they hold.
quote() {
	local LC_ALL=C word

	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}

make_job() {
	job=$(mktemp -d "${TMPDIR:-/tmp}/gup-pin-vm.XXXXXX")
	trap cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$job/share"
	mkfifo "$job/out"
	write_settings >"$job/share/settings"
}

# What guest.sh sources.
write_settings() {
	local i

	printf 'kernel=%s\n' "$(quote "$kernel_path")"
	printf 'cwd=%s\n' "$(quote "$(pwd -P)")"
	printf 'term=%s\n' "$(quote "${TERM:-dumb}")"
	printf 'disks=%s\n' "${#disks[@]}"
	printf 'init=%s\n' "$init"
	printf 'mount_outs() {\n:\n'
	for i in "${!outs[@]}"; do
		printf 'mount_out out%s %s\n' "$i" "$(quote "$(readlink -e -- "${outs[i]}")")"
	done
	printf '}\nset -- %s\n' "$(quote "${command[@]}")"
}

cleanup() {
	local pid

	# No second signal may cut this short.
	trap '' HUP INT TERM
	for pid in "${qemu_pid:-}" "${copier_pid:-}"; do
		[[ -n $pid ]] || continue
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf -- "$job"
}

# A comma ends a value in QEMU's option syntax, two are one.
commas() {
	printf '%s' "${1//,/,,}"
}

# share TAG PATH [OPTION]: a 9p share. security_model=none works for ordinary
# users; remap, because the inodes of several file systems may collide.
share() {
	local options="security_model=none,multidevs=remap${3:+,$3}"

	qemu_cmd+=(-virtfs "local,mount_tag=$1,path=$(commas "$2"),$options")
}

# port NAME: a virtio port with a file of the job behind it. Files, as a port
# on standard input and output closes when the input ends, and the guest's
# first write then blocks for ever.
port() {
	qemu_cmd+=(-chardev "file,id=$1,path=$(commas "$job")/$1"
		-device "virtserialport,bus=ports.0,chardev=$1,name=$1")
}

# Sets the array $qemu_cmd.
qemu_command() {
	local i

	# shellcheck disable=SC2054  # QEMU's commas
	qemu_cmd=("${qemu[@]}" -accel tcg,thread="$qemu_thread" -cpu "$qemu_cpu" -M "$machine"
		-m "$memory" -smp "$cpus" -nodefaults -no-user-config -display none -no-reboot
		-kernel "$kernel_path/boot/vmlinuz-${kernel_path##*/}"
		-initrd "$kernel_path/initramfs"
		-append "${kernel_args[*]} ${append[*]}"
		-serial "file:$job/console"
		# Before our own devices, as an IOMMU must come first.
		"${qemu_args[@]}"
		-device virtio-rng-pci -device virtio-serial-pci,id=ports)
	for i in out started klog status; do
		port "$i"
	done
	share host / readonly=on
	share job "$job/share" readonly=on
	for i in "${!outs[@]}"; do
		share "out$i" "$(readlink -e -- "${outs[i]}")"
	done
	for i in "${disks[@]}"; do
		qemu_cmd+=(-drive "if=virtio,format=raw,snapshot=on,file=$(commas "$i")")
	done
}

# Boots once and waits. Sets $verdict: finished, timeout, died (in the command),
# unborn (before it), refused (by QEMU itself, e.g. a wrong --qemu-arg) or
# unread (our output was closed).
boot() {
	local began=$SECONDS ended='' status=0

	rm -f -- "$job"/{started,klog,status}
	verdict=
	cat "$job/out" &
	copier_pid=$!
	# Should run be killed the hard way, the guest dies with it.
	setpriv --pdeathsig KILL "${qemu_cmd[@]}" </dev/null >"$job/qemu.log" 2>&1 &
	qemu_pid=$!
	while kill -0 "$qemu_pid" 2>/dev/null; do
		sleep 0.1
		if [[ -s $job/status ]]; then
			: "${ended:=$SECONDS}"
			((SECONDS - ended < 10)) || kill -KILL "$qemu_pid" || true
		elif ((SECONDS - began >= timeout)); then
			verdict=timeout
			kill -KILL "$qemu_pid" || true
		elif ! kill -0 "$copier_pid"; then
			# Nobody reads our output any more, as in "run ... | head -1".
			kill -KILL "$qemu_pid" || true
		elif [[ ! -s $job/started ]] && ((SECONDS - began >= boot_seconds)); then
			kill -KILL "$qemu_pid" || true
		fi
	done 2>/dev/null
	wait "$qemu_pid" 2>/dev/null || status=$?
	qemu_pid=
	if [[ -s $job/status ]]; then
		verdict=finished
	elif [[ -z $verdict && $status -gt 0 && $status -lt 128 ]]; then
		verdict=refused
	elif [[ -z $verdict && ! -s $job/started ]]; then
		verdict=unborn
	fi
	: "${verdict:=died}"
	# Without QEMU there was perhaps nobody to open the pipe's other end.
	[[ $verdict != refused ]] || kill "$copier_pid" 2>/dev/null || true
	wait "$copier_pid" 2>/dev/null || [[ $verdict != died ]] || verdict=unread
	copier_pid=
}

boot_until_started() {
	qemu_command
	boot
	if [[ $verdict == unborn ]]; then
		say "note: guest died before the command started; booted again"
		boot
	fi
}
