# shellcheck shell=bash disable=SC2154,SC2034
# Results of the test suite: every test ends as one line on standard output,
# `ok NAME (SECONDS s)`, `not ok NAME` with what it printed below, or
# `skip NAME: reason`. Sourced by check; expects $work, a folder for logs.

passed=0 failed=0 skipped=0
only= # --case

say() {
	printf '%s\n' "$*"
}

# wanted NAME...: false when --case names another test. A name of a group
# (`native`, a kernel, the part before the slash) wants all of it.
wanted() {
	local name

	[[ -n $only ]] || return 0
	for name; do
		[[ $name != "$only" && ${name##*/} != "$only" && ${name%%/*} != "$only" ]] ||
			return 0
	done
	return 1
}

# indent: what a test printed, where it cannot be taken for a result.
indent() {
	LC_ALL=C sed 's/^/    /'
}

pass() {
	passed=$((passed + 1))
	say "ok $1 ($2 s)"
}

# not_ok NAME [FILE]: FILE holds the output.
not_ok() {
	failed=$((failed + 1))
	say "not ok $1"
	[[ -z ${2:-} ]] || tail -n 60 -- "$2" | indent
}

skip_test() {
	skipped=$((skipped + 1))
	say "skip $1: $2"
}

# try NAME COMMAND...: runs one test. 77 is a skip, its last line the reason.
try() {
	local name=$1 log began=$SECONDS status=0

	wanted "$name" || return 0
	shift
	log=$work/${name//\//-}.log
	("$@") </dev/null >"$log" 2>&1 || status=$?
	case $status in
	0) pass "$name" "$((SECONDS - began))" ;;
	77) skip_test "$name" "$(tail -n 1 -- "$log")" ;;
	*)
		not_ok "$name" "$log"
		say "    (exit status $status, log in $log)"
		;;
	esac
}

# count_results FILE: adds up the lines of results that a guest printed.
count_results() {
	passed=$((passed + $(grep -c '^ok ' -- "$1" || true)))
	failed=$((failed + $(grep -c '^not ok ' -- "$1" || true)))
	skipped=$((skipped + $(grep -c '^skip ' -- "$1" || true)))
}

minutes() {
	printf '%d:%02d min' $(($1 / 60)) $(($1 % 60))
}
