// SPDX-License-Identifier: GPL-2.0-only
/* What the text report has of busy page frames: who held them when gup-pind looked. */
#include "fmt.h"
#include "form_text.h"

static void put_holder(struct text *text, const struct busy_holder *holder)
{
	char who[128] = "by nobody known";

	if (holder->pid)
		snprintf(who, sizeof(who), "%sby %.40s (pid %u)",
			 holder->basis == BASIS_LIKELY ? "likely " : "",
			 holder->comm ? holder->comm : "?", holder->pid);
	text__wrap(text, "      ", 6, "%s %s, %s, %s%s%s; first at %llx",
		   fmt_count(holder->q.pins).s, fmt_plural(holder->q.pins, "pin").s,
		   fmt_bytes(holder->q.bytes).s, who, holder->api ? ", " : "",
		   holder->api ? api_name(holder->api) : "", (unsigned long long)holder->first_pfn);
}

void text_busy(struct text *text)
{
	const struct snapshot *snap = text->snap;

	if (snap->busy_cnt)
		text__section(text, "Busy page frames, as gup-pind saw them");
	for (size_t i = 0; i < snap->busy_cnt; i++) {
		const struct busy_range *range = &snap->busy[i];
		char times[160] = "";

		if (range->times > 1)
			snprintf(times, sizeof(times), ", %s times until %s",
				 fmt_count(range->times).s, fmt_local(range->last_ns).s);
		text__wrap(text, "   ", 3, "[%llx, %llx) %s%s (%s)",
			   (unsigned long long)range->start_pfn, (unsigned long long)range->end_pfn,
			   fmt_local(range->first_ns).s, times, range->by ? range->by : "?");
		for (size_t j = 0; j < range->holder_cnt; j++)
			put_holder(text, &range->holders[j]);
		if (!range->holder_cnt)
			text__wrap(text, "      ", 6, "nothing was pinned there when it looked");
	}
}
