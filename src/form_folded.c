// SPDX-License-Identifier: GPL-2.0-only
/*
 * Folded stacks for flame graphs: comm, user frames, kernel frames, outermost
 * first, weighed by pins. ";" and line ends separate, so names must not hold
 * them; they are untrusted and made harmless here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "forms.h"

static int put_name(FILE *out, const char *name)
{
	char *safe = fmt_safe(name), *c;

	if (!safe)
		return -ENOMEM;
	for (c = safe; (c = strchr(c, ';')); c++)
		*c = ':';
	fputs(safe, out);
	free(safe);
	return 0;
}

static int put_frame(FILE *out, const struct frame *frame, bool user)
{
	int err;

	fputc(';', out);
	if (frame->function)
		return put_name(out, frame->function);
	err = put_name(out, user && frame->file ? frame->file : "[unknown]");
	if (!err && user && frame->file)
		fprintf(out, "+0x%llx", (unsigned long long)frame->offset);
	return err;
}

static int put_stack(FILE *out, const struct snapshot *snap, int at)
{
	const struct stack *stack = at < 0 ? NULL : &snap->stacks[at];
	size_t i;
	int err = 0;

	if (!stack)
		return 0;
	for (i = stack->frame_cnt; i-- > 0 && !err;)
		err = put_frame(out, &stack->frames[i], stack->user);
	return err;
}

static int put_group(FILE *out, const struct snapshot *snap, const struct group *group)
{
	const char *comm = group->owner < 0 ? NULL : snap->processes[group->owner].comm;
	int err = put_name(out, comm ? comm : "[unknown]");

	if (!err)
		err = put_stack(out, snap, group->user_stack);
	if (!err)
		err = put_stack(out, snap, group->kernel_stack);
	fprintf(out, " %llu\n", (unsigned long long)group->q.pins);
	return err;
}

int form_folded(FILE *out, const struct snapshot *snap)
{
	size_t i;
	int err = 0;

	for (i = 0; i < snap->group_cnt && !err; i++)
		if (snap->groups[i].q.pins)
			err = put_group(out, snap, &snap->groups[i]);
	return fflush(out) || ferror(out) ? -EIO : err;
}
