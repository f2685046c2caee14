# shellcheck shell=bash disable=SC2154
# The guest part of the test suite: boots each kernel, has vm/cases/driver run
# the cases of vm/cases/list in it, and collects their results. Sourced by
# check.

megabytes_per_kernel=130

# kernels_for USE: their names, on one line.
kernels_for() {
	awk -v use="$1" '!/^#/ && NF && (use == "any" || $2 == use) { print $1 }' \
		"$vm_dir/kernels.list" | paste -sd' '
}

cached() {
	"$vm_dir/fetch" --list | awk -v name="$1" '$1 == name && $2 ~ /^\// { found = 1 }
		END { exit !found }'
}

megabytes_to_fetch() {
	local name sum=0

	for name in $kernels; do
		cached "$name" || sum=$((sum + megabytes_per_kernel))
	done
	say "$sum"
}

expected_minutes() {
	local count

	count=$(wc -w <<<"$kernels")
	say $((6 + 8 * count))
}

# cases_of KERNEL BOOT: `CASE=LIMIT` for each that is to run. Kernels of our own are
# not among all.
cases_of() {
	local column=4 name limit all=all

	[[ -z $matrix ]] || column=5
	[[ " $(kernels_for own) " != *" $1 "* ]] || all=
	awk -v kernel="$1" -v boot="$2" -v column="$column" -v all="$all" '!/^#/ && NF && $2 == boot {
			n = split($column, names, ",")
			for (i = 1; i <= n; i++)
				if (names[i] == kernel || names[i] == all) { print $1, $3; break }
		}' "$vm_dir/cases/list" |
		while read -r name limit; do
			! wanted "$1/$name" "$1/$2" || say "$name=$limit"
		done
}

boots() {
	awk '!/^#/ && NF && !seen[$2]++ { print $2 }' "$vm_dir/cases/list"
}

# has_cases KERNEL: any that is to run.
has_cases() {
	local boot

	for boot in $(boots); do
		[[ -z $(cases_of "$1" "$boot") ]] || return 0
	done
	return 1
}

# make_disks: small file systems for O_DIRECT; guests do not change them.
make_disks() {
	local kind dir=$work/disks

	mkdir -p "$dir"
	for kind in ext4 xfs btrfs vfat; do
		[[ ! -e $dir/$kind.img ]] || continue
		truncate -s 320M "$dir/$kind.tmp"
		"mkfs.$kind" "$dir/$kind.tmp" >"$work/mkfs.log" 2>&1 ||
			{ cat -- "$work/mkfs.log"; return 1; }
		mv -- "$dir/$kind.tmp" "$dir/$kind.img"
	done
}

# build_module KERNEL: sets $module, or $no_module to the reason; and $headers, the
# folder of what it was built from.
build_module() {
	local log=$work/kmod-$1.log dir

	dir=$("$vm_dir/fetch" --list | awk -v name="$1" '$1 == name { print $2 }')
	headers=${dir%/kernels/*}/kmod/headers/${dir##*/}/root/usr/src
	module=$work/gup_pin_test-$1.ko no_module=''
	tests/kmod/build "$1" "$module" >"$log" 2>&1 || {
		no_module=$(tail -n 1 -- "$log")
		module=''
	}
}

# build_left_out KERNEL: sets $left_out, a folder, and $no_left_out to the reason that
# something is not in it.
build_left_out() {
	local log=$work/left_out-$1.log

	left_out=$work/left_out-$1 no_left_out=''
	tests/kmod/left_out "$1" "$left_out" >"$log" 2>&1 || no_left_out=$(tail -n 1 -- "$log")
}

# memory_options: two nodes, a hole that no section ends at, memory of a device,
# and a third node with nothing but a DIMM, far above, which nobody has taken into use.
memory_options() {
	local arg

	# shellcheck disable=SC2016  # the kernel's $
	options+=(--append 'memmap=7M$0x20100000 memmap=64M!0x28000000 memhp_default_state=offline')
	for arg in -m slots=1,maxmem=8G \
		-object memory-backend-ram,id=m0,size=1280M -numa node,nodeid=0,cpus=0-1,memdev=m0 \
		-object memory-backend-ram,id=m1,size=768M -numa node,nodeid=1,memdev=m1 \
		-numa node,nodeid=2 -object memory-backend-ram,id=m2,size=512M \
		-device pc-dimm,memdev=m2,node=2,addr=0x180000000; do
		options+=("--qemu-arg=$arg")
	done
}

