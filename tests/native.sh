# shellcheck shell=bash disable=SC2154
# The tests that need no guest: build, unit tests, style, and the tools' manners
# on this machine. Sourced by check; try() and friends are in lib.sh.

# quiet_make ARG...: fails when anything warned, too.
quiet_make() {
	local log=$work/make.$$.$RANDOM status=0

	make -j2 "$@" >"$log" 2>&1 || status=$?
	cat -- "$log"
	! grep -qE '(warning|error):' "$log" || status=1
	rm -f -- "$log"
	return "$status"
}

# Separate folders, so that no warning hides behind an object that is up to date.
strict_build() {
	quiet_make B="build/check/$1" CC="$1" CLANG='clang -Werror' CFLAGS='-O2 -g -Werror' all
}

c_files() {
	find bpf src include tools tests vmlinux -name '*.[ch]'
}

shell_files() {
	find tests .ci tools -name '*.sh'
	grep -rlE -m1 '^#!(/usr/bin/env bash|/bin/bash|/bin/sh|/bin/busybox sh)' \
		tests .ci tools
}

check_format() {
	c_files | xargs clang-format --dry-run -Werror
}

check_shell() {
	shell_files | sort -u | xargs shellcheck -x
}

check_cppcheck() {
	cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingIncludeSystem --std=c11 -D_GNU_SOURCE \
		-DGUP_VERSION='""' -Iinclude -j2 src tools tests/workloads
}

# Lengths of functions, for C and shell: from the line with the brace to the
# closing brace in the first column.
check_lengths() {
	local status=0

	# shellcheck disable=SC2016  # awk's
	{ c_files; shell_files; } | sort -u | xargs awk '
		FNR == 1 { start = 0 }
		FNR == 501 { print FILENAME ": more than 500 lines"; bad = 1 }
		/^[A-Za-z_].*\) *$/ { name = $0 }
		/^\{/ { start = FNR }
		/^[a-z_]+\(\) \{$/ { start = FNR; name = $0 }
		/^\}$/ {
			if (start && FNR - start - 1 >= 60) {
				print FILENAME ":" start ": " FNR - start - 1 " lines: " name
				bad = 1
			}
			start = 0
		}
		END { exit bad }' || status=1
	return "$status"
}

check_help_width() {
	local tool

	for tool in build/gup-*[a-z]; do
		[[ -x $tool && -f $tool ]] || continue
		"$tool" --help >"$work/help" || { say "$tool --help: status $?"; return 1; }
		! awk 'length > 80' "$work/help" | grep . || return 1
	done
}

# offers TOOL WORD: what bash completes WORD to, on one line.
offers() {
	bash -c '. "$1/usr/share/bash-completion/completions/$2"
		COMP_WORDS=("$2" "$3") COMP_CWORD=1
		"$(complete -p "$2" | sed -E "s/.* -F ([^ ]+) .*/\1/")"
		echo "${COMPREPLY[*]}"' - "$work/installed" "$1" "$2"
}

# completes TOOL WORD WANT
completes() {
	local got

	got=$(offers "$1" "$2")
	[[ $got == "$3" ]] || { say "$1 $2: completes to '$got', expected '$3'"; return 1; }
}

# complete_all TOOL: bash and zsh know each long option that --help lists, and no other.
complete_all() {
	local want zsh=$work/installed/usr/share/zsh/site-functions/_$1

	want=$("build/$1" --help | sed -nE 's/^ +(-., )?(--[a-z-]+).*/\2/p' | sort)
	[[ $(wc -l <<<"$want") -gt 5 ]] || { say "$1: --help lists no options"; return 1; }
	diff <(echo "$want") <(offers "$1" -- | tr ' ' '\n' | sort) ||
		{ say "$1: bash completes other options than --help lists"; return 1; }
	grep -q "^#compdef $1" "$zsh" || { say "$1: no completion for zsh"; return 1; }
	diff <(echo "$want") <(sed -nE "s/^\t'(--[a-z-]+).*/\1/p" "$zsh" | sort) ||
		{ say "$1: zsh completes other options than --help lists"; return 1; }
}

