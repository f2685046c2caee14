// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lists of the JSON snapshot, one function each: processes, stacks,
 * groups, findings, balance. Builders and their manners: form_json.h; keys:
 * form_json_schema.c.
 */
#include "form_json.h"

void put_processes(struct doc *doc, json *root)
{
	json *list = put_array(doc, root, "processes"), *to;
	const struct process *process;
	size_t i;

	for (i = 0; i < doc->snap->process_cnt; i++) {
		process = &doc->snap->processes[i];
		to = push_object(doc, list);
		put_int(doc, to, "id", i + 1);
		put_int(doc, to, "pid", process->pid);
		put_time(doc, to, "started", process->started_ns);
		put_str(doc, to, "comm", process->comm);
		put_int(doc, to, "uid", process->uid);
		put_id(doc, to, "forked_from", process->forked_from);
		put_str(doc, to, "cgroup", process->cgroup);
		put(doc, to, "container", NULL);
		put_bool(doc, to, "running", !process->exited);
		put_time(doc, to, "exited", process->exited ? process->exited_ns : 0);
		put_known(doc, to, "exit_status", process->exited ? process->exit_status : -1);
		put_known(doc, to, "exit_signal",
			  process->exited && process->exit_signal ? process->exit_signal : -1);
		put_bool(doc, to, "in_command", process->in_tree);
	}
}

static void put_frames(struct doc *doc, json *to, const struct stack *stack)
{
	json *frames = put_array(doc, to, "frames"), *frame;
	size_t i;

	for (i = 0; i < stack->frame_cnt; i++) {
		frame = push_object(doc, frames);
		put_str(doc, frame, "function", stack->frames[i].function);
		if (!stack->user) {
			put_str(doc, frame, "module", stack->frames[i].module);
			continue;
		}
		put_str(doc, frame, "file", stack->frames[i].file);
		put_int(doc, frame, "offset", stack->frames[i].offset);
	}
}

void put_stacks(struct doc *doc, json *root)
{
	json *list = put_array(doc, root, "stacks"), *to;
	const struct stack *stack;
	size_t i;

	for (i = 0; i < doc->snap->stack_cnt; i++) {
		stack = &doc->snap->stacks[i];
		to = push_object(doc, list);
		put_int(doc, to, "id", i + 1);
		put_str(doc, to, "space", stack->user ? "user" : "kernel");
		put_bool(doc, to, "complete", stack->complete);
		put_str(doc, to, "why", stack->complete ? NULL : stack->why);
		put_frames(doc, to, stack);
	}
}

static void put_holders(struct doc *doc, json *to, const char *key, const struct group *group,
			bool likely)
{
	json *list = put_array(doc, to, key), *holder;
	size_t i;

	for (i = 0; i < group->held_by_cnt; i++) {
		if ((group->held_by[i].basis == BASIS_LIKELY) != likely)
			continue;
		holder = push_object(doc, list);
		put_id(doc, holder, "process", group->held_by[i].process);
		put_known(doc, holder, "fd", group->held_by[i].fd);
		put_str(doc, holder, "basis", basis_name(group->held_by[i].basis));
		if (likely)
			put_str(doc, holder, "why", group->held_by[i].why);
	}
}

static void put_mapped_by(struct doc *doc, json *to, const struct group *group)
{
	json *list;
	size_t i;

	if (!group->mapped_known) {
		put(doc, to, "mapped_by", NULL);
		return;
	}
	list = put_array(doc, to, "mapped_by");
	for (i = 0; i < group->mapped_by_cnt; i++)
		push(doc, list, need(doc, json_object_new_int64(group->mapped_by[i] + 1)));
}

static void put_through(struct doc *doc, json *to, const struct through *through)
{
	json *file;

	if (!through->known && !through->path && !through->syscall) {
		put(doc, to, "through", NULL);
		return;
	}
	file = put_object(doc, to, "through");
	put_str(doc, file, "kind", through->kind);
	put_str(doc, file, "path", through->path);
	put_known(doc, file, "fd", through->known ? through->fd : -1);
	put_str(doc, file, "syscall", through->syscall);
}

static void put_memory(struct doc *doc, json *to, const struct group *group)
{
	json *list = put_array(doc, to, "memory"), *part;
	const struct memory *memory;
	size_t i;

	for (i = 0; i < group->memory_cnt; i++) {
		memory = &group->memory[i];
		part = push_object(doc, list);
		put_str(doc, part, "kind", mem_kind_name(memory->kind));
		put_int(doc, part, "folio_bytes", memory->folio_bytes);
		put_int(doc, part, "folios", memory->folios);
		put_known(doc, part, "node", memory->node);
		put_str(doc, part, "zone", memory->zone);
		put_str(doc, part, "file", memory->file);
	}
}

static void put_flags(struct doc *doc, json *to, uint32_t flags)
{
	json *list = put_array(doc, to, "flags");
	unsigned int bit;

	for (bit = 0; pin_flag_name(bit); bit++)
		if (flags & 1u << bit)
			push(doc, list, str(doc, pin_flag_name(bit)));
}

