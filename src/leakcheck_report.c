// SPDX-License-Identifier: GPL-2.0-only
/* The end of each run of gup-leakcheck: the report, in the form that was asked for. */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "forms.h"
#include "leakcheck_impl.h"
#include "suppress.h"
#include "util.h"

int leakcheck_report(FILE *out, const struct env *env, const struct snapshot *snap,
		     const struct suppressions *suppressions, uint64_t age_ns)
{
	struct text_options opts = {
		.quiet = env->quiet,
		.verbose = env->verbose,
		.color = isatty(fileno(out)) && !getenv("NO_COLOR"),
		.top = env->top,
		.age_ns = age_ns,
	};
	int err = 0;

	errno = 0;
	switch (env->form) {
	case FORM_TEXT:
		err = form_text(out, snap, &opts);
		break;
	case FORM_JSON:
		err = form_json(out, snap);
		break;
	case FORM_FOLDED:
		err = form_folded(out, snap);
		break;
	}
	if (!err && fflush(out))
		err = -errno;
	for (size_t i = 0; suppressions; i++) {
		const char *unused = suppressions__unused(suppressions, i);

		if (!unused)
			break;
		warnx("suppress: %s", unused);
	}
	if (err)
		warnx("can't write the report: %s", strerror(errno ? errno : -err));
	return err ? EXIT_BROKEN : snap->exit_code;
}
