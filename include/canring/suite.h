/* Test suites: find the files of a configuration, run each as a process, say what became of every
 * case.
 *
 * For `canring test`, and for rigs with a coordinator of their own. One thread at a time. What a
 * test file does (hang, crash, flood its output, leave processes behind) harms that file alone. The
 * suites start no proxy and no auxiliary: whoever calls does, around them.
 */
#ifndef CANRING_SUITE_H
#define CANRING_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <canring/config.h>
#include <canring/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CANRING_SUITE_TIMEOUT_MS 60000u /* default, for one case */

enum canring_outcome {
    CANRING_OUTCOME_PASSED,
    CANRING_OUTCOME_FAILED,  /* an assertion did not hold */
    CANRING_OUTCOME_ERROR,   /* it could not be judged: exception, crash, timeout, not loadable */
    CANRING_OUTCOME_SKIPPED, /* the message says why */
};

enum canring_suite_event_kind {
    CANRING_SUITE_FILE,     /* a test file begins */
    CANRING_SUITE_CASE,     /* a case begins */
    CANRING_SUITE_OUTPUT,   /* it, or the file outside of cases, has written something */
    CANRING_SUITE_RESULT,   /* a case has ended; also for cases that never began */
    CANRING_SUITE_FILE_END, /* `message`: what was odd though no case's fault, or NULL */
    CANRING_SUITE_STEP,     /* the case that runs has asserted something; see `steps` */
};

/* Of a step any text may be NULL. */
struct canring_suite_step {
    bool note;              /* no assertion: `message` names what `found` is */
    bool passed;            /* of an assertion */
    const char *table;      /* steps of one table belong together */
    const char *message;    /* what the test says of it */
    const char *expression; /* what was looked at, as the test's source has it */
    const char *expected, *found;
    int64_t at_ns; /* since the case began */
};

/* Everything is the caller's until the callback returns. */
struct canring_suite_event {
    enum canring_suite_event_kind kind;
    int64_t suite_id;
    const char *suite_dir;
    const char *file;       /* relative to suite_dir */
    const char *class_name; /* of a program: its file's name; NULL outside of cases */
    const char *name;       /* the case's; NULL outside of cases */
    enum canring_outcome outcome;
    bool not_run;        /* RESULT: of a case that never began */
    const char *message; /* one line, or NULL */
    const char *details; /* traceback, failed assertion; or NULL */
    int64_t started_ns;  /* CLOCK_REALTIME, of the case or file */
    int64_t duration_ns; /* by CLOCK_MONOTONIC */
    int64_t early_ns;    /* CASE: it may have begun so much earlier, since a program does not wait
                            until what it says of its cases has been read */
    int stream;          /* OUTPUT: 1 stdout (programs: stderr as well), 2 stderr */
    const char *text;    /* OUTPUT: bytes as written, no NUL */
    size_t size;
    const struct canring_suite_step *step; /* STEP */
};

/* `--NAME a,b`. */
struct canring_suite_tag {
    const char *name;
    const char *values; /* comma separated */
};

/* Zero-initialise, then set what matters. All of it must live as long as the suites. */
struct canring_suite_options {
    const char *pattern; /* FILE::CLASS::METHOD, each a wildcard pattern or empty; NULL = all */
    const struct canring_suite_tag *tags;
    size_t tag_count;
    unsigned timeout_ms; /* of one case; 0 = CANRING_SUITE_TIMEOUT_MS */
    /* End after the first case that fails or errs: a program is ended, the others are skipped. */
    bool failfast;
    bool steps;             /* have Python files tell their steps: it makes them slower */
    const char *python;     /* interpreter; NULL = python3 */
    const char *python_dir; /* has canring_runner.py and the package canring */
    const char *library;    /* libcanring.so, for the package */
    void (*event)(void *arg, const struct canring_suite_event *event); /* may be NULL */
    void *event_arg;
    /* The $CANRING_LOG of a file's process that is about to be started, or NULL; used until the
     * file's end. May be NULL: then records of tests go to their stderr. */
    const char *(*log)(void *arg, const char *file);
};

struct canring_suite_totals {
    unsigned files, passed, failed, errors, skipped;
    bool collection_failed; /* a folder is missing, nothing matched, … */
    bool undefined_tag;     /* no test has a tag that was asked for: nothing was run */
    bool creation_failed;   /* for the caller to set: an auxiliary could not be made */
};

struct canring_suites;

/* Find the files of all suites of `config`. -ENOENT a folder is missing or nothing matches, with
 * the folder, pattern and reason in the text; -EINVAL the pattern or an option. */
int canring_suites_open(struct canring_suites **suites, const struct canring_config *config,
                        const struct canring_suite_options *options, struct canring_error *err);

/* Readable when canring_suites_poll has something to do. */
int canring_suites_fd(const struct canring_suites *suites);

/* Do what there is to do, without waiting; calls `event`. The first call starts the first file. 1
 * there is more to come, 0 all have ended, -errno the suites cannot go on (the text says why). */
int canring_suites_poll(struct canring_suites *suites, struct canring_error *err);

/* End the running file and begin no other: poll until it returns 0. */
void canring_suites_stop(struct canring_suites *suites);

void canring_suites_totals(const struct canring_suites *suites,
                           struct canring_suite_totals *totals);

/* Kills what still runs. */
void canring_suites_close(struct canring_suites *suites);

/* pykiso's exit status: 0 passed, 1 failures, 2 errors or nothing to run, 3 failures and errors, 4
 * an auxiliary could not be created, 5 undefined tag. */
int canring_suites_exit_status(const struct canring_suite_totals *totals);

const char *canring_outcome_name(enum canring_outcome outcome); /* "passed", … */

#ifdef __cplusplus
}
#endif
#endif
