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
	-Ivmlinux -Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu -MMD -MP
LIBS := -lbpf -ldw -lelf -lz -ljson-c

# Sources that know BPF; all others build, and are tested, without it.
BPF_SRC := kernel kernel_reader tracker tracker_maps selftest holders
LIB_SRC := $(filter-out gup-pind,$(patsubst src/%.c,%,$(wildcard src/*.c)))
PLAIN_SRC := $(filter-out $(BPF_SRC) snapshot snapshot_groups snapshot_sites notes leakcheck probe,$(LIB_SRC))
SKELS := $(patsubst bpf/%.bpf.c,$(B)/%.skel.h,$(wildcard bpf/*.bpf.c))
TOOLS := $(patsubst tools/%.c,$(B)/%,$(wildcard tools/gup-*.c))
WORKLOAD_SRC := $(wildcard tests/workloads/*.c)
WORKLOADS := $(patsubst tests/workloads/%.c,$(B)/tests/%,$(filter-out %/pinlib.c %/pins_sites.c,$(WORKLOAD_SRC)))
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

.PHONY: all
all: $(TOOLS) $(WORKLOADS)	## build the programs (default)

$(B)/%.bpf.o: bpf/%.bpf.c
	$(msg) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(msg) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(B)/obj/%.o: src/%.c | $(SKELS)
	$(msg) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(B)/obj/tools/%.o: tools/%.c | $(SKELS)
	$(msg) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(B)/libgup.a: $(LIB_SRC:%=$(B)/obj/%.o)
	$(msg) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/gup-%: $(B)/obj/tools/gup-%.o $(B)/libgup.a
	$(msg) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

# Pinning programs. rdma needs libibverbs, the others nothing.
PINLIB := $(B)/obj/tests/pinlib.o
$(B)/obj/tests/%.o: tests/workloads/%.c
	$(msg) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/kmod -c $< -o $@

$(B)/tests/pins: $(B)/obj/tests/pins_sites.o
$(B)/tests/rdma: WORKLOAD_LIBS := -libverbs
$(B)/tests/%: $(B)/obj/tests/%.o $(PINLIB)
	$(msg) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(WORKLOAD_LIBS) -lpthread -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)
