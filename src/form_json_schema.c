// SPDX-License-Identifier: GPL-2.0-only
/*
 * The schema of the JSON snapshot (JSON Schema 2020-12), printed by --schema.
 *
 * Written as JSON and made a string by the preprocessor, so that it needs no
 * quoting: only // comments, #, and unbalanced parentheses are impossible in
 * it. Every key that form_json.c writes must be here; a unit test looks.
 */
#include "forms.h"

#define JSON(...) #__VA_ARGS__

/* clang-format off */
static const char schema[] = JSON({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "gup-pin/snapshot/1",
  "title": "gup-pin snapshot",
  "description": "Who pins which pages of memory. null = unknown, ids count from 1.",
  "type": "object",
  "required": [
    "schema", "tool", "taken", "scan_ms", "host", "command", "verdict", "totals", "checks",
    "processes", "stacks", "groups", "findings", "balance", "get_callers", "wrong_releases",
    "unused_suppressions"
  ],
  "properties": {
    "schema": { "enum": ["gup-pin/snapshot/1"] },
    "tool": {
      "type": "object",
      "required": ["name", "version"],
      "properties": {
        "name": { "type": ["string", "null"] },
        "version": { "type": ["string", "null"] }
      }
    },
    "taken": { "$ref": "#/$defs/time" },
    "scan_ms": { "$ref": "#/$defs/known", "description": "null: struct pages were not scanned" },
    "host": {
      "type": "object",
      "required": ["name", "kernel", "arch", "boot_id", "page_size", "ram_bytes"],
      "properties": {
        "name": { "type": ["string", "null"] },
        "kernel": { "type": ["string", "null"] },
        "arch": { "type": ["string", "null"] },
        "boot_id": { "type": ["string", "null"] },
        "page_size": { "$ref": "#/$defs/count" },
        "ram_bytes": { "$ref": "#/$defs/count" }
      }
    },
    "command": {
      "description": "what was run by gup-leakcheck -- CMD; null: nothing",
      "type": ["object", "null"],
      "required": [
        "text", "exit_status", "exit_signal", "ran_ms", "grace_ms", "pins_taken", "by_servers"
      ],
      "properties": {
        "text": { "type": "string" },
        "exit_status": { "$ref": "#/$defs/known" },
        "exit_signal": { "$ref": "#/$defs/known" },
        "ran_ms": { "$ref": "#/$defs/count" },
        "grace_ms": { "$ref": "#/$defs/count",
          "description": "from its end to the look at what is left" },
        "pins_taken": { "$ref": "#/$defs/known", "description": "by it and its descendants" },
        "by_servers": { "$ref": "#/$defs/quantity",
          "description": "done for it by servers that existed before" }
      }
    },
    "verdict": {
      "type": "object",
      "required": ["level", "findings", "notes", "leaks", "suppressed", "exit"],
      "properties": {
        "level": { "enum": ["ok", "note", "warning", "error"] },
        "findings": { "$ref": "#/$defs/count",
          "description": "warnings and errors that are not suppressed" },
        "notes": { "$ref": "#/$defs/count" },
        "leaks": { "$ref": "#/$defs/count", "description": "findings of the rule leaked" },
        "suppressed": { "$ref": "#/$defs/count" },
        "exit": { "enum": [0, 1], "description": "exit status of gup-leakcheck" }
      }
    },
    "totals": {
      "description": "each folio counted once, also where groups overlap",
      "type": "object",
      "required": ["pinned", "attributed", "unattributed", "maybe_pinned"],
      "properties": {
        "pinned": { "$ref": "#/$defs/quantity" },
        "attributed": { "$ref": "#/$defs/quantity" },
        "unattributed": { "$ref": "#/$defs/quantity" },
        "maybe_pinned": {
          "type": "object",
          "required": ["folios", "bytes"],
          "properties": {
            "folios": { "$ref": "#/$defs/count" },
            "bytes": { "$ref": "#/$defs/count" }
          }
        }
      }
    },
    "checks": { "$ref": "#/$defs/checks" },
    "processes": { "type": "array", "items": { "$ref": "#/$defs/process" } },
    "stacks": { "type": "array", "items": { "$ref": "#/$defs/stack" } },
    "groups": { "type": "array", "items": { "$ref": "#/$defs/group" },
      "description": "largest first" },
    "findings": { "type": "array", "items": { "$ref": "#/$defs/finding" } },
    "balance": { "type": "array", "items": { "$ref": "#/$defs/site" },
      "description": "per pin site, since tracking began" },
    "get_callers": {
      "description": "callers of get_user_pages*: references that cannot be paired",
      "type": "array",
      "items": {
        "type": "object",
        "required": ["function", "caller", "module", "calls", "pages"],
        "properties": {
          "function": { "type": ["string", "null"] },
          "caller": { "type": ["string", "null"] },
          "module": { "type": ["string", "null"] },
          "calls": { "$ref": "#/$defs/count" },
          "pages": { "$ref": "#/$defs/count" }
        }
      }
    },
    "wrong_releases": {
      "type": "array",
      "items": {
        "type": "object",
        "required": ["kind", "pins", "function", "process"],
        "properties": {
          "kind": { "enum": ["unpin_not_pinned", "put_page", "freed_pinned"] },
          "pins": { "$ref": "#/$defs/count" },
          "function": { "type": [
            "string", "null"
          ], "description": "release function and its caller" },
          "process": { "$ref": "#/$defs/id", "description": "owner of the pins" }
        }
      }
    },
    "unused_suppressions": { "type": "array", "items": { "type": "string" },
      "description": "lines that covered no finding" }
  },
  "$defs": {
    "count": { "type": "integer", "minimum": 0 },
    "known": { "type": ["integer", "null"], "minimum": 0 },
    "id": { "type": ["integer", "null"], "minimum": 1 },
    "time": { "type": ["string", "null"], "format": "date-time" },
    "basis": { "enum": ["unknown", "recorded", "inferred", "same_open_file", "likely"] },
    "quantity": {
      "type": "object",
      "required": ["pins", "folios", "bytes"],
      "properties": {
        "pins": { "$ref": "#/$defs/count", "description": "in the unit of NR_FOLL_PIN_ACQUIRED" },
        "folios": { "$ref": "#/$defs/count" },
        "bytes": { "$ref": "#/$defs/count",
          "description": "size of these folios, each counted once" }
      }
    },
    "checks": {
      "type": "object",
      "required": [
        "source", "tracking_since", "plan", "ledger", "hooks", "self_test", "struct_pages",
        "vmstat", "lost", "cost"
      ],
      "properties": {
        "source": { "type": ["string", "null"] },
        "tracking_since": { "$ref": "#/$defs/time" },
        "plan": { "enum": ["core", "call", null] },
        "ledger": { "type": "boolean", "description": "false: flows and totals of owners only" },
        "hooks": {
          "type": "object",
          "required": ["attached", "wanted", "missing"],
          "properties": {
            "attached": { "$ref": "#/$defs/count" },
            "wanted": { "$ref": "#/$defs/count" },
            "missing": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["function", "why", "harmless"],
                "properties": {
                  "function": { "type": ["string", "null"] },
                  "why": { "type": ["string", "null"] },
                  "harmless": { "type": "boolean",
                    "description": "only names are missing, the books stay whole" }
                }
              }
            }
          }
        },
        "self_test": { "type": ["string", "null"] },
        "struct_pages": { "$ref": "#/$defs/known" },
        "vmstat": {
          "description": "/proc/vmstat since tracking began; null: not read",
          "type": ["object", "null"],
          "required": [
            "acquired", "released", "outstanding", "above_scan", "acquired_seen", "released_seen",
            "folio_add_pins", "agrees"
          ],
          "properties": {
            "acquired": { "$ref": "#/$defs/count" },
            "before_tracking": { "$ref": "#/$defs/count",
              "description": "pins held since before tracking began; nobody knows by whom" },
            "released": { "$ref": "#/$defs/count" },
            "outstanding": { "$ref": "#/$defs/count" },
            "above_scan": { "$ref": "#/$defs/known" },
            "acquired_seen": { "$ref": "#/$defs/count", "description": "by the hooks" },
            "released_seen": { "$ref": "#/$defs/count" },
            "folio_add_pins": { "$ref": "#/$defs/count",
              "description": "pins that vmstat never counts as acquired" },
            "agrees": { "type": "boolean" }
          }
        },
        "lost": {
          "type": "object",
          "required": [
            "recursion_misses", "repaired", "map_full", "owners_full", "stacks", "stale_dropped",
            "unmatched_releases", "api_unknown", "in_motion"
          ],
          "properties": {
            "recursion_misses": { "$ref": "#/$defs/count" },
            "repaired": { "$ref": "#/$defs/count",
              "description": "misses put right by reading struct page again" },
            "map_full": { "$ref": "#/$defs/count" },
            "owners_full": { "$ref": "#/$defs/count" },
            "stacks": { "$ref": "#/$defs/count" },
            "stale_dropped": { "$ref": "#/$defs/count" },
            "unmatched_releases": { "$ref": "#/$defs/count",
              "description": "of folios pinned before tracking" },
            "api_unknown": { "$ref": "#/$defs/count" },
            "in_motion": { "$ref": "#/$defs/count" }
          }
        },
        "cost": {
          "type": "object",
          "required": ["cpu_percent", "bpf_bytes"],
          "properties": {
            "cpu_percent": { "type": ["number", "null"], "minimum": 0 },
            "bpf_bytes": { "$ref": "#/$defs/known" }
          }
        }
      }
    },
    "process": {
      "type": "object",
      "required": [
        "id", "pid", "started", "comm", "uid", "forked_from", "cgroup", "container", "running",
        "exited", "exit_status", "exit_signal", "in_command"
      ],
      "properties": {
        "id": { "$ref": "#/$defs/id" },
        "pid": { "$ref": "#/$defs/count" },
        "started": { "$ref": "#/$defs/time" },
        "comm": { "type": ["string", "null"] },
        "uid": { "$ref": "#/$defs/count" },
        "forked_from": { "$ref": "#/$defs/id", "description": "id of a process" },
        "cgroup": { "type": ["string", "null"] },
        "container": { "type": ["string", "null"] },
        "running": { "type": "boolean" },
        "exited": { "$ref": "#/$defs/time", "description": "null: running, or when is unknown" },
        "exit_status": { "$ref": "#/$defs/known" },
        "exit_signal": { "$ref": "#/$defs/known" },
        "in_command": { "type": "boolean", "description": "the command or a descendant of it" }
      }
    },
    "stack": {
      "type": "object",
      "required": ["id", "space", "complete", "why", "frames"],
      "properties": {
        "id": { "$ref": "#/$defs/id" },
        "space": { "enum": ["kernel", "user"] },
        "complete": { "type": "boolean" },
        "why": { "type": ["string", "null"], "description": "why it is incomplete" },
        "frames": {
          "description": "innermost first",
          "type": "array",
          "items": {
            "type": "object",
            "required": ["function"],
            "properties": {
              "function": { "type": ["string", "null"] },
              "module": { "type": ["string", "null"] },
              "file": { "type": ["string", "null"] },
              "offset": { "$ref": "#/$defs/count" }
            }
          }
        }
      }
    },
    "holder": {
      "type": "object",
      "required": ["process", "fd", "basis"],
      "properties": {
        "process": { "$ref": "#/$defs/id" },
        "fd": { "$ref": "#/$defs/known" },
        "basis": { "$ref": "#/$defs/basis" },
        "why": { "type": ["string", "null"], "description": "the evidence, where it is only that" }
      }
    },
    "group": {
      "type": "object",
      "required": [
        "id", "state", "owner", "owner_basis", "memory_of", "pins", "folios", "bytes", "oldest",
        "newest", "api", "flags", "calls", "kernel_stack", "user_stack", "stack_sampled", "through",
        "held_by", "holders_complete", "mapped_by", "mapped_folios", "likely", "memory",
        "shares_folios"
      ],
      "properties": {
        "id": { "$ref": "#/$defs/id" },
        "state": { "enum": [
          "held", "in-flight", "releasing", "short-held", "leaked", "orphaned", "handed-over",
          "unknown-holder", "left-behind", "unattributed"
        ] },
        "owner": { "$ref": "#/$defs/id", "description": "process that pinned" },
        "owner_basis": { "$ref": "#/$defs/basis" },
        "memory_of": { "$ref": "#/$defs/id",
          "description": "process whose memory it is, where not the owner's" },
        "pins": { "$ref": "#/$defs/count" },
        "folios": { "$ref": "#/$defs/count" },
        "bytes": { "$ref": "#/$defs/count" },
        "oldest": { "$ref": "#/$defs/time" },
        "newest": { "$ref": "#/$defs/time" },
        "api": { "type": ["string", "null"] },
        "flags": { "type": "array", "items": { "enum": [
          "WRITE", "LONGTERM", "FORCE", "NOFAULT", "REMOTE", "PCI_P2PDMA"
        ] } },
        "calls": { "$ref": "#/$defs/count" },
        "kernel_stack": { "$ref": "#/$defs/id" },
        "user_stack": { "$ref": "#/$defs/id" },
        "stack_sampled": { "type": "boolean",
          "description": "the user stack is that of one call of several" },
        "through": {
          "description": "the open file that the pins came through",
          "type": ["object", "null"],
          "required": ["kind", "path", "fd", "syscall"],
          "properties": {
            "kind": { "type": ["string", "null"] },
            "path": { "type": ["string", "null"] },
            "fd": { "$ref": "#/$defs/known",
              "description": "in the owner, at the time of the pin" },
            "syscall": { "type": ["string", "null"] }
          }
        },
        "held_by": { "type": "array", "items": { "$ref": "#/$defs/holder" } },
        "holders_complete": { "type": "boolean",
          "description": "false: not all open files were read" },
        "mapped_by": { "type": [
          "array", "null"
        ], "items": { "$ref": "#/$defs/id" }, "description": "null: nobody looked" },
        "mapped_folios": { "$ref": "#/$defs/count" },
        "likely": { "type": "array", "items": { "$ref": "#/$defs/holder" } },
        "memory": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["kind", "folio_bytes", "folios", "node", "zone", "file"],
            "properties": {
              "kind": { "enum": [
                "unknown", "anon", "thp", "ksm", "shmem", "hugetlb", "file", "fsdax", "device",
                "kernel"
              ] },
              "folio_bytes": { "$ref": "#/$defs/count" },
              "folios": { "$ref": "#/$defs/count" },
              "node": { "$ref": "#/$defs/known" },
              "zone": { "type": ["string", "null"] },
              "file": { "type": ["string", "null"] }
            }
          }
        },
        "shares_folios": { "type": "boolean",
          "description": "some of its folios are in another group, too" }
      }
    },
    "finding": {
      "type": "object",
      "required": [
        "id", "rule", "level", "certainty", "group", "first_seen", "suppressed_by", "title",
        "evidence", "next", "fix"
      ],
      "properties": {
        "id": { "type": "string", "description": "the same in the next report" },
        "rule": { "enum": [
          "leaked", "orphaned", "handed-over", "unknown-holder", "left-behind", "short-held",
          "longterm-forbidden", "wrong-release", "degraded"
        ] },
        "level": { "enum": ["note", "warning", "error"] },
        "certainty": { "enum": ["exact", "inferred", "suspect"] },
        "group": { "$ref": "#/$defs/id" },
        "first_seen": { "$ref": "#/$defs/time" },
        "suppressed_by": { "type": ["string", "null"] },
        "title": { "type": "string" },
        "evidence": { "type": "array", "items": { "type": "string" } },
        "next": { "type": ["string", "null"] },
        "fix": { "type": ["string", "null"] }
      }
    },
    "site": {
      "type": "object",
      "required": [
        "api", "caller", "module", "kernel_stack", "calls", "short_calls", "failed_calls", "errors",
        "pages_asked", "pins", "released", "left", "releases", "in_command"
      ],
      "properties": {
        "api": { "type": ["string", "null"] },
        "caller": { "type": ["string", "null"] },
        "module": { "type": ["string", "null"] },
        "kernel_stack": { "$ref": "#/$defs/id" },
        "calls": { "$ref": "#/$defs/count" },
        "short_calls": { "$ref": "#/$defs/count",
          "description": "returned fewer pages than asked for" },
        "failed_calls": { "$ref": "#/$defs/count" },
        "errors": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["errno", "calls"],
            "properties": {
              "errno": { "$ref": "#/$defs/count" },
              "calls": { "$ref": "#/$defs/count" }
            }
          }
        },
        "pages_asked": { "$ref": "#/$defs/count" },
        "pins": { "$ref": "#/$defs/count" },
        "released": { "type": ["integer", "null"], "minimum": 0 },
        "left": { "type": ["integer", "null"], "minimum": 0 },
        "releases": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["function", "pins"],
            "properties": {
              "function": { "type": ["string", "null"] },
              "pins": { "$ref": "#/$defs/count" }
            }
          }
        },
        "in_command": { "type": "boolean", "description": "some of it was done by the command" }
      }
    }
  }
});
/* clang-format on */

const char *schema_text(void)
{
	return schema;
}
