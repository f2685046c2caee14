# shellcheck shell=bash disable=SC2034
# What the guest cases share: running the tool, and comparing what it says.
# Sourced first by each case. A case goes on after a difference, so that all of
# them are seen, and ends with `finish`.
set -uo pipefail

tool=build/gup-leakcheck
bin=build/tests
kernel=${GUP_KERNEL:-$(uname -r | cut -d. -f1,2)}
matrix=${GUP_MATRIX:-}
work=$(mktemp -d)
out=$work/out	# the tool's report
err=$work/err
said=$work/said # what CMD printed
differences=0
patience=120 # seconds in which holders must be ready

# GUP_PLAN=call: the tool uses that plan.
plan_args=()
[[ -z ${GUP_PLAN:-} ]] || plan_args=(--plan "$GUP_PLAN")

fail() {
	printf 'FAIL: %s\n' "$*"
	differences=$((differences + 1))
}

# skip REASON: what came before in the case must hold all the same.
skip() {
	[[ $differences -eq 0 ]] || finish
	printf '%s\n' "$*"
	exit 77
}

finish() {
	[[ $differences -eq 0 ]] || {
		[[ ! -s $err ]] || sed 's/^/stderr: /' "$err"
		exit 1
	}
	exit 0
}

# since VERSION: this kernel is at least that.
since() {
	[[ $(printf '%s\n' "$1" "$kernel" | sort -V | head -n 1) == "$1" ]]
}

need_ledger() {
	since 6.1 || skip "no ledger on this kernel"
}

# same WHAT GOT WANT
same() {
	[[ $2 == "$3" ]] || fail "$1: $2, expected $3"
}

# get FILTER: from the last report.
get() {
	jq -r "$1" "$out"
}

# holds WHAT FILTER [JQ-ARG...]: FILTER is true of the last report.
holds() {
	local what=$1 filter=$2

	shift 2
	jq -e "$@" "$filter" "$out" >/dev/null 2>&1 || fail "not so: $what ($filter)"
}

# leakcheck STATUS ARG...: runs the tool; its status must be STATUS.
leakcheck() {
	local want=$1 status=0

	shift
	"$tool" "${plan_args[@]}" "$@" >"$out" 2>"$err" </dev/null || status=$?
	[[ $status -eq $want ]] || {
		fail "gup-leakcheck $*: exit status $status, expected $want"
		cat -- "$err"
		head -n 30 -- "$out"
	}
}

# track STATUS ARG... -- CMD...: the same, with CMD's output in $said.
track() {
	local args=()

	while [[ $1 != -- ]]; do
		args+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2016  # for the inner shell
	leakcheck "${args[@]}" -- /bin/sh -c 'f=$0; exec "$@" >"$f" 2>&1' "$said" "$@"
}

# await SECONDS COMMAND...: until it succeeds.
await() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
}

# start_tracking ARG...: the tool in the background, as $tracker; without a
# command it watches until it is interrupted.
start_tracking() {
	[[ " $* " == *" -- "* ]] || set -- --duration 0 "$@"
	"$tool" "${plan_args[@]}" "$@" >"$out" 2>"$err" </dev/null &
	tracker=$!
}

# end_tracking STATUS [SIGNAL]: ends its watch and takes the report.
end_tracking() {
	local status=0

	[[ -z ${2:-} ]] || kill -"$2" "$tracker"
	wait "$tracker" || status=$?
	same "exit status of the tool" "$status" "$1"
}

# watching: the tool started last waits for events, and does so still: it sleeps
# in poll, epoll_wait, ppoll or epoll_pwait. 5.10 has no names in wchan.
watching() {
	local i number

	for i in 1 2 3 4 5; do
		read -r number _ 2>/dev/null <"/proc/$tracker/syscall" || return 1
		[[ $number == @(7|232|271|281) ]] || return 1
		sleep 0.2
	done
}

# start_holders SCRIPT: SCRIPT (bash) must write a line to fd 9 when all is
# pinned, and then wait; end_holders ends it.
start_holders() {
	[[ -e $work/ready ]] || mkfifo "$work/ready"
	setsid /bin/bash -c "exec 9>'$work/ready' >'$said' 2>&1
		$1" &
	holders=$!
	timeout "$patience" head -n 1 "$work/ready" >/dev/null ||
		fail "the pinning programs were not ready"
}

