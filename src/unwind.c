// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unwinding of a copied user stack by call frame information. libdw parses the
 * tables; the walk and the evaluation of its expressions are here, because
 * libdwfl's own walk falls back to frame pointers where the tables say nothing
 * (a guess that looks like a frame) and keeps its tables per process, not per
 * object. Everything read may have been written by an attacker: all loops and
 * sizes are bounded, and the stack pointer must rise with every frame.
 * Interface: include/unwind.h. Objects and their tables: src/resolve_user.c.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unwind.h"

/* DWARF's numbers of x86-64 registers, fixed by the psABI. */
enum { REG_SP = 7, REG_RA = 16, REG_CNT = 17 };

#define MAX_OPS 64   /* of one expression; compilers use at most nine */
#define MAX_DEPTH 16 /* of the expression stack */

struct cpu {
	uint64_t reg[REG_CNT]; /* REG_RA: the instruction pointer */
	bool known[REG_CNT];
};

struct walk {
	const struct proc_maps *maps;
	const uint8_t *stack;
	uint64_t stack_start, stack_len;
	struct cpu cpu;
	bool exact;	/* cpu's ip is where execution stands, not a return address */
	bool past_copy; /* a read went above the copied part of the stack */
	char *why;
	size_t why_size;
};

enum step { STEP_ON, STEP_OUTERMOST, STEP_STUCK };

static bool read_memory(struct walk *walk, uint64_t addr, void *buf, size_t len)
{
	uint64_t at = addr - walk->stack_start;

	if (at < walk->stack_len && walk->stack_len - at >= len) {
		memcpy(buf, walk->stack + at, len);
		return true;
	}
	if (proc_maps__read_constant(walk->maps, addr, buf, len))
		return true;
	/* A wild address is not a stack that was cut short: 1 GiB is more than any stack. */
	if (addr >= walk->stack_start && at < 1ULL << 30)
		walk->past_copy = true;
	return false;
}

/* The stack of a DWARF expression. */
struct values {
	uint64_t v[MAX_DEPTH];
	size_t cnt;
};

static bool push(struct values *values, uint64_t value)
{
	if (values->cnt == MAX_DEPTH)
		return false;
	values->v[values->cnt++] = value;
	return true;
}

/* Operators on the two uppermost values. */
static bool eval_binary(struct values *values, unsigned int atom)
{
	uint64_t b, *a;

	if (values->cnt < 2)
		return false;
	b = values->v[--values->cnt];
	a = &values->v[values->cnt - 1];
	switch (atom) {
	case DW_OP_plus:
		*a += b;
		break;
	case DW_OP_minus:
		*a -= b;
		break;
	case DW_OP_mul:
		*a *= b;
		break;
	case DW_OP_and:
		*a &= b;
		break;
	case DW_OP_or:
		*a |= b;
		break;
	case DW_OP_xor:
		*a ^= b;
		break;
	case DW_OP_shl:
		*a = b < 64 ? *a << b : 0;
		break;
	case DW_OP_shr:
		*a = b < 64 ? *a >> b : 0;
		break;
	case DW_OP_eq:
		*a = *a == b;
		break;
	case DW_OP_ne:
		*a = *a != b;
		break;
	case DW_OP_ge:
		*a = (int64_t)*a >= (int64_t)b;
		break;
	case DW_OP_gt:
		*a = (int64_t)*a > (int64_t)b;
		break;
	case DW_OP_le:
		*a = (int64_t)*a <= (int64_t)b;
		break;
	case DW_OP_lt:
		*a = (int64_t)*a < (int64_t)b;
		break;
	default:
		return false;
	}
	return true;
}

static bool eval_register(const struct cpu *cpu, struct values *values, uint64_t reg, uint64_t add)
{
	return reg < REG_CNT && cpu->known[reg] && push(values, cpu->reg[reg] + add);
}

/*
 * Operators without branches, calls and what only debuggers need. *location is
 * cleared when the result is the value itself.
 */
