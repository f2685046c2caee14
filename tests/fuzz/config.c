// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: the reader of gup-pind's configuration file. */
#include <stdlib.h>
#include <string.h>

#include "pind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct pind_config config;
	FILE *in = bytes ? fmemopen((void *)data, bytes, "r") : NULL;
	size_t cnt;
	const struct pind_setting *settings = pind_settings(&cnt);

	if (!in)
		return 0;
	pind_config__default(&config);
	pind_config__read(&config, in, "fuzz");
	fclose(in);
	/* Whatever was read, what is set is in its bounds. */
	for (size_t i = 0; i < cnt; i++) {
		const char *at = (const char *)&config + settings[i].at;

		if (settings[i].kind == PIND_TEXT && !memchr(at, '\0', settings[i].most))
			abort();
		if ((settings[i].kind == PIND_NUMBER || settings[i].kind == PIND_TIME ||
		     settings[i].kind == PIND_SHARE) &&
		    (*(const uint64_t *)at < settings[i].least ||
		     *(const uint64_t *)at > settings[i].most))
			abort();
	}
	return 0;
}
