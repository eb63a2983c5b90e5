/* A test program under guard: nothing that it starts outlives it.
 *
 * Called by the suite runner for every test file. Between us and the program stands a process, the
 * keeper, that adopts whatever the program leaves behind (also daemons: child subreaper), kills it
 * when the program has ended, and ends everything when we end. It never touches processes that are
 * not the program's.
 */
#ifndef CANRING_SUITE_KEEPER_H
#define CANRING_SUITE_KEEPER_H

#include <canring/error.h>
#include <stdint.h>
#include <sys/types.h>

#define CR_KEEPER_PROGRESS_FD 4 /* in the program */
#define CR_KEEPER_GRACE_S     1
#define CR_KEEPER_PATIENCE_S  (2 * CR_KEEPER_GRACE_S)

/* What it says through the result pipe in the end; an end of file without: it was killed. */
struct cr_keeper_result {
    int32_t status;      /* as of waitpid */
    int32_t left_behind; /* processes that had to be killed */
    int32_t exec_errno;  /* the program could not be started */
};

struct cr_keeper_options {
    char *const *argv; /* argv[0] with a path, or to be found in $PATH */
    char *const *env;
    int out, err; /* the program's */
    int progress; /* the program's CR_KEEPER_PROGRESS_FD, or -1 */
};

/* Returns the keeper's pid and the read end of the result pipe (non-blocking). All fds of the
 * options stay the caller's. */
pid_t cr_keeper_spawn(const struct cr_keeper_options *options, int *result,
                      struct canring_error *err);

/* SIGTERM for the program and its group, SIGKILL after the grace time; also by a keeper that was
 * stopped. */
void cr_keeper_end(pid_t keeper);

/* For one that has not ended CR_KEEPER_PATIENCE_S later: the program dies with it. */
void cr_keeper_kill(pid_t keeper);

/* cr_keeper_end, or else cr_keeper_kill, and wait for it. */
void cr_keeper_finish(pid_t keeper);

#endif