static bool eval_op(struct walk *walk, const Dwarf_Op *op, const uint64_t *cfa,
		    struct values *values, bool *location)
{
	uint64_t *top = values->cnt ? &values->v[values->cnt - 1] : NULL;

	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(values, op->atom - DW_OP_lit0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return eval_register(&walk->cpu, values, op->atom - DW_OP_breg0, op->number);
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
		*location = false;
		return eval_register(&walk->cpu, values, op->atom - DW_OP_reg0, 0);
	}
	switch (op->atom) {
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(values, op->number);
	case DW_OP_bregx:
		return eval_register(&walk->cpu, values, op->number, op->number2);
	case DW_OP_regx:
		*location = false;
		return eval_register(&walk->cpu, values, op->number, 0);
	case DW_OP_call_frame_cfa:
		return cfa && push(values, *cfa);
	case DW_OP_plus_uconst:
		if (top)
			*top += op->number;
		return top;
	case DW_OP_deref:
		return top && read_memory(walk, *top, top, sizeof(*top));
	case DW_OP_dup:
		return top && push(values, *top);
	case DW_OP_drop:
		values->cnt -= top != NULL;
		return top;
	case DW_OP_nop:
		return true;
	case DW_OP_stack_value:
		*location = false;
		return true;
	default:
		return eval_binary(values, op->atom);
	}
}

/* Evaluates one rule to an address (location kept true) or a value. */
static bool eval(struct walk *walk, const Dwarf_Op *ops, size_t op_cnt, const uint64_t *cfa,
		 uint64_t *result, bool *location)
{
	struct values values = {};
	size_t i;

	*location = true;
	if (!op_cnt || op_cnt > MAX_OPS)
		return false;
	for (i = 0; i < op_cnt; i++)
		if (!eval_op(walk, &ops[i], cfa, &values, location))
			return false;
	if (!values.cnt)
		return false;
	*result = values.v[values.cnt - 1];
	return true;
}

static enum step stuck(struct walk *walk, const char *what, const char *file)
{
	if (walk->past_copy && walk->stack_len % 1024 == 0)
		snprintf(walk->why, walk->why_size, "stack copy of %llu KiB ended",
			 (unsigned long long)walk->stack_len / 1024);
	else if (walk->past_copy)
		snprintf(walk->why, walk->why_size, "stack copy of %llu bytes ended",
			 (unsigned long long)walk->stack_len);
	else
		snprintf(walk->why, walk->why_size, "%s%s%.64s", what, file ? " " : "",
			 file ? file : "");
	return STEP_STUCK;
}

/* The caller's value of one register; false = cannot be known. */
static bool restore_register(struct walk *walk, Dwarf_Frame *frame, int reg, uint64_t cfa,
			     uint64_t *value)
{
	Dwarf_Op mem[3], *ops;
	bool location;
	size_t op_cnt;

	if (dwarf_frame_register(frame, reg, mem, &ops, &op_cnt))
		return false;
	if (!op_cnt) {
		if (ops) /* undefined */
			return false;
		*value = walk->cpu.reg[reg];
		return walk->cpu.known[reg];
	}
	if (!eval(walk, ops, op_cnt, &cfa, value, &location))
		return false;
	return !location || read_memory(walk, *value, value, sizeof(*value));
}

/* Does the frame say that there is no caller? */
static bool is_outermost(Dwarf_Frame *frame)
{
	Dwarf_Op mem[3], *ops;
	size_t op_cnt;

	return !dwarf_frame_register(frame, REG_RA, mem, &ops, &op_cnt) && !op_cnt && ops;
}

static enum step apply_frame(struct walk *walk, Dwarf_Frame *frame, const char *file)
{
	struct cpu caller = {};
	Dwarf_Op *ops;
	bool signal = false, location;
	size_t op_cnt;
	uint64_t cfa;
	int reg;

