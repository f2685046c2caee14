# SPDX-License-Identifier: GPL-2.0-only
# gup-pin: `make help` lists the targets. Everything made goes to build/.

VERSION := 0.1.0
PREFIX ?= /usr/local
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool 2>/dev/null || echo /usr/sbin/bpftool)
CFLAGS ?= -O2 -g
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

ifeq ($(V),1)
Q :=
msg = @:
else
Q := @
msg = @printf '  %-8s %s\n'
endif

B := build
ALL_CFLAGS = -std=gnu11 -Wall -Wextra -D_GNU_SOURCE -DGUP_VERSION='"$(VERSION)"' -Iinclude -I$(B) \
	-MMD -MP $(CFLAGS)
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Wno-unused-parameter \
	-Ivmlinux -Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu -MMD -MP \
	'-ffile-prefix-map=$(CURDIR)=.'
LIBS := -lbpf -ldw -lelf -lz -ljson-c


LIB_SRC := $(filter-out gup-pind,$(patsubst src/%.c,%,$(wildcard src/*.c)))
SKELS := $(patsubst bpf/%.bpf.c,$(B)/%.skel.h,$(wildcard bpf/*.bpf.c))
TOOLS := $(patsubst tools/%.c,$(B)/%,$(wildcard tools/gup-*.c))
WORKLOAD_SRC := $(wildcard tests/workloads/*.c)
WORKLOADS := $(patsubst tests/workloads/%.c,$(B)/tests/%,$(filter-out %/pinlib.c %/pinlib_mem.c %/pinargs.c %/pins_sites.c,$(WORKLOAD_SRC)))
LIB_TESTS := $(B)/tests/scan_dump $(B)/tests/bench/scan $(B)/tests/bench/top $(B)/tests/bench/records \
	$(B)/tests/bench/bodies
BENCH := $(B)/bench/work $(B)/bench/attach $(B)/bench/peers.bpf.o
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

.PHONY: help pictures all deps deps-check deps-matrix demo check check-matrix soak soak-boots bench install uninstall clean distclean

all: $(TOOLS) $(WORKLOADS) $(LIB_TESTS) $(BENCH)

define HELP
gup-pin: who pins which memory pages, since when, and who forgot to let go.

  make deps          install what `all` needs (apt)                 about 1 min, 300 MB
  make               build the programs into build/                 about 30 s
  make demo          pin pages with real programs, show the report  1 min warm
  make check         all tests: native, then guests 6.1, 6.12, 7.3  about 35 min
                     K=6.12 one kernel, CASE=name one case, K=none no guest
  make check-matrix  every kernel, every case                             hours
  make pictures      draw the README's pictures anew, the report's in a guest   2 min
  make fuzz          10 million inputs to each reader that is fuzzed         hours
                     N=100000 fewer, CASE=json one target
  make soak          gup-pind beside healthy load: K=7.3 N=30       N minutes
  make soak-boots    attach and detach in 100 boots: K=6.12 N=100    about 1 h
  make bench         what tracking costs, in instructions           10 min a kernel
                     on a busy machine; K=7.3 this one, else 6.1, 6.12, 7.3
  make bench-readme  puts its table into README.md
  make deps-check    install what `demo` and `check` need besides   about 2 min, 700 MB
  make deps-matrix   and what only `check-matrix` and `bench` need  about 1 min, 350 MB
  make install       to $$(DESTDIR)$$(PREFIX), PREFIX=/usr/local
  make uninstall     remove that
  make deb           a package for Debian, in build/package         1 min
  make tarball       the same with its libraries, for other distributions  1 min
  make clean         remove build/
  make distclean     and the downloaded kernels (tests/vm/fetch --list tells where)

  V=1 shows the commands. Only apt and loading BPF need root; they ask sudo.
endef
export HELP

help:
	@printf '%s\n' "$$HELP"

$(B)/%.bpf.o: bpf/%.bpf.c
	$(msg) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(msg) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@

$(B)/obj/%.o: src/%.c | $(SKELS)
	$(msg) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(B)/obj/tools/%.o: tools/%.c | $(SKELS)
	$(msg) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

# Change with the structures that a daemon leaves to the next one: its own, and those of its maps.
KEPT := src/own_tracker.c src/records_keep.c src/records_impl.h include/records.h include/take.h include/selftest.h
$(B)/kept_layout.h: $(KEPT) include/gup_abi.h
	@mkdir -p $(@D)
	$(Q)printf '#define GUP_KEPT_LAYOUT %sULL\n#define GUP_ABI_SUM %sULL\n' "$$(sed -nE \
		'/^struct (kept|kept_records|flow|selftest_result|rec|bound|claim) \{/,/^\};/p' $(KEPT) | cksum | cut -d' ' -f1)" \
		"$$(cksum <include/gup_abi.h | cut -d' ' -f1)" > $@
$(foreach dir,obj san,$(B)/$(dir)/own_tracker.o $(B)/$(dir)/tracker_pins.o): $(B)/kept_layout.h

$(B)/obj/form_json_schema.o $(B)/san/form_json_schema.o: src/form_json_schema.json

$(B)/libgup.a: $(LIB_SRC:%=$(B)/obj/%.o)
	$(msg) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/gup-%: $(B)/obj/tools/gup-%.o $(B)/libgup.a
	$(msg) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

$(B)/gup-pintop $(B)/san/gup-pintop: LIBS += -lncursesw -ltinfo
$(B)/gup-pind $(B)/san/gup-pind: LIBS += -lmicrohttpd -lpthread

# Pinning programs. rdma needs libibverbs, others liburing, the rest nothing.
PINLIB := $(B)/obj/tests/pinlib.o $(B)/obj/tests/pinlib_mem.o \
	$(B)/obj/tests/pinargs.o
$(B)/obj/tests/%.o: tests/workloads/%.c
	$(msg) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/kmod -c $< -o $@

$(B)/tests/pins: $(B)/obj/tests/pins_sites.o
$(B)/tests/rdma: WORKLOAD_LIBS := -libverbs
$(B)/tests/others: WORKLOAD_LIBS := -luring
$(B)/tests/%: $(B)/obj/tests/%.o $(PINLIB)
	$(msg) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(WORKLOAD_LIBS) -lpthread -o $@

# Test programs that drive the library itself.
$(LIB_TESTS): $(B)/tests/%: tests/%.c $(B)/libgup.a
	$(msg) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(filter %.c %.a,$^) $(LIBS) -o $@

# --- unit tests: libgup again, with sanitizers, and each test a program of its own ---
SAN := -fsanitize=address,undefined -fno-omit-frame-pointer
UNIT_CFLAGS = -std=gnu11 -g -O1 $(SAN) -Wall -Wextra -D_GNU_SOURCE \
	-DGUP_VERSION='"$(VERSION)"' -Iinclude -Ibpf -Isrc -I$(B) -MMD -MP

$(B)/san/%.o: src/%.c | $(SKELS)
	$(msg) CC-SAN $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -c $< -o $@

$(B)/san/libgup.a: $(LIB_SRC:%=$(B)/san/%.o)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(B)/san/libgup.a | $(SKELS)
	$(msg) TEST $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) $< $(B)/san/libgup.a -lcmocka $(LIBS) -lpthread -o $@

# The tools with sanitizers, for the tests that drive them.
$(B)/san/gup-%: tools/gup-%.c $(B)/san/libgup.a | $(SKELS)
	$(msg) LINK-SAN $@
	$(Q)$(CC) $(UNIT_CFLAGS) $< $(B)/san/libgup.a $(LIBS) -o $@

.PHONY: units
units: $(UNITS) $(B)/san/gup-pintop

# --- fuzz targets: libFuzzer, so clang, with sanitizers; each a main of its own ---
FUZZ := config http json
FUZZ_SRC := audit audit_% container duration feed fmt form_json form_json_% form_prom form_prom_% \
	fuse pin_site pind_config read_json read_json_% serve serve_pages snapshot_mem suppress
FUZZ_OBJ = $(patsubst %,$(B)/fuzz/obj/%.o,$(filter $(FUZZ_SRC),$(LIB_SRC)))
FUZZ_CFLAGS := -std=gnu11 -g -O1 -Wall -Wextra -D_GNU_SOURCE -DGUP_VERSION='"$(VERSION)"' \
	-Iinclude -MMD -MP -fsanitize=address,undefined -fno-sanitize-recover=undefined

$(B)/fuzz/obj/%.o: src/%.c
	$(msg) CC-FUZZ $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c $< -o $@
$(B)/fuzz/obj/form_json_schema.o: src/form_json_schema.json

$(B)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJ)
	$(msg) LINK-FUZZ $@
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $(filter %.c %.o,$^) -ljson-c -lmicrohttpd -lpthread -o $@

.PHONY: fuzz-programs fuzz
fuzz-programs: $(FUZZ:%=$(B)/fuzz/%)
fuzz: fuzz-programs
	@tests/fuzz/run "$(or $(N),10000000)" $(or $(CASE),$(FUZZ))

# --- what make bench measures with ---
.PHONY: bench-readme

$(B)/bench/%.bpf.o: tests/bench/%.bpf.c
	$(msg) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(B)/tests/bench/bodies: $(B)/bench/bodies.skel.h

$(B)/bench/work: BENCH_LIBS := -libverbs
$(B)/bench/%: tests/bench/%.c
	$(msg) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $< -lbpf -lelf -lz $(BENCH_LIBS) -o $@

# --- what must be installed ---
DEPS := gcc make clang bpftool libbpf-dev libelf-dev libdw-dev libjson-c-dev libncurses-dev zlib1g-dev \
	libc6-dev linux-libc-dev libibverbs-dev liburing-dev libmicrohttpd-dev
DEPS_CHECK := libclang-rt-14-dev libcmocka-dev clang-format shellcheck cppcheck qemu-system-x86 \
	busybox-static cpio kmod xz-utils zstd rdma-core ibverbs-providers ibverbs-utils iproute2 \
	fio jq e2fsprogs xfsprogs btrfs-progs dosfstools mmdebstrap pahole file strace tmux \
	python3-jsonschema python3-yaml curl procps bindfs
DEPS_MATRIX := clang-19 prometheus bpftrace bpfcc-tools lintian systemd rdmacm-utils flex bison bc
APT := apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

deps:
	@echo "Installing what the build needs, about 300 MB:"
	$(SUDO) apt-get update -qq
	$(SUDO) env DEBIAN_FRONTEND=noninteractive $(APT) $(DEPS)

deps-check: deps
	@echo "Installing what the tests need, about 700 MB:"
	$(SUDO) env DEBIAN_FRONTEND=noninteractive $(APT) $(DEPS_CHECK)

deps-matrix: deps-check
	@echo "Installing what only check-matrix needs, about 350 MB:"
	$(SUDO) env DEBIAN_FRONTEND=noninteractive $(APT) $(DEPS_MATRIX)

# --- demo, check, bench: scripts do the work, make only names it ---
demo:
	@tests/demo

check:
	@tests/check --kernels "$(or $(K),default)" $(if $(CASE),--case "$(CASE)")

soak:
	@tests/vm/soak "$(or $(K),7.3)" "$(or $(N),30)"

soak-boots:
	@tests/vm/soak-boots "$(or $(K),6.12)" "$(or $(N),100)"

check-matrix:
	@tests/check --kernels "$(or $(K),all)" --matrix $(if $(CASE),--case "$(CASE)")

pictures:
	tests/picture
	tests/picture-top

bench: all
	@CLANG="$(CLANG)" tests/bench/run $(K)

bench-readme:
	@tests/bench/run --readme

# --- packages, in build/package ---
.PHONY: deb tarball

deb tarball:
	+@MAKE="$(MAKE)" tools/packaging/build $@ "$(VERSION)"

# --- install ---
MANS := $(wildcard tools/*.8)
MONITORING := $(wildcard tools/monitoring/*)
COMPLETIONS := $(TOOLS:$(B)/%=$(B)/completion/%) $(TOOLS:$(B)/%=$(B)/completion/_%)

$(B)/completion/_%: $(B)/% tools/completion
	@mkdir -p $(@D)
	$(Q)tools/completion zsh $< > $@
$(B)/completion/%: $(B)/% tools/completion
	@mkdir -p $(@D)
	$(Q)tools/completion bash $< > $@

install: $(TOOLS) $(COMPLETIONS)
	install -d "$(DESTDIR)$(PREFIX)/share/bash-completion/completions"
	install -d "$(DESTDIR)$(PREFIX)/share/zsh/site-functions"
	install -m 644 $(TOOLS:$(B)/%=$(B)/completion/%) \
		"$(DESTDIR)$(PREFIX)/share/bash-completion/completions"
	install -m 644 $(TOOLS:$(B)/%=$(B)/completion/_%) "$(DESTDIR)$(PREFIX)/share/zsh/site-functions"
	install -d "$(DESTDIR)$(PREFIX)/sbin" "$(DESTDIR)$(PREFIX)/share/man/man8"
	install -m 755 $(TOOLS) "$(DESTDIR)$(PREFIX)/sbin"
	install -m 644 $(MANS) "$(DESTDIR)$(PREFIX)/share/man/man8"
	install -d "$(DESTDIR)$(PREFIX)/lib/systemd/system" "$(DESTDIR)$(PREFIX)/lib/sysusers.d"
	sed 's|@SBINDIR@|$(PREFIX)/sbin|' tools/gup-pind.service.in \
		> "$(DESTDIR)$(PREFIX)/lib/systemd/system/gup-pind.service"
	install -m 644 tools/gup-pin.sysusers "$(DESTDIR)$(PREFIX)/lib/sysusers.d/gup-pin.conf"
	install -d "$(DESTDIR)$(PREFIX)/share/gup-pin/monitoring"
	install -m 644 $(MONITORING) "$(DESTDIR)$(PREFIX)/share/gup-pin/monitoring"

uninstall:
	rm -f $(TOOLS:$(B)/%="$(DESTDIR)$(PREFIX)/sbin/%")
	rm -f $(MANS:tools/%="$(DESTDIR)$(PREFIX)/share/man/man8/%")
	rm -f $(TOOLS:$(B)/%="$(DESTDIR)$(PREFIX)/share/bash-completion/completions/%")
	rm -f $(TOOLS:$(B)/%="$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_%")
	rm -f $(MONITORING:tools/%="$(DESTDIR)$(PREFIX)/share/gup-pin/%")
	rm -f "$(DESTDIR)$(PREFIX)/lib/systemd/system/gup-pind.service" \
		"$(DESTDIR)$(PREFIX)/lib/sysusers.d/gup-pin.conf"

clean:
	rm -rf $(B)

distclean: clean
	rm -rf "$${GUP_PIN_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/gup-pin}"

-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)