# boot_options KERNEL BOOT: sets the array $options.
boot_options() {
	local kind

	options=(--timeout 2400)
	case $2 in
	main | scan)
		for kind in ext4 xfs btrfs vfat; do
			options+=(--disk "$work/disks/$kind.img")
		done
		;;
	validate | soak)
		for kind in ext4 xfs btrfs vfat; do
			options+=(--disk "$work/disks/$kind.img")
		done
		# A writable 9p, memory of a device, and devices that pin: one behind an IOMMU for
		# VFIO, an NVMe disk.
		mkdir -p "$work/9p"
		options+=(--out "$work/9p" --machine q35
			--append 'intel_iommu=on memmap=64M!0x28000000'
			--qemu-arg=-device --qemu-arg=intel-iommu
			--qemu-arg=-device --qemu-arg=edu --qemu-arg=-drive
			"--qemu-arg=file=$work/disks/ext4.img,format=raw,if=none,id=nvme,snapshot=on"
			--qemu-arg=-device '--qemu-arg=nvme,drive=nvme,serial=1')
		;;
	stress)
		options+=(--memory 3072)
		[[ $1 != 7.* ]] || options+=(--append preempt=lazy)
		;;
	stress-full) options+=(--memory 3072 --append preempt=full) ;;
	million) options+=(--memory 6144) ;;
	cost) options+=(--cpus 1 --qemu-arg=-icount '--qemu-arg=shift=0,sleep=off' --append=nokaslr) ;;
	memory) memory_options ;;
	systemd) options+=(--init systemd) ;;
	cma) options+=(--memory 4096 --append hugetlb_cma=1G) ;;
	esac
}

# missing_results KERNEL LOG CASE=LIMIT...: those that a dead guest left.
missing_results() {
	local kernel=$1 log=$2 case

	shift 2
	for case; do
		case=$kernel/${case%=*}
		awk -v name="$case" '($1 == "ok" && $2 == name) || ($1 == "not" && $3 == name) ||
			($1 == "skip" && $2 == name ":") { found = 1 } END { exit !found }' "$log" ||
			say "$case"
	done
}

# whole_results: a failed test's lines in one piece, as several guests print.
whole_results() {
	local line held=

	while IFS= read -r line; do
		if [[ $line != ' '* ]]; then
			printf '%s' "$held"
			held=
		fi
		if [[ $line == 'not ok '* || -n $held ]]; then
			held+=$line$'\n'
		else
			printf '%s\n' "$line"
		fi
	done
	printf '%s' "$held"
}

# run_boot KERNEL BOOT: all its cases in one guest.
run_boot() {
	local kernel=$1 boot=$2 log=$work/$1-$2.log status=0 cases name before=$failed

	mapfile -t cases < <(cases_of "$kernel" "$boot")
	module='' no_module='' headers='' left_out='' no_left_out=''
	[[ " ${cases[*]}" != *" "@(busy|cma|kmod|kmod-validate|scan|audit|fsdax|witness)=* ]] || build_module "$kernel"
	[[ " ${cases[*]}" != *" "@(gup_test|siw|iommufd)=* ]] || build_left_out "$kernel"
	boot_options "$kernel" "$boot"
	say "-- kernel $kernel, guest '$boot': ${#cases[@]} cases"
	"$vm_dir/run" "${options[@]}" --console "$work/$kernel-$boot.console" "$kernel" -- \
		/usr/bin/env GUP_KERNEL="$kernel" GUP_MATRIX="$matrix" GUP_MODULE="$module" \
		GUP_NO_MODULE="$no_module" GUP_HEADERS="$headers" \
		GUP_LEFT_OUT="$left_out" GUP_NO_LEFT_OUT="$no_left_out" tests/vm/cases/driver "${cases[@]}" \
		2>"$log.err" | tee "$log" | whole_results || status=${PIPESTATUS[0]}
	count_results "$log"
	while read -r name; do
		not_ok "$name" "$log.err"
	done < <(missing_results "$kernel" "$log" "${cases[@]}")
	[[ $status -eq 0 || $failed -gt $before ]] || not_ok "$kernel/guest-$boot" "$log.err"
}

