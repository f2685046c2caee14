// SPDX-License-Identifier: GPL-2.0-only
/* The accounts as a table of at most 80 columns, and as JSON. Interface: include/pin_limits.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "form_json_out.h"
#include "pin_limits.h"
#include "util.h"

#define SCHEMA "gup-pin/limits/1"

/* comm in 15 columns, whatever it holds. */
static void put_comm(FILE *out, const char *comm)
{
	cleanup_free char *safe = fmt_safe(comm);
	unsigned int columns = 0;
	const char *at = safe ? safe : "?";
	uint32_t code;
	size_t len;

	while (*at && (len = utf8_decode(at, &code)) && columns + fmt_columns(code) <= 15) {
		columns += fmt_columns(code);
		fwrite(at, 1, len, out);
		at += len;
	}
	fprintf(out, "%*s", (int)(15 - columns), "");
}

static void put_bytes(FILE *out, uint64_t bytes, bool known)
{
	if (known)
		fprintf(out, " %9s",
			bytes == UINT64_MAX ? "unlimited"
			: bytes		    ? fmt_bytes(bytes).s
					    : "-");
	else
		fputs("         ?", out);
}

static void put_procs(FILE *out, const struct limits *limits)
{
	fprintf(out, "Processes\n%7s %-15s %5s %9s %9s %9s %9s %9s\n", "PID", "COMMAND", "UID",
		"PINNED", "FILES", "VMPIN", "VMLCK", "MEMLOCK");
	for (size_t i = 0; i < limits->proc_cnt; i++) {
		const struct limits_proc *proc = &limits->procs[i];

		fprintf(out, "%7u ", proc->pid);
		put_comm(out, proc->comm);
		fprintf(out, " %5u", proc->uid);
		put_bytes(out, proc->pinned_bytes, !limits->scan_err);
		put_bytes(out, proc->file_bytes, true);
		put_bytes(out, proc->vm_pin_bytes, true);
		put_bytes(out, proc->vm_lck_bytes, true);
		put_bytes(out, proc->memlock_bytes, true);
		fputc('\n', out);
	}
	if (!limits->proc_cnt)
		fputs("    none pins or locks anything that we can see\n", out);
	if (limits->scan_err)
		fprintf(out, "    PINNED needs the scan: %s\n", strerror(-limits->scan_err));
	if (limits->denied)
		fprintf(out, "    not allowed to look at %u more\n", limits->denied);
	else if (!limits->complete)
		fputs("    not everything could be looked at\n", out);
}

static void put_users(FILE *out, const struct limits *limits)
{
	fputs("\nUsers\n       UID LOCKED_VM  PROCESSES\n", out);
	for (size_t i = 0; i < limits->user_cnt; i++) {
		fprintf(out, "%10u", limits->users[i].uid);
		put_bytes(out, limits->users[i].locked_bytes, true);
		fprintf(out, " %10u\n", limits->users[i].proc_cnt);
	}
	if (limits->users_err)
		fprintf(out, "    unknown, the kernel shows it in no file: %s\n",
			strerror(-limits->users_err));
	else if (!limits->user_cnt)
		fputs("    nothing is charged to any user that has a process\n", out);
}

int form_limits(FILE *out, const struct limits *limits)
{
	size_t cnt;
	const struct limits_charge *charges = limits__charges(&cnt);

	put_procs(out, limits);
	put_users(out, limits);
	fputs("\nWhat is charged where\n", out);
	for (size_t i = 0; i < cnt; i++)
		fprintf(out, "    %-16s %-11s %s\n%33s%s\n", charges[i].subsystem,
			charges[i].account, charges[i].limit, "", charges[i].beware);
	return ferror(out) ? -EIO : 0;
}

static void key_bytes(struct json_out *out, const char *key, uint64_t bytes, bool known)
{
	json_out__key(out, key);
	if (known && bytes != UINT64_MAX)
		json_out__uint(out, bytes);
	else
		json_out__raw(out, "null");
}

static void json_procs(struct json_out *out, const struct limits *limits)
{
	json_out__key(out, "processes");
	json_out__open(out, '[', false);
	for (size_t i = 0; i < limits->proc_cnt; i++) {
		const struct limits_proc *proc = &limits->procs[i];

		json_out__next(out);
		json_out__open(out, '{', true);
		key_bytes(out, "pid", proc->pid, true);
		json_out__key(out, "comm");
		json_out__string(out, proc->comm);
		key_bytes(out, "uid", proc->uid, true);
		key_bytes(out, "pinned_bytes", proc->pinned_bytes, !limits->scan_err);
		key_bytes(out, "file_bytes", proc->file_bytes, true);
		key_bytes(out, "vm_pin_bytes", proc->vm_pin_bytes, true);
		key_bytes(out, "vm_lck_bytes", proc->vm_lck_bytes, true);
		key_bytes(out, "memlock_bytes", proc->memlock_bytes, true);
		json_out__close(out, '}');
	}
	json_out__close(out, ']');
}

static void json_users(struct json_out *out, const struct limits *limits)
{
	json_out__key(out, "users");
	if (limits->users_err) {
		json_out__raw(out, "null");
		return;
	}
	json_out__open(out, '[', false);
	for (size_t i = 0; i < limits->user_cnt; i++) {
		json_out__next(out);
		json_out__open(out, '{', true);
		key_bytes(out, "uid", limits->users[i].uid, true);
		key_bytes(out, "locked_bytes", limits->users[i].locked_bytes, true);
		key_bytes(out, "processes", limits->users[i].proc_cnt, true);
		json_out__close(out, '}');
	}
	json_out__close(out, ']');
}

static void json_charges(struct json_out *out)
{
	size_t cnt;
	const struct limits_charge *charges = limits__charges(&cnt);

	json_out__key(out, "charges");
	json_out__open(out, '[', false);
	for (size_t i = 0; i < cnt; i++) {
		json_out__next(out);
		json_out__open(out, '{', true);
		json_out__key(out, "subsystem");
		json_out__string(out, charges[i].subsystem);
		json_out__key(out, "account");
		json_out__string(out, charges[i].account);
		json_out__key(out, "limit");
		json_out__string(out, charges[i].limit);
		json_out__key(out, "beware");
		json_out__string(out, charges[i].beware);
		json_out__close(out, '}');
	}
	json_out__close(out, ']');
}

int form_limits_json(FILE *file, const struct limits *limits)
{
	struct json_out out = { .file = file };

	json_out__open(&out, '{', false);
	json_out__key(&out, "schema");
	json_out__string(&out, SCHEMA);
	key_bytes(&out, "denied", limits->denied, true);
	json_out__key(&out, "complete");
	json_out__raw(&out, limits->complete ? "true" : "false");
	json_procs(&out, limits);
	json_users(&out, limits);
	json_charges(&out);
	json_out__close(&out, '}');
	fputc('\n', file);
	return ferror(file) ? -EIO : 0;
}