end_holders() {
	kill -KILL -- "-$holders" 2>/dev/null
	wait "$holders" 2>/dev/null
}

# folios REPORT: each that is pinned, and how often.
folios() {
	jq -r '.pages // [] | .[] | select(.certain) | "\(.pfn) \(.pins)"' "$1" | sort
}

# The tracker's last report has the very folios that a walk over all struct
# pages finds: none is stale, none is missing.
same_folios() {
	"$tool" --json --pages -o "$work/scan" </dev/null 2>"$err" || [[ $? -eq 1 ]] || fail "no scan"
	folios "$out" >"$work/ledger"
	folios "$work/scan" >"$work/walk"
	same "folios listed" "$(wc -l <"$work/ledger")" "$(get .totals.pinned.folios)"
	diff "$work/walk" "$work/ledger" >"$work/differ" ||
		fail "folios differ: $(head -n 20 "$work/differ")"
}

# add_rdma_device: rxe0, in software; there from then on.
add_rdma_device() {
	[[ ! -e /sys/class/infiniband/rxe0 ]] || return 0
	modprobe rdma_rxe && ip link add dummy0 type dummy && ip link set dummy0 up &&
		rdma link add rxe0 type rxe netdev dummy0
}

# while_held STATUS ARG... -- SCRIPT: the report of a watch during which SCRIPT
# began to hold pins, which it still does.
while_held() {
	local want=$1 args=()

	shift
	while [[ $1 != -- ]]; do
		args+=("$1")
		shift
	done
	start_tracking "${args[@]}"
	await 120 watching || fail "the tool does not watch"
	start_holders "$2"
	end_tracking "$want" INT
	end_holders
}

# all_hold: each line `WHAT: FILTER` on stdin is true of the last report. One
# jq for all: under emulation each takes longer than a second to start.
all_hold() {
	local program what

	program=$(sed -nE 's/^([^:]+): (.*)/\1\n\2/p' | while read -r what && read -r filter; do
		printf '(try ([%s] | length > 0 and all) catch false | select(not) | "%s"),\n' \
			"$filter" "$what"
	done)
	jq -r "$program empty" "$out" >"$work/untrue" 2>&1 || {
		fail "jq: $(cat "$work/untrue")"
		return
	}
	while read -r what; do
		fail "not so: $what"
	done <"$work/untrue"
}

# call_whole: the same for plan call, which sees neither single pins nor releases.
call_whole() {
	all_hold <<-'END'
		plan call: .checks.plan == "call"
		nothing lost: .checks.lost | [.map_full, .owners_full, .stacks] | add == 0
		all hooks: .checks.hooks | .missing == []
		scanned: .checks.struct_pages > 100000
		all attributed: .totals | .attributed == .pinned and .unattributed.pins == 0
		groups sum to the totals: ([.groups[].pins] | add // 0) == .totals.pinned.pins
	END
}

# core_whole: what the kernel counted is what was seen, and nothing was lost. An
# interrupt that releases within a release is missed, found, and put right.
core_whole() {
	cat <<-'END'
		vmstat agrees: .checks.vmstat.agrees
		acquired as vmstat: .checks.vmstat | .acquired == .acquired_seen
		released as vmstat, but for what was missed and found: .checks | .vmstat.released == .vmstat.released_seen + .lost.recursion_misses
		all that was missed was found: .checks.lost | .recursion_misses == .repaired and .stale_dropped <= .repaired
		nothing else lost: .checks.lost | [.map_full, .owners_full, .stacks, .unmatched_releases, .in_motion] | add == 0
		all hooks: .checks.hooks | [.missing[] | select(.harmless | not)] == []
	END
	since 6.1 || return 0
	cat <<-'END'
		all attributed: .totals | .attributed == .pinned and .unattributed.pins == 0
		groups sum to the totals: ([.groups[].pins] | add // 0) == .totals.pinned.pins
	END
}

# books_whole: and every pin has its owner, groups sum to the totals.
books_whole() {
	if [[ ${GUP_PLAN:-} == call ]]; then
		call_whole
	else
		all_hold < <(core_whole)
	fi
	[[ $differences -eq 0 ]] || get '{checks, totals} | tojson'
}
