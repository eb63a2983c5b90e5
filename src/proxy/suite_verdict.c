#include "proxy/suite_verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define SKIP_STATUS 77

static void say_end(const struct cr_suite_ending *ending, char *text, size_t size)
{
    int status = ending->result.status;
    if (ending->why)
        snprintf(text, size, "%s", ending->why);
    else if (ending->result.exec_errno == ENOEXEC)
        snprintf(text, size, "cannot be started: not a program (no #! line?)");
    else if (ending->result.exec_errno)
        snprintf(text, size, "cannot be started: %s", strerror(ending->result.exec_errno));
    else if (!ending->heard)
        snprintf(text, size, "its guard was killed, and it with it");
    else if (WIFSIGNALED(status))
        snprintf(text, size, "ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, size, "ended with status %d", WEXITSTATUS(status));
}

static bool exited(const struct cr_suite_ending *ending)
{
    return !ending->why && ending->heard && !ending->result.exec_errno &&
           WIFEXITED(ending->result.status);
}

static bool ended_well(const struct cr_suite_ending *ending)
{
    return exited(ending) && WEXITSTATUS(ending->result.status) == 0;
}

/* The file has ended, and with it the case that was open. */
static void end_open_case(struct cr_suite_cases *cases, const struct cr_cmocka *cmocka,
                          const struct cr_suite_ending *ending, const char *end)
{
    char message[256];
    snprintf(message, sizeof(message), "%s%s", end, ending->why ? "" : " in the middle of it");
    cr_cases_result(cases, CANRING_OUTCOME_ERROR, message,
                    cmocka->details[0] ? cmocka->details : NULL);
}

/* A case of the file's own name, for what is no case's. */
static void blame_file(struct cr_suite_cases *cases, const char *message)
{
    cr_cases_lone(cases, cases->stem, cases->stem, CANRING_OUTCOME_ERROR, message, NULL);
}

/* ---- Python -------------------------------------------------------------------------------- */

static void judge_python(struct cr_suite_cases *cases, const struct cr_cmocka *cmocka,
                         struct cr_progress *progress, const struct cr_suite_ending *ending,
                         const char *end)
{
    char message[256];
    bool open = cases->open;
    if (progress->done && ended_well(ending)) {
        if (ending->failfast && cr_cases_bad(cases))
            cr_progress_give_up(progress, CANRING_OUTCOME_SKIPPED, "--failfast, a case failed");
        return;
    }
    if (open)
        end_open_case(cases, cmocka, ending, end);
    if (progress->done) {
        snprintf(message, sizeof(message), "after its last case: %s", end);
        blame_file(cases, message);
    } else if (!open || !progress->planned) {
        blame_file(cases, end);
    }
    cr_progress_give_up(progress, CANRING_OUTCOME_ERROR, end);
}

/* ---- programs ------------------------------------------------------------------------------ */

/* cmocka tells names as it comes to them: of the others there is only their number. */
static void skip_rest(struct cr_suite_cases *cases, const struct cr_cmocka *cmocka)
{
    char name[64];
    unsigned long long rest = cmocka->expected - cases->started;
    snprintf(name, sizeof(name), "%llu more %s", rest, rest == 1 ? "case" : "cases");
    cr_cases_not_run(cases, cases->stem, name, CANRING_OUTCOME_SKIPPED,
                     "not run: --failfast, a case failed");
}

static void judge_cmocka(struct cr_suite_cases *cases, const struct cr_cmocka *cmocka,
                         const struct cr_suite_ending *ending, const char *end)
{
    char message[256];
    bool bad = cr_cases_bad(cases) > 0, short_of = cases->started < cmocka->expected;
    if (ending->cut_short) {
        skip_rest(cases, cmocka);
    } else if (cases->open) {
        end_open_case(cases, cmocka, ending, end);
    } else if (cmocka->contradiction) {
        blame_file(cases, "its output ends cases that were not running: what it says is not true");
    } else if (short_of && !cmocka->fixture_failed) {
        snprintf(message, sizeof(message), "%s after %u of %llu cases", end, cases->started,
                 (unsigned long long)cmocka->expected);
        blame_file(cases, message);
    } else if (!ended_well(ending) && (!bad || ending->why || WIFSIGNALED(ending->result.status))) {
        snprintf(message, sizeof(message), "%s though no case failed", end);
        blame_file(cases, bad ? end : message);
    }
}

/* A program that is no cmocka one is one case: its exit status. */
static void judge_plain(struct cr_suite_cases *cases, const struct cr_cmocka *cmocka,
                        const struct cr_suite_ending *ending, const char *end)
{
    const char *last = cmocka->last[0] ? cmocka->last : NULL, *stem = cases->stem;
    if (ended_well(ending))
        cr_cases_lone(cases, stem, stem, CANRING_OUTCOME_PASSED, NULL, NULL);
    else if (exited(ending) && WEXITSTATUS(ending->result.status) == SKIP_STATUS)
        cr_cases_lone(cases, stem, stem, CANRING_OUTCOME_SKIPPED, last ? last : end, NULL);
    else
        cr_cases_lone(cases, stem, stem,
                      exited(ending) ? CANRING_OUTCOME_FAILED : CANRING_OUTCOME_ERROR, end, last);
}

void cr_verdict(struct cr_suite_cases *cases, const struct cr_cmocka *cmocka,
                struct cr_progress *progress, const struct cr_suite_ending *ending)
{
    char end[200];
    say_end(ending, end, sizeof(end));
    if (progress)
        judge_python(cases, cmocka, progress, ending, end);
    else if (cmocka->is_cmocka)
        judge_cmocka(cases, cmocka, ending, end);
    else
        judge_plain(cases, cmocka, ending, end);
}
