/* What canring_runner.py says about its cases: one JSON object a line, on a socket of its own.
 *
 * The runner of a Python file feeds it. {"event": "plan", "cases": [[class, name], …], "tags":
 * [name, …]}, once or in parts, then for each case {"event": "start", "class", "name"} and
 * {"event": "end", "outcome", "message", "details"}; {"event": "lone", …} for what has no start;
 * {"event": "done"}; in between {"event": "step", "passed" or "note": true, "table", "message",
 * "expression", "expected", "found", "at": seconds}. The runner waits for one byte after each
 * start, end and lone. It trusts none of it: a malformed or endless line is an error, never a crash
 * or unbounded memory.
 */
#ifndef CANRING_SUITE_PROGRESS_H
#define CANRING_SUITE_PROGRESS_H

#include <jansson.h>

#include "proxy/suite_cases.h"

#define CR_PROGRESS_LINE_MAX (4u << 20)
#define CR_PROGRESS_PLAN_MAX (128u << 20) /* of all its parts */

/* Zero-initialise but `cases`. */
struct cr_progress {
    struct cr_suite_cases *cases;
    char *line;
    size_t used, space;
    size_t plan_bytes;
    json_t *left; /* of the plan: object whose keys are "class\nname", values how many */
    json_t *tags; /* array of names */
    bool planned, done;
};

/* 1 a case began or ended, 0 none did, -EPROTO this is no progress, -ENOMEM. */
int cr_progress_feed(struct cr_progress *reader, const char *text, size_t size);

/* Every planned case that did not begin was not run, and has that outcome. */
void cr_progress_give_up(struct cr_progress *reader, enum canring_outcome outcome, const char *why);

void cr_progress_free(struct cr_progress *reader);

#endif
