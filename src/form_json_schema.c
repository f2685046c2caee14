// SPDX-License-Identifier: GPL-2.0-only
/*
 * The schema of the JSON snapshot (JSON Schema 2020-12), printed by --schema:
 * form_json_schema.json as it is, so that editors and validators know it. Every
 * key of the table (form_json.h) must be in it; a unit test looks.
 */
#include "forms.h"

/* The assembler looks from where make runs, the top of the tree. */
__asm__(".section .rodata\n"
	"gup_schema:\n"
	"	.incbin \"src/form_json_schema.json\"\n"
	"	.byte 0\n"
	".previous\n");

extern const char gup_schema[];

const char *schema_text(void)
{
	return gup_schema;
}