static void put_group(struct doc *doc, json *to, const struct group *group)
{
	put_str(doc, to, "state", state_name(group->state));
	put_id(doc, to, "owner", group->owner);
	put_str(doc, to, "owner_basis", basis_name(group->owner_basis));
	put_id(doc, to, "memory_of", group->memory_of);
	put_quantity(doc, to, &group->q);
	put_time(doc, to, "oldest", group->oldest_ns);
	put_time(doc, to, "newest", group->newest_ns);
	put_str(doc, to, "api", group->api == API_UNKNOWN ? NULL : api_name(group->api));
	put_flags(doc, to, group->flags);
	put_int(doc, to, "calls", group->calls);
	put_id(doc, to, "kernel_stack", group->kernel_stack);
	put_id(doc, to, "user_stack", group->user_stack);
	put_bool(doc, to, "stack_sampled", group->stack_sampled);
	put_through(doc, to, &group->through);
	put_holders(doc, to, "held_by", group, false);
	put_bool(doc, to, "holders_complete", group->holders_complete);
	put_mapped_by(doc, to, group);
	put_int(doc, to, "mapped_folios", group->mapped_folios);
	put_holders(doc, to, "likely", group, true);
	put_memory(doc, to, group);
	put_bool(doc, to, "shares_folios", group->shares_folios);
}

void put_groups(struct doc *doc, json *root)
{
	json *list = put_array(doc, root, "groups"), *to;
	size_t i;

	for (i = 0; i < doc->snap->group_cnt; i++) {
		to = push_object(doc, list);
		put_int(doc, to, "id", i + 1);
		put_group(doc, to, &doc->snap->groups[i]);
	}
}

static void put_site(struct doc *doc, json *to, const struct site *site)
{
	bool ledger = doc->snap->checks.has_ledger;
	json *list, *entry;
	size_t i;

	put_str(doc, to, "api", site->api == API_UNKNOWN ? NULL : api_name(site->api));
	put_str(doc, to, "caller", site->caller);
	put_str(doc, to, "module", site->caller_module);
	put_id(doc, to, "kernel_stack", site->kernel_stack);
	put_int(doc, to, "calls", site->calls);
	put_int(doc, to, "short_calls", site->short_calls);
	put_int(doc, to, "failed_calls", site->failed_calls);
	list = put_array(doc, to, "errors");
	for (i = 0; i < site->err_cnt; i++) {
		entry = push_object(doc, list);
		put_int(doc, entry, "errno", site->errs[i].err);
		put_int(doc, entry, "calls", site->errs[i].calls);
	}
	put_int(doc, to, "pages_asked", site->pages_asked);
	put_int(doc, to, "pins", site->pins);
	put_known(doc, to, "released", ledger ? (int64_t)site->released : -1);
	put_known(doc, to, "left", ledger ? (int64_t)site->left : -1);
	list = put_array(doc, to, "releases");
	for (i = 0; i < site->release_cnt; i++) {
		entry = push_object(doc, list);
		put_str(doc, entry, "function", site->releases[i].function);
		put_int(doc, entry, "pins", site->releases[i].pins);
	}
	put_bool(doc, to, "in_command", site->in_tree);
}

void put_balance(struct doc *doc, json *root)
{
	json *list = put_array(doc, root, "balance");
	size_t i;

	for (i = 0; i < doc->snap->site_cnt; i++)
		put_site(doc, push_object(doc, list), &doc->snap->sites[i]);
}

void put_get_callers(struct doc *doc, json *root)
{
	json *list = put_array(doc, root, "get_callers"), *to;
	const struct get_site *site;
	size_t i;

	for (i = 0; i < doc->snap->get_site_cnt; i++) {
		site = &doc->snap->get_sites[i];
		to = push_object(doc, list);
		put_str(doc, to, "function", site->function);
		put_str(doc, to, "caller", site->caller);
		put_str(doc, to, "module", site->caller_module);
		put_int(doc, to, "calls", site->calls);
		put_int(doc, to, "pages", site->pages);
	}
}

void put_wrong_releases(struct doc *doc, json *root)
{
	json *list = put_array(doc, root, "wrong_releases"), *to;
	const struct wrong_release *wrong;
	size_t i;

	for (i = 0; i < doc->snap->wrong_cnt; i++) {
		wrong = &doc->snap->wrongs[i];
		to = push_object(doc, list);
		put_str(doc, to, "kind", wrong_kind_name(wrong->kind));
		put_int(doc, to, "pins", wrong->pins);
		put_str(doc, to, "function", wrong->function);
		put_id(doc, to, "process", wrong->process);
	}
}

static void put_finding(struct doc *doc, json *to, const struct finding *finding)
{
	json *evidence;
	size_t i;

	put_str(doc, to, "id", finding->id);
	put_str(doc, to, "rule", rule_name(finding->rule));
	put_str(doc, to, "level", level_name(finding->level));
	put_str(doc, to, "certainty", finding->certainty);
	put_id(doc, to, "group", finding->group);
	put_time(doc, to, "first_seen", finding->first_seen_ns);
	put_str(doc, to, "suppressed_by", finding->suppressed_by);
	put_str(doc, to, "title", finding->title);
	evidence = put_array(doc, to, "evidence");
	for (i = 0; i < finding->evidence_cnt; i++)
		push(doc, evidence, str(doc, finding->evidence[i]));
	put_str(doc, to, "next", finding->next);
	put_str(doc, to, "fix", finding->fix);
}

void put_findings(struct doc *doc, json *root)
{
	json *list = put_array(doc, root, "findings");
	size_t i;

	for (i = 0; i < doc->snap->finding_cnt; i++)
		put_finding(doc, push_object(doc, list), &doc->snap->findings[i]);
}
