# shellcheck shell=bash disable=SC2034,SC2154
# gup-pind in a guest, and programs that hold pins meanwhile. Sourced after lib.sh.

socket=$work/run/pind.sock
pinned=/sys/fs/bpf/gup-pin
pind=build/gup-pind
[[ -v pind_args ]] || pind_args=() # more of them
daemon="" holders_here=() load=()

health() {
	curl -s --max-time 10 --unix-socket "$socket" http://gup-pin/healthz
}

# snapshot: the daemon's newest, in $out.
snapshot() {
	curl -s --max-time 20 --unix-socket "$socket" http://gup-pin/v1/snapshot >"$out"
}

serves() {
	[[ $(health) =~ ^(ok|degraded|stale) ]]
}

launch() {
	"$pind" --config /dev/null --socket "$socket" --scan-interval 2s --max-cpu 100% "${pind_args[@]}" 2>"$err" &
	daemon=$!
}

start() {
	launch
	await 150 serves || fail "the daemon does not serve: $(health) $(cat -- "$err")"
}

# stop SIGNAL STATUS
stop() {
	local got=0

	kill -"$1" "$daemon"
	wait "$daemon" 2>/dev/null || got=$?
	same "status after SIG$1" "$got" "$2"
}

# becomes FILTER: a snapshot for which it is true comes.
becomes() {
	snapshot && jq -e "$1" "$out" >/dev/null 2>&1
}

# pin COUNT ARG...: in the background, holding.
pin() {
	local said_here=$work/pins.$1

	"$bin/pins" iouring -n "$@" >"$said_here" &
	holders_here+=("$!")
	await 60 grep -q pinned "$said_here" || fail "$1 pages are not pinned"
}

# Two that pin and release as fast as they can.
start_load() {
	local n

	load=()
	for n in 127 131; do
		"$bin/pins" iouring -n "$n" -c 1000000 >/dev/null &
		load+=("$!")
	done
}

# The daemon reads /proc/vmstat as it is, so books_whole would ask too much of it.
totals_whole() {
	holds "vmstat agrees" '.checks.vmstat.agrees'
	holds "no full table" '.checks.lost | .map_full + .owners_full + .stacks == 0'
	holds "all attributed" '.totals | .attributed == .pinned and .unattributed.pins == 0'
	holds "groups sum to the totals" '([.groups[].pins] | add) == .totals.pinned.pins'
}

# end_pind: --detach, after which nothing is left, and the pinning programs.
end_pind() {
	"$pind" --config /dev/null --detach || fail "--detach: status $?"
	[[ -z $(ls -A /sys/fs/bpf) ]] || fail "left in bpffs: $(ls -R /sys/fs/bpf)"
	kill "${holders_here[@]}" 2>/dev/null
}