# run_job KERNEL BOOT: the same in a process of its own, with results in a file.
run_job() {
	local began=$SECONDS

	passed=0 failed=0 skipped=0
	run_boot "$1" "$2" </dev/null
	say "== kernel $1, guest '$2': $(minutes $((SECONDS - began))) =="
	say "$passed $failed $skipped" >"$work/$1-$2.counts"
}

# count_job KERNEL BOOT: adds up what it counted.
count_job() {
	local counts

	if read -ra counts <"$work/$1-$2.counts"; then
		passed=$((passed + counts[0]))
		failed=$((failed + counts[1]))
		skipped=$((skipped + counts[2]))
	else
		not_ok "$1/guest-$2"
	fi
} 2>/dev/null

# run_jobs LANES 'KERNEL BOOT'...: so many at a time. Each is a process group,
# so that an interrupt ends all of its guest.
run_jobs() {
	local lanes=$1 job words

	shift
	set -m
	trap 'jobs -p | sed "s/^/-/" | xargs -r kill -TERM --' EXIT
	for job; do
		read -ra words <<<"$job"
		rm -f -- "$work/${words[0]}-${words[1]}.counts"
		while [[ $(jobs -rp | wc -l) -ge $lanes ]]; do
			wait -n || true
		done
		run_job "${words[@]}" &
	done
	wait
	trap - EXIT
	set +m
	for job; do
		read -ra words <<<"$job"
		count_job "${words[@]}"
	done
}

# most_work_first 'KERNEL BOOT'...: so that no lane is left alone with much at the end.
most_work_first() {
	local job words

	for job; do
		read -ra words <<<"$job"
		say "$(cases_of "${words[@]}" | wc -l) $job"
	done | sort -s -k1,1nr | cut -d' ' -f2-
}

# What case clang19 runs, when it is to run; once, before the guests share it.
need_clang19() {
	local kernel log=$work/clang19.log

	for kernel; do
		[[ " $(cases_of "$kernel" main | paste -sd' ')" == *" clang19="* ]] || continue
		build_clang19 >"$log" 2>&1 || not_ok guests/clang19 "$log"
		return 0
	done
}

# fetch_kernel NAME: false, with its result, when it cannot be had. One of our own that
# does not build any more is a failure.
fetch_kernel() {
	local log=$work/fetch-$1.log status=0

	"$vm_dir/fetch" "$1" >"$log" 2>&1 || status=$?
	if [[ $status -eq 0 ]]; then
		return 0
	elif [[ $status -ne 4 && -n $matrix && " $(kernels_for check) " != *" $1 "* ]]; then
		skip_test "$1" "$(tail -n 1 -- "$log")"
	else
		not_ok "$1/fetch" "$log"
	fi
	return 1
}

# A guest seldom keeps more than one CPU busy, so there are as many at a time as
# CPUs, at most four. Those whose load must be what the machine can give run alone.
run_guests() {
	local kernel boot ready=() together=() alone=() lanes

	[[ -n $kernels && $only != native* ]] || return 0
	make_disks
	for kernel in $kernels; do
		has_cases "$kernel" || continue
		! fetch_kernel "$kernel" || ready+=("$kernel")
	done
	need_clang19 "${ready[@]}"
	while read -r boot; do
		for kernel in "${ready[@]}"; do
			[[ -n $(cases_of "$kernel" "$boot") ]] || continue
			case $boot in
			stress* | million) alone+=("$kernel $boot") ;;
			*) together+=("$kernel $boot") ;;
			esac
		done
	done < <(boots)
	mapfile -t together < <(most_work_first "${together[@]}")
	lanes=$(nproc)
	run_jobs $((lanes < 4 ? lanes : 4)) "${together[@]}"
	run_jobs 1 "${alone[@]}"
}
