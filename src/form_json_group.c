// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of the JSON form, second half: groups and what belongs to them,
 * single pages, stacks and processes. See form_json.h.
 */
#include <stdio.h>
#include <string.h>

#include "container.h"
#include "form_json.h"
#include "util.h"

const char *json_basis_name(unsigned int value)
{
	return basis_name(value);
}

const char *json_mem_kind_name(unsigned int value)
{
	return mem_kind_name(value);
}

const char *json_api_name(unsigned int value)
{
	return api_name(value);
}

static const char *json_state_name(unsigned int value)
{
	return state_name(value);
}

/* --- processes --- */

static const char *container_of_process(const struct json_at *w, char *buf, size_t bytes)
{
	const struct process *process = w->object;

	return container_id(process->cgroup, buf, bytes);
}

static bool has_exited(const struct json_at *w)
{
	return ((const struct process *)w->object)->exited;
}

static bool died_by_signal(const struct json_at *w)
{
	const struct process *process = w->object;

	return process->exited && process->exit_signal;
}

/* An early form had no "running". */
static void read_process(struct snapshot *snap, void *object)
{
	struct process *process = object;

	(void)snap;
	process->exited |= process->exited_ns != 0;
	if (process->exit_signal < 0)
		process->exit_signal = 0;
}

#define AT(member) .at = offsetof(struct process, member)
static const struct json_field process_fields[] = {
	{ "id", JSON_SELF, .need = true },
	{ "pid", JSON_U32, AT(pid), .need = true },
	{ "started", JSON_TIME, AT(started_ns), .need = true },
	{ "started_after_boot", JSON_BOOT, AT(start_boot_ns) },
	{ "comm", JSON_STR, AT(comm), .need = true, .no_null = true },
	{ "uid", JSON_U32, AT(uid), .need = true },
	{ "forked_from", JSON_PROCESS, AT(forked_from), .need = true },
	{ "cgroup", JSON_STR, AT(cgroup), .need = true },
	{ "cgroup_id", JSON_NONZERO, AT(cgroup_id) },
	{ "container", JSON_SAYS, .says = container_of_process },
	{ "running", JSON_NOT, AT(exited) },
	{ "exited", JSON_TIME, AT(exited_ns), .shown = has_exited, .need = true },
	{ "exit_status", JSON_KNOWN, AT(exit_status), .shown = has_exited, .need = true },
	{ "exit_signal", JSON_KNOWN, AT(exit_signal), .shown = died_by_signal, .need = true },
	{ "in_command", JSON_BOOL, AT(in_tree) },
};
#undef AT
const struct json_type json_process = {
	.fields = process_fields,
	.field_cnt = ARRAY_SIZE(process_fields),
	.bytes = sizeof(struct process),
	.read = read_process,
};

/* --- stacks --- */

static bool of_user_stack(const struct json_at *w)
{
	return ((const struct stack *)w->parent)->user;
}

static bool of_kernel_stack(const struct json_at *w)
{
	return !of_user_stack(w);
}

#define AT(member) .at = offsetof(struct frame, member)
static const struct json_field frame_fields[] = {
	{ "function", JSON_STR, AT(function), .need = true },
	{ "module", JSON_STR, AT(module), .shown = of_kernel_stack, .omit = true },
	{ "file", JSON_STR, AT(file), .shown = of_user_stack, .omit = true },
	{ "offset", JSON_COUNT, AT(offset), .shown = of_user_stack, .omit = true },
};
#undef AT
static const struct json_type json_frame = {
	.fields = frame_fields,
	.field_cnt = ARRAY_SIZE(frame_fields),
	.bytes = sizeof(struct frame),
	.flat = true,
};

static bool is_incomplete(const struct json_at *w)
{
	return !((const struct stack *)w->object)->complete;
}

static const char *space_name(unsigned int user)
{
	return user ? "user" : "kernel";
}

#define AT(member) .at = offsetof(struct stack, member)
static const struct json_field stack_fields[] = {
	{ "id", JSON_SELF, .need = true },
	{ "space", JSON_EITHER, AT(user), .need = true, .name = space_name, .name_cnt = 2 },
	{ "complete", JSON_BOOL, AT(complete), .need = true },
	{ "why", JSON_STR, AT(why), .shown = is_incomplete },
	{ "frames", JSON_LIST, AT(frames), .cnt_at = offsetof(struct stack, frame_cnt),
	  .type = &json_frame, .need = true },
};
#undef AT
const struct json_type json_stack = {
	.fields = stack_fields,
	.field_cnt = ARRAY_SIZE(stack_fields),
	.bytes = sizeof(struct stack),
};

