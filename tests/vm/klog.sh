# shellcheck shell=bash disable=SC2154,SC2034
# Judges a guest after its end: the exit status of run, and whether the kernel
# complained while the command ran. Sourced by run, whose options it reads.

# First lines of the kernel's complaints. Each has exactly one such line that
# says what is wrong, which --allow-log can name.
complaints='WARNING: |BUG: |BUG at |Oops|kernel BUG|[Kk]ernel panic|general protection fault'
complaints+='|INFO: (task|rcu|possible|trying to|inconsistent|suspicious)|rcu.*detected.*stall'
complaints+='|blocked for more than|(possible|potential) .*(deadlock|recursion|locking)'
complaints+='|suspicious RCU usage|inconsistent lock state|[Bb]ad (page|rss-counter)'
complaints+='|scheduling while atomic|sleeping function called|corruption|UBSAN: |KASAN: |KFENCE: '
complaints+='|unable to handle|double fault|stack guard page|refcount_t: |DEBUG_LOCKS_WARN'

# find_complaints FILE: the lines that were not expected; fails if none.
find_complaints() {
	local expr=() regex

	for regex in "${allow[@]}"; do
		expr+=(-e "$regex")
	done
	if [[ ${#expr[@]} -eq 0 ]]; then
		grep -aE -e "$complaints" -- "$1"
	else
		grep -aE -e "$complaints" -- "$1" | grep -avE "${expr[@]}"
	fi
}

console_tail() {
	say "the console's last lines:"
	tail -n 40 -- "$job/console" | tr -d '\r' | sed 's/^/  | /' >&2
}

keep_logs() {
	[[ -z $console ]] || tr -d '\r' <"$job/console" >"$console"
	[[ -z $klog ]] || cat -- "$job/klog" >"$klog"
}

# Ends run with the status its usage promises.
finish() {
	local status

	keep_logs
	case $verdict in
	refused)
		cat -- "$job/qemu.log" >&2
		die "QEMU did not start the guest"
		;;
	unborn)
		console_tail
		die "the guest died twice before the command started"
		;;
	timeout)
		console_tail
		say "no end after $timeout seconds; killed"
		exit 124
		;;
	unread)
		# As if SIGPIPE had ended the command itself.
		exit 141
		;;
	died)
		console_tail
		say "the guest died in the command"
		exit 125
		;;
	esac
	status=$(cat -- "$job/status")
	[[ -z $verbose ]] || say "the command began $(cat -- "$job/started") seconds after the kernel"
	if find_complaints "$job/klog" >"$job/complaints"; then
		say "the kernel complained (the command's own status was $status):"
		sed 's/^/  | /' "$job/complaints" >&2
		exit 125
	fi
	exit "$status"
}
