# shellcheck shell=bash disable=SC2034
# A gup-pind that serves what a test gives it, and questions to it. Sourced by
# pind and pind-around; the tree's root is the current directory.

pind=build/gup-pind
saved=tests/golden/snapshots/rules.json
work=$(mktemp -d)
chmod 755 "$work"
socket=$work/run/pind.sock
differences=0 daemon=

fail() {
	printf 'FAIL: %s\n' "$*"
	differences=$((differences + 1))
}

# same WHAT GOT WANT
same() {
	[[ $2 == "$3" ]] || fail "$1: '$2', expected '$3'"
}

# await COMMAND...: until it succeeds, for half a minute at most; in a guest for two.
await() {
	local end=$((SECONDS + ${GUP_KERNEL:+90} + 30))

	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

# get PATH [CURL-ARG...]: the body.
get() {
	local path=$1

	shift
	curl -s --max-time 10 --unix-socket "$socket" "$@" "http://gup-pin$path"
}

# status PATH [CURL-ARG...]: HTTP status and content type.
status() {
	local path=$1

	shift
	get "$path" -o /dev/null -w '%{http_code} %{content_type}' "$@"
}

serves() {
	[[ $(status /metrics) == 200* ]]
}

# start ARG...: a daemon that has its first snapshot.
start() {
	"$pind" --config /dev/null --socket "$socket" "$@" 2>"$work/err" &
	daemon=$!
	await serves || fail "$*: does not serve: $(cat "$work/err")"
}

# stop SIGNAL STATUS: ends it.
stop() {
	local got=0

	kill -"$1" "$daemon"
	wait "$daemon" 2>/dev/null || got=$?
	same "exit status after SIG$1" "$got" "$2"
	daemon=
}

# refused STATUS TEXT ARG...: does not begin, and says why in one line.
refused() {
	local want=$1 text=$2 got=0

	shift 2
	timeout 10 "$pind" "$@" >"$work/out" 2>"$work/err" || got=$?
	[[ $got -eq $want && $(wc -l <"$work/err") -eq 1 && ! -s $work/out &&
		$(cat "$work/err") == *"$text"* ]] ||
		fail "$*: status $got, said: $(cat "$work/err" "$work/out")"
}

server_of() {
	pgrep -P "$daemon" | head -n 1
}

relay_of() {
	pgrep -P "$daemon" | tail -n 1
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# privilege PROCESS: user, capabilities and whether it may gain any.
privilege() {
	awk '/^(Uid|CapPrm|CapEff|CapBnd|NoNewPrivs):/ { printf "%s%s ", $1, $2 }' "/proc/$1/status" |
		sed 's/CapBnd:[0-9a-f]* //; s/Uid:0 /Uid:root /'
}

no_privilege="Uid:$(id -u gup-pin 2>/dev/null || echo 65534) CapPrm:0000000000000000 CapEff:0000000000000000 NoNewPrivs:1 "

# Figures of the daemon itself differ from moment to moment.
without_self() {
	grep -vE '^(# (HELP|TYPE) )?(process_|gup_pin_(cpu_ratio|(failed_|unsent_)?snapshots)|gup_pin_snapshot_duration)'
}

# run_tests NAME...: ends with the status.
run_tests() {
	local one

	trap '[[ -z $daemon ]] || kill -KILL "$daemon"; rm -rf -- "$work"' EXIT
	for one; do
		"test_$one"
		echo "$one: done at $SECONDS s"
	done
	[[ $differences -eq 0 ]]
}