# in_manual TOOL: its manual page has each long option that --help lists.
in_manual() {
	local option

	build/"$1" --help | sed -nE 's/^ +(-., )?(--[a-z-]+).*/\2/p' |
		grep -vxE -- '--(help|usage|version)' | while read -r option; do
		grep -qE -- "$option([^a-z-]|\$)" <(sed 's/\\-/-/g' "tools/$1.8") ||
			{ say "$1.8 lacks $option"; exit 1; }
	done
}

# Installs into a folder, tries the completion there, removes all of it again.
check_install() {
	local left tool

	rm -rf -- "$work/installed"
	make install PREFIX=/usr DESTDIR="$work/installed" &&
		completes gup-pintop --reco --record && completes gup-leakcheck --fold --folded &&
		completes gup-pind --textf --textfile && completes gup-validate --cens --census ||
		return 1
	for tool in "$work"/installed/usr/sbin/*; do
		complete_all "${tool##*/}" && in_manual "${tool##*/}" || return 1
	done
	make uninstall PREFIX=/usr DESTDIR="$work/installed"
	left=$(find "$work/installed" -type f)
	[[ -z $left ]] || { say "left by make uninstall: $left"; return 1; }
}

# said STATUS LINES COMMAND...: status and number of lines on stderr; stdout empty.
said() {
	local want=$1 lines=$2 status=0

	shift 2
	"$@" >"$work/out" 2>"$work/err" || status=$?
	[[ $status -eq $want && $(wc -l <"$work/err") -eq $lines && ! -s $work/out ]] || {
		say "$*: status $status, expected $want with $lines line(s) on stderr"
		cat -- "$work/err" "$work/out"
		return 1
	}
}

check_usage() {
	local tool=build/gup-leakcheck

	said 2 1 "$tool" --no-such-option &&
		said 2 1 "$tool" --duration soon &&
		said 2 1 "$tool" -p 1 -- true &&
		said 2 1 "$tool" --suppress /nonexistent/file -- true &&
		said 2 1 build/gup-validate --patch 24 &&
		said 2 1 build/gup-validate --no-such-option &&
		said 3 1 build/gup-validate --census /nonexistent &&
		said 2 1 build/gup-pintop -o nosuch &&
		build/gup-pintop -o help | grep -q '^memory  '
}

# What cannot be written is status 4 and one line, also of what argp prints.
check_full_disk() {
	local tool arg status lines

	for tool in build/gup-*[a-z]; do
		[[ -x $tool && -f $tool ]] || continue
		for arg in --help --usage --version; do
			status=0
			"$tool" "$arg" >/dev/full 2>"$work/err" || status=$?
			lines=$(wc -l <"$work/err")
			[[ $status -eq 4 && $lines -eq 1 ]] || {
				say "$tool $arg to a full disk: status $status, $lines line(s) on stderr"
				return 1
			}
		done
	done
}

as_nobody() {
	if [[ $EUID -eq 0 ]]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}

check_not_root() {
	# The checkout may lie where nobody else can go.
	install -m 755 build/gup-{leakcheck,pind} "$work/" && chmod 755 "$work" || return 1
	as_nobody "$work/gup-leakcheck" --schema >/dev/null 2>&1 ||
		{ say "other users cannot enter $work"; return 77; }
	said 3 1 as_nobody "$work/gup-leakcheck" -- true &&
		said 3 1 as_nobody "$work/gup-pind" --once &&
		said 3 1 as_nobody "$work/gup-pind" --socket /run/gup-pin-none/s || return 1
	as_nobody "$work/gup-leakcheck" >"$work/out" 2>"$work/err"
	[[ $? -eq 3 && $(wc -l <"$work/err") -eq 1 ]] && grep -q 'need root' "$work/out"
}

# Two saved snapshots compared: nothing new with itself, and the schema of it.
check_diff() {
	local tool=build/gup-leakcheck of=tests/golden/snapshots status=0

	"$tool" --diff "$of/rules.json" "$of/rules.json" >/dev/null || return 1
	"$tool" --diff "$of/several.json" "$of/rules.json" --json >"$work/diff.json" || status=$?
	[[ $status -eq 1 ]] || return 1
	"$tool" --schema >"$work/schema.json" &&
		tests/validate "$work/schema.json#diff" "$work/diff.json" || return 1
	! tests/validate "$work/schema.json#diff" "$of/rules.json" >/dev/null || return 1
	said 2 1 "$tool" --diff "$of/rules.json" &&
		said 2 1 "$tool" --diff "$of/rules.json" README.md &&
		said 2 1 "$tool" --folded --diff "$of/rules.json" "$of/rules.json"
}

