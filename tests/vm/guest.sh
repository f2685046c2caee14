# shellcheck shell=dash disable=SC2154
# The guest's PID 1 after ./init, on the host's root under an overlay: mounts
# what a running system has, runs the command of the job share, reports
# through virtio ports (started, status, klog; output goes to out), and ends
# the guest. Busybox only, so that it does not depend on the host's programs.
job=/run/guest/job
bb=/run/guest/busybox
ports=/run/guest/ports
# First of all the guest's own /proc: until then the host's is seen through the
# share, and busybox finds itself by /proc/self/exe, which is QEMU there.
[ $$ -ne 1 ] || {
	$bb mount -t proc proc /proc
	$bb mkdir -p /run/guest/bin
	$bb --install -s /run/guest/bin
}
export PATH=/run/guest/bin

mount_system() {
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	mkdir -p /dev/pts /dev/shm /dev/hugepages
	mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
	mount -t tmpfs -o mode=1777 shm /dev/shm
	mount -t hugetlbfs hugetlbfs /dev/hugepages
	ln -s /proc/self/fd /dev/fd
	ln -s fd/0 /dev/stdin
	ln -s fd/1 /dev/stdout
	ln -s fd/2 /dev/stderr
	mount -t securityfs securityfs /sys/kernel/security
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t tracefs tracefs /sys/kernel/tracing
	mount -t bpf bpf /sys/fs/bpf
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mkdir -p /run/lock /run/user
	# An ordinary user's share of it cannot be entered.
	ls /root >/dev/null || mount -t tmpfs -o mode=700 home /root
	hostname guest
	ip link set lo up
	ulimit -n 65536
}

# A real tmpfs on /tmp, in which what the host has in its own /tmp is still
# found (a test's own temporary folder, a checkout). The working folder is
# bound, so that getcwd() tells the name it has on the host.
mount_tmp() {
	local own

	mkdir -p /tmp /run/guest/tmp
	mount --bind /tmp /run/guest/tmp
	mount -t tmpfs -o mode=1777 tmp /tmp
	ln -s /run/guest/tmp/* /run/guest/tmp/.[!.]* /tmp
	# What a pattern without a match has left.
	rm -f '/tmp/*' '/tmp/.[!.]*'
	case $cwd in
	/tmp/?*)
		own=${cwd#/tmp/}
		own=${own%%/*}
		rm "/tmp/$own"
		mkdir "/tmp/$own"
		mount --bind "/run/guest/tmp/$own" "/tmp/$own"
		;;
	esac
}

# The kernel's own modules and config where programs look for them.
mount_kernel() {
	mkdir -p /lib/modules /boot
	mount --bind "$kernel/lib/modules" /lib/modules
	mount --bind "$kernel/boot" /boot
	if [ "$disks" -gt 0 ]; then
		/sbin/modprobe virtio_blk
	fi
}

# mount_out TAG PATH. cache=mmap: writable shared mappings work, and nothing
# that was written is held back.
mount_out() {
	mkdir -p "$2"
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=mmap "$1" "$2"
}

# name_ports: the virtio ports as $ports/NAME (there is no udev to name them).
name_ports() {
	local file name

	mkdir "$ports"
	for file in /sys/class/virtio-ports/*/name; do
		read -r name <"$file"
		file=${file%/name}
		ln -s "/dev/${file##*/}" "$ports/$name"
	done
}

# The command writes to a pipe, not to the port: a port can be opened only
# once, so "echo >/dev/stderr" would fail.
run_command() {
	local copier ticks=0

	mkfifo /run/guest/pipe
	cat </run/guest/pipe >"$ports/out" &
	copier=$!
	(
		cd "$cwd" || exit 126
		# The host's env: busybox's would run busybox's own sh or date.
		exec setsid /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root USER=root LOGNAME=root SHELL=/bin/sh LANG=C.UTF-8 \
			TERM="$term" "$@"
	) >/run/guest/pipe 2>&1 </dev/null
	status=$?
	# What the command left running in the background may hold the pipe.
	while kill -0 $copier 2>/dev/null && [ $ticks -lt 5 ]; do
		ticks=$((ticks + 1))
		sleep 0.1
	done
	kill_others $copier
	wait $copier
}

kill_others() {
	local dir pid

	for dir in /proc/[0-9]*; do
		pid=${dir##*/}
		case $pid in 1 | "$$" | "$1") continue ;; esac
		# Kernel threads have no program.
		[ ! -e "$dir/exe" ] || kill -9 "$pid"
	done 2>/dev/null
}

# systemd in place of this script, which goes on as its only unit; no unit of the
# host's is started but by the command.
become_systemd() {
	mkdir -p /run/systemd/system
	cat >/run/systemd/system/guest.service <<-E
	[Unit]
	DefaultDependencies=no
	[Service]
	ExecStart=/run/guest/busybox sh /run/guest/guest.sh
	StandardOutput=null
	E
	exec /lib/systemd/systemd --unit=guest.service
}

# shellcheck source=/dev/null  # kernel, cwd, term, disks, init, mount_outs(), and the command as "$@"
. $job/settings
if [ $$ -eq 1 ]; then
	mount_system
	mount_kernel
	mount_tmp
	mount_outs
	name_ports
	[ "$init" != systemd ] || become_systemd
fi
mark="gup-pin guest: the command begins"
echo on >/proc/sys/kernel/printk_devkmsg
echo "<6>$mark" >/dev/kmsg
read -r started _ </proc/uptime
echo "$started" >"$ports/started"
run_command "$@"
# Everything, should the mark have been pushed out of the ring.
dmesg >/run/guest/klog
if grep -q "$mark" /run/guest/klog; then
	sed -i "1,/$mark/d" /run/guest/klog
fi
cat /run/guest/klog >"$ports/klog"
echo "$status" >"$ports/status"
# With -no-reboot this ends QEMU, and cannot wait for anything.
echo b >/proc/sysrq-trigger