	if (dwarf_frame_info(frame, NULL, NULL, &signal) != REG_RA)
		return stuck(walk, "unusual unwind information in", file);
	if (is_outermost(frame))
		return STEP_OUTERMOST;
	walk->past_copy = false;
	if (dwarf_frame_cfa(frame, &ops, &op_cnt) ||
	    !eval(walk, ops, op_cnt, NULL, &cfa, &location))
		return stuck(walk, "unwind information not usable in", file);
	if (cfa <= walk->cpu.reg[REG_SP])
		return stuck(walk, "stack goes backwards in", file);
	for (reg = 0; reg < REG_RA; reg++)
		caller.known[reg] = restore_register(walk, frame, reg, cfa, &caller.reg[reg]);
	if (!caller.known[REG_SP]) {
		caller.reg[REG_SP] = cfa;
		caller.known[REG_SP] = true;
	}
	walk->past_copy = false;
	caller.known[REG_RA] = restore_register(walk, frame, REG_RA, cfa, &caller.reg[REG_RA]);
	if (!caller.known[REG_RA])
		return stuck(walk, "return address not readable in", file);
	if (!caller.reg[REG_RA])
		return STEP_OUTERMOST;
	if (caller.reg[REG_SP] <= walk->cpu.reg[REG_SP])
		return stuck(walk, "stack goes backwards in", file);
	if (!proc_maps__covers(walk->maps, caller.reg[REG_RA] - !signal))
		return stuck(walk, "return address outside of mapped code in", file);
	walk->cpu = caller;
	walk->exact = signal;
	return STEP_ON;
}

static enum step unwind_one(struct walk *walk)
{
	uint64_t ip = walk->cpu.reg[REG_RA] - !walk->exact;
	struct code code = proc_maps__code(walk->maps, ip);
	Dwarf_Frame *frame = NULL;
	enum step step;

	walk->past_copy = false;
	if (!code.mapped) /* the first ip: of callers, apply_frame() has made sure */
		return stuck(walk, "code that is not mapped", NULL);
	if (!code.file)
		return stuck(walk, "code without a file (generated at run time)", NULL);
	if (!code.opened)
		return stuck(walk, "cannot open", code.file);
	if (!code.cfi || dwarf_cfi_addrframe(code.cfi, code.vaddr, &frame))
		return stuck(walk, "no unwind information in", code.file);
	step = apply_frame(walk, frame, code.file);
	free(frame);
	return step;
}

static void start(struct cpu *cpu, const struct user_regs *regs)
{
	const uint64_t in_dwarf_order[REG_CNT] = {
		regs->ax,  regs->dx,  regs->cx,	 regs->bx,  regs->si,  regs->di,
		regs->bp,  regs->sp,  regs->r8,	 regs->r9,  regs->r10, regs->r11,
		regs->r12, regs->r13, regs->r14, regs->r15, regs->ip,
	};

	memcpy(cpu->reg, in_dwarf_order, sizeof(cpu->reg));
	memset(cpu->known, true, sizeof(cpu->known));
}

int unwind__user(const struct proc_maps *maps, const struct user_regs *regs, const void *stack_copy,
		 size_t len, uint64_t *ips, size_t max, const char **why_incomplete)
{
	static _Thread_local char why[128];
	struct walk walk = {
		.maps = maps,
		.stack = stack_copy,
		.stack_start = regs->sp,
		.stack_len = len,
		.exact = true,
		.why = why,
		.why_size = sizeof(why),
	};
	enum step step = STEP_ON;
	size_t cnt = 0;

	if (max > UNWIND_MAX_FRAMES)
		max = UNWIND_MAX_FRAMES;
	start(&walk.cpu, regs);
	while (step == STEP_ON && cnt < max) {
		ips[cnt++] = walk.cpu.reg[REG_RA];
		step = unwind_one(&walk);
	}
	if (step == STEP_ON)
		snprintf(why, sizeof(why), "only the innermost %zu frames", cnt);
	*why_incomplete = step == STEP_OUTERMOST ? NULL : why;
	return cnt;
}