as_root() {
	if [[ $EUID -eq 0 ]]; then "$@"; else sudo -n "$@"; fi
}

# What `make bench` tells of the programs themselves: each did its work (the program counts
# that), and a buffer that is pinned again costs less than a new one. Times on a machine that
# others use, too, vary: either the quickest run or the median has to say so.
check_bodies() {
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root build/tests/bench/bodies | tee /dev/stderr | awk '/^plan/ { cnt++; none += $(NF - 1) <= 0 }
		/1 page, new buffer/ { first = $(NF - 2); typical = $(NF - 1) }
		/same again/ { cheaper = $(NF - 2) < first || $(NF - 1) < typical }
		END { exit !(cnt == 11 && !none && cheaper) }'
}

check_scan_report() {
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root tests/scan-report
}

# This machine's kernel either lets us trace or says in one line why not.
check_here() {
	local status=0

	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	: >"$work/err" # ours, whoever writes it
	# sudo may have something of its own to say.
	# shellcheck disable=SC2016  # for the inner shell
	as_root bash -c 'exec "$@" 2>"$0"' "$work/err" build/gup-leakcheck -q -- true \
		>"$work/out" || status=$?
	cat -- "$work/out" "$work/err"
	[[ $status -ne 0 || $(wc -l <"$work/out") -eq 1 ]] || return 1
	[[ $status -eq 0 ]] || [[ $status -eq 3 && $(wc -l <"$work/err") -eq 1 ]]
}

check_scan() {
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root tests/scan 10
}

check_scan_udmabuf() {
	[[ -c /dev/udmabuf ]] || { say "no /dev/udmabuf: modprobe udmabuf"; return 77; }
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root tests/scan udmabuf
}

# A minute of each fuzz target, behind the other tests, of which most keep one CPU
# busy. `make fuzz` is for finding more.
start_fuzz() {
	wanted native/fuzz || return 0
	rm -f -- "$work/fuzz.status"
	(
		status=0
		quiet_make fuzz-programs && nice -n 19 setpriv --pdeathsig KILL \
			tests/fuzz/run 60s config http json || status=$?
		echo "$status" >"$work/fuzz.status"
	) >"$work/fuzz.log" 2>&1 &
	fuzz=$!
	trap 'kill "$fuzz" 2>/dev/null' EXIT
}

# Each has its minute, however busy this machine is, so there is an end.
check_fuzz() {
	until [[ -s $work/fuzz.status ]]; do
		sleep 1
	done
	cat -- "$work/fuzz.log"
	return "$(<"$work/fuzz.status")"
}

# A real validator, apart from the unit tests' own: every document that we keep,
# and a wrong one, so that we know it looks.
check_schema() {
	local documents=(tests/golden/*.json tests/golden/*/*.json)

	build/gup-leakcheck --schema >"$work/schema.json" &&
		tests/validate "$work/schema.json" "${documents[@]}" || return 1
	sed 's/"rule": "orphaned"/"rule": "lost"/' "${documents[-1]}" >"$work/wrong.json"
	! tests/validate "$work/schema.json" "$work/wrong.json"
}