/* --- groups --- */

#define AT(member) .at = offsetof(struct quantity, member)
static const struct json_field quantity_fields[] = {
	{ "pins", JSON_COUNT, AT(pins), .need = true },
	{ "folios", JSON_COUNT, AT(folios), .need = true },
	{ "bytes", JSON_COUNT, AT(bytes), .need = true },
};
#undef AT
const struct json_type json_quantity = {
	.fields = quantity_fields,
	.field_cnt = ARRAY_SIZE(quantity_fields),
	.flat = true,
};

#define AT(member) .at = offsetof(struct holder, member)
static const struct json_field holder_fields[] = {
	{ "process", JSON_PROCESS, AT(process), .need = true, .no_null = true },
	{ "fd", JSON_KNOWN, AT(fd), .need = true },
	{ "basis", JSON_ENUM, AT(basis), .need = true, .name = json_basis_name,
	  .name_cnt = BASIS_CNT },
	{ "why", JSON_STR, AT(why) },
};
#undef AT
static const struct json_type json_holder = {
	.fields = holder_fields,
	.field_cnt = ARRAY_SIZE(holder_fields),
	.bytes = sizeof(struct holder),
	.flat = true,
};

static bool through_known(const struct json_at *w)
{
	return ((const struct through *)w->object)->known;
}

static void read_through(struct snapshot *snap, void *object)
{
	struct through *through = object;

	(void)snap;
	through->known = through->kind != NULL;
}

#define AT(member) .at = offsetof(struct through, member)
static const struct json_field through_fields[] = {
	{ "kind", JSON_STR, AT(kind), .shown = through_known, .need = true },
	{ "path", JSON_STR, AT(path), .need = true },
	{ "fd", JSON_KNOWN, AT(fd), .shown = through_known, .need = true },
	{ "syscall", JSON_STR, AT(syscall) },
};
#undef AT
static const struct json_type json_through = {
	.fields = through_fields,
	.field_cnt = ARRAY_SIZE(through_fields),
	.flat = true,
	.read = read_through,
};

static bool covers_file(const struct json_at *w)
{
	return ((const struct memory *)w->object)->end_byte > 0;
}

#define AT(member) .at = offsetof(struct memory, member)
static const struct json_field memory_fields[] = {
	{ "kind", JSON_ENUM, AT(kind), .need = true, .name = json_mem_kind_name,
	  .name_cnt = MEM_KIND_CNT },
	{ "folio_bytes", JSON_COUNT, AT(folio_bytes), .need = true },
	{ "folios", JSON_COUNT, AT(folios), .need = true },
	{ "node", JSON_KNOWN, AT(node), .need = true },
	{ "zone", JSON_STR, AT(zone), .need = true },
	{ "cma", JSON_BOOL, AT(cma) },
	{ "dirty", JSON_COUNT, AT(dirty_folios) },
	{ "writeback", JSON_COUNT, AT(writeback_folios) },
	{ "file", JSON_STR, AT(file), .need = true },
	{ "deleted", JSON_BOOL, AT(deleted) },
	{ "dev", JSON_NONZERO, AT(dev) },
	{ "ino", JSON_NONZERO, AT(ino) },
	{ "file_bytes", JSON_NONZERO, AT(file_bytes) },
	{ "first_byte", JSON_COUNT, AT(first_byte), .shown = covers_file },
	{ "end_byte", JSON_NONZERO, AT(end_byte) },
};
#undef AT
static const struct json_type json_memory = {
	.fields = memory_fields,
	.field_cnt = ARRAY_SIZE(memory_fields),
	.bytes = sizeof(struct memory),
	.flat = true,
};

static bool has_through(const struct json_at *w)
{
	const struct through *through = &((const struct group *)w->object)->through;

	return through->known || through->path || through->syscall;
}