# A saved snapshot is judged as it was when it was fresh, without privilege.
check_input() {
	local file status want tool=$work/gup-leakcheck
	local rules=tests/golden/snapshots/rules.json

	install -m 755 build/gup-leakcheck "$work/" || return 1
	for file in tests/golden/snapshots/*.json; do
		status=0
		as_nobody "$tool" --json --input - <"$file" >"$work/again.json" || status=$?
		want=$(jq .verdict.exit "$file")
		[[ $status -eq $want ]] || { say "$file: status $status, not $want"; return 1; }
		diff -u "$file" "$work/again.json" || return 1
		! "$tool" --input "$file" | awk 'length > 80' | grep . || return 1
	done
	[[ $("$tool" --json --input "$rules" --kind hugetlb | jq -c '[.groups[].pins, .filter]') == \
		'[1048576,"kind=hugetlb"]' ]] || return 1
	said 2 1 "$tool" --kind none -- true &&
		said 2 1 "$tool" --input /nonexistent/file &&
		said 2 1 "$tool" --input README.md &&
		said 2 1 "$tool" --input "$file" -- true
}

check_pind() {
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root tests/pind
}

check_daemon_clients() {
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root tests/daemon-clients
}

check_monitoring() {
	tests/monitoring && build/gup-pind --config "$work/gup-pind.conf" --check-config
}

check_prometheus() {
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root tests/pind-around prometheus
}

# The modules of the kernels in the cache, where their version has a golden file.
check_census() {
	local golden release dir seen=0

	for golden in tests/golden/census-*.txt; do
		release=${golden##*/census-}
		release=${release%.txt}
		dir=$("$vm_dir/fetch" --list | awk -v end="/$release" '
			index($2, end) == length($2) - length(end) + 1 { print $2 }')
		[[ -n $dir ]] || continue
		build/gup-validate --census --json "$dir/lib/modules" >"$work/census" || return 1
		jq -r '"\(.modules) modules, \(.unreadable) unreadable",
			(.users[] | "\(.name) \(.class) \([.calls[].calls] | add)")' \
			"$work/census" | diff "$golden" - || return 1
		seen=$((seen + 1))
	done
	[[ $seen -gt 0 ]] || { say "none of the kernels with a golden file is in the cache"; return 77; }
}

# The same tree gives the same packages; then what is in them.
check_packages() {
	quiet_make deb tarball || return 1
	sha256sum build/package/gup-pin[-_]*.* >"$work/packages.sums"
	quiet_make deb tarball || return 1
	sha256sum -c "$work/packages.sums" || return 1
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root tests/packages
}

build_clang19() {
	quiet_make B=build/check/clang19 CLANG='clang-19 -Werror' all
}

# All BPF objects by the newest compiler that Debian 12 has. That of the scan
# needs no tracing, so it must also load and run here; case clang19 runs the rest.
check_clang19() {
	build_clang19 || return 1
	as_root true || { say "needs root, and sudo asks for a password"; return 77; }
	as_root build/check/clang19/tests/scan_dump >"$work/scan" &&
		tail -n 1 "$work/scan" | grep -E '^# pages [1-9]'
}

run_native() {
	local began=$SECONDS unit

	[[ -n $only ]] || say "== native: build, unit tests, style; about 5 min =="
	try native/build quiet_make all units
	start_fuzz
	for unit in build/unit/test_*; do
		[[ $unit == *.d || ! -x $unit ]] || try "native/${unit##*/}" "$unit"
	done
	try native/direction tests/direction
	try native/format check_format
	try native/shellcheck check_shell
	try native/lengths check_lengths
	try native/help-width check_help_width
	try native/usage check_usage
	try native/full-disk check_full_disk
	try native/install check_install
	try native/not-root check_not_root
	try native/this-kernel check_here
	try native/scan-report check_scan_report
	try native/schema check_schema
	try native/census check_census
	try native/input check_input
	try native/diff check_diff
	try native/pind check_pind
	try native/daemon-clients check_daemon_clients
	try native/monitoring check_monitoring
	try native/promtool tests/pind-around promtool
	try native/systemd tests/pind-around systemd
	try native/filtered tests/pind-around filtered
	try native/top tests/top ${matrix:+--keys 10000}
	try native/bodies check_bodies
	try native/top-speed build/tests/bench/top 50
	try native/picture-top tests/picture-top --check
	try native/scan check_scan
	try native/scan-udmabuf check_scan_udmabuf
	try native/cppcheck check_cppcheck
	try native/warnings-gcc strict_build gcc
	try native/warnings-clang strict_build clang
	try native/fuzz check_fuzz
	trap - EXIT
	[[ -z $matrix ]] || try native/warnings-clang19 check_clang19
	[[ -z $matrix ]] || try native/prometheus check_prometheus
	[[ -z $matrix ]] || try native/packages check_packages
	[[ -n $only ]] || say "== native: $(minutes $((SECONDS - began))) =="
}