#define AT(member) .at = offsetof(struct group, member)
#define CNT(member) .cnt_at = offsetof(struct group, member)
static const struct json_field group_fields[] = {
	{ "id", JSON_SELF, .need = true },
	{ "state", JSON_ENUM, AT(state), .need = true, .name = json_state_name,
	  .name_cnt = STATE_CNT },
	{ "owner", JSON_PROCESS, AT(owner), .need = true },
	{ "owner_basis", JSON_ENUM, AT(owner_basis), .need = true, .name = json_basis_name,
	  .name_cnt = BASIS_CNT },
	{ "owner_key", JSON_OPAQUE, AT(owner_id) },
	{ "memory_of", JSON_PROCESS, AT(memory_of) },
	{ "pins", JSON_COUNT, AT(q.pins), .need = true },
	{ "folios", JSON_COUNT, AT(q.folios), .need = true },
	{ "bytes", JSON_COUNT, AT(q.bytes), .need = true },
	{ "oldest", JSON_TIME, AT(oldest_ns), .need = true },
	{ "newest", JSON_TIME, AT(newest_ns), .need = true },
	{ "api", JSON_ENUM, AT(api), .need = true, .name = json_api_name, .name_cnt = API_CNT,
	  .zero_is_null = true },
	{ "flags", JSON_FLAGS, AT(flags), .need = true },
	{ "calls", JSON_COUNT, AT(calls), .need = true },
	{ "kernel_stack", JSON_STACK, AT(kernel_stack), .need = true },
	{ "user_stack", JSON_STACK, AT(user_stack), .need = true },
	{ "stack_sampled", JSON_BOOL, AT(stack_sampled) },
	{ "through", JSON_OBJECT, AT(through), .need = true, .type = &json_through,
	  .shown = has_through },
	{ "file_released", JSON_BOOL, AT(file_released) },
	{ "held_by", JSON_LIST, AT(held_by), CNT(held_by_cnt), .need = true, .type = &json_holder },
	{ "holders_complete", JSON_BOOL, AT(holders_complete) },
	{ "mapped_by", JSON_PROCESSES, AT(mapped_by), CNT(mapped_by_cnt), .need = true,
	  .gate = offsetof(struct group, mapped_known) },
	{ "mapped_folios", JSON_COUNT, AT(mapped_folios) },
	{ "residue", JSON_BOOL, AT(residue) },
	{ "likely", JSON_LIST, AT(likely), CNT(likely_cnt), .need = true, .type = &json_holder },
	{ "memory", JSON_LIST, AT(memory), CNT(memory_cnt), .need = true, .type = &json_memory },
	{ "shares_folios", JSON_BOOL, AT(shares_folios) },
};
#undef AT
#undef CNT
const struct json_type json_group = {
	.fields = group_fields,
	.field_cnt = ARRAY_SIZE(group_fields),
	.bytes = sizeof(struct group),
};

/* --- pages --- */

#define AT(member) .at = offsetof(struct page_info, member)
static const struct json_field page_fields[] = {
	{ "pfn", JSON_COUNT, AT(pfn), .need = true },
	{ "folio_bytes", JSON_COUNT, AT(folio_bytes), .need = true },
	{ "pins", JSON_COUNT, AT(pins), .need = true },
	{ "certain", JSON_BOOL, AT(certain), .need = true },
	{ "refcount", JSON_I32, AT(refcount), .need = true },
	{ "mapcount", JSON_I32, AT(mapcount), .need = true },
	{ "kind", JSON_ENUM, AT(kind), .need = true, .name = json_mem_kind_name,
	  .name_cnt = MEM_KIND_CNT },
	{ "node", JSON_KNOWN, AT(node), .need = true },
	{ "zone", JSON_STR, AT(zone), .need = true },
	{ "group", JSON_GROUP, AT(group), .need = true },
	{ "why", JSON_STR, AT(why) },
	{ "file", JSON_STR, AT(file) },
	{ "offset", JSON_COUNT, AT(offset) },
	{ "mapped_by", JSON_PROCESSES, AT(mapped_by),
	  .cnt_at = offsetof(struct page_info, mapped_by_cnt), .need = true },
};
#undef AT
const struct json_type json_page = {
	.fields = page_fields,
	.field_cnt = ARRAY_SIZE(page_fields),
	.bytes = sizeof(struct page_info),
	.flat = true,
};
