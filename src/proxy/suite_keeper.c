#include "proxy/suite_keeper.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT_FD 3
#define FREE_FD   16 /* above all that we give meaning to */

/* ---- in the program's process, before it is the program ------------------------------------ */

static void default_signals(void)
{
    sigset_t none;
    for (int number = 1; number < SIGRTMIN; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct cr_keeper_options *options, pid_t keeper)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper)
        _exit(EXIT_FAILURE);
    default_signals();
    fcntl(RESULT_FD, F_SETFD, FD_CLOEXEC);
    if (strchr(options->argv[0], '/')) /* execvpe would try it as a script of sh */
        execve(options->argv[0], options->argv, options->env);
    else
        execvpe(options->argv[0], options->argv, options->env);
    const struct cr_keeper_result failed = {.exec_errno = errno};
    ssize_t written = write(RESULT_FD, &failed, sizeof(failed));
    _exit(written < 0 ? EXIT_FAILURE : 126);
}

/* ---- the keeper -------------------------------------------------------------------------- */

static pid_t parent_of(const char *pid)
{
    char path[64], text[512], *behind;
    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    behind = strrchr(text, ')'); /* the name may hold anything, ')' too */
    return behind && strlen(behind) > 4 ? (pid_t)strtol(behind + 4, NULL, 10) : 0;
}

static void kill_children(void)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    while (proc && (entry = readdir(proc)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]) && parent_of(entry->d_name) == getpid())
            kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
    if (proc)
        closedir(proc);
}

/* One dies, its children become ours: until there are none. */
static int end_descendants(void)
{
    int killed = 0, status;
    for (;;) {
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid == 0) {
            kill_children();
            pid = waitpid(-1, &status, 0);
        }
        if (pid < 0)
            return killed;
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
}

static bool reap(pid_t program, int *status)
{
    int other;
    pid_t pid;
    bool ended = false;
    while ((pid = waitpid(-1, &other, WNOHANG)) > 0) {
        if (pid != program)
            continue;
        ended = true;
        *status = other;
    }
    return ended;
}

static int wait_for(pid_t program, const sigset_t *signals)
{
    int status = 0;
    while (!reap(program, &status)) {
        int number = sigwaitinfo(signals, NULL);
        if (number == SIGTERM) {
            kill(-program, SIGTERM);
            alarm(CR_KEEPER_GRACE_S);
        } else if (number == SIGALRM) {
            kill(-program, SIGKILL);
            kill(program, SIGKILL); /* it may have left its group */
        }
    }
    return status;
}

static _Noreturn void keep(const struct cr_keeper_options *options)
{
    sigset_t signals;
    pid_t self = getpid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGALRM);
    pid_t program = fork();
    if (program == 0)
        become(options, self);
    struct cr_keeper_result result = {.exec_errno = program < 0 ? errno : 0};
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    close(CR_KEEPER_PROGRESS_FD);
    if (program > 0) {
        setpgid(program, program); /* both sides: neither may be too late */
        result.status = wait_for(program, &signals);
        result.left_behind = end_descendants();
    }
    ssize_t written = write(RESULT_FD, &result, sizeof(result));
    _exit(written == (ssize_t)sizeof(result) ? 0 : EXIT_FAILURE);
}

/* Nobody else's fds reach the program: each of ours to its place, all others closed. */
static bool arrange_fds(const struct cr_keeper_options *options, int result)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int from[] = {null, options->out, options->err, result, options->progress};
    int high[5];
    for (int i = 0; i < 5; i++)
        high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD, FREE_FD);
    for (int i = 0; i < 5; i++) {
        if (high[i] < 0)
            close(i);
        else if (dup2(high[i], i) < 0)
            return false;
    }
    return close_range(5, ~0u, 0) == 0;
}

/* ---- our side ------------------------------------------------------------------------------ */

pid_t cr_keeper_spawn(const struct cr_keeper_options *options, int *result,
                      struct canring_error *err)
{
    int pipes[2];
    pid_t parent = getpid();
    sigset_t all, before;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return canring_error_set(err, -errno, "pipe: %s", strerror(errno));
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before); /* no handler of ours runs in the keeper */
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0); /* ^C at the terminal is ours to deal with */
        signal(SIGCHLD, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent || !arrange_fds(options, pipes[1]))
            _exit(EXIT_FAILURE);
        keep(options);
    }
    int code = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(pipes[1]);
    if (pid < 0) {
        close(pipes[0]);
        return canring_error_set(err, -code, "fork: %s", strerror(code));
    }
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    *result = pipes[0];
    return pid;
}

void cr_keeper_end(pid_t keeper)
{
    kill(keeper, SIGTERM);
    kill(keeper, SIGCONT);
}

void cr_keeper_kill(pid_t keeper)
{
    kill(keeper, SIGKILL);
}

void cr_keeper_finish(pid_t keeper)
{
    pid_t gone = 0;
    cr_keeper_end(keeper);
    for (int i = 0; i < CR_KEEPER_PATIENCE_S * 100 && gone == 0; i++) {
        gone = waitpid(keeper, NULL, WNOHANG);
        if (gone == 0)
            poll(NULL, 0, 10);
    }
    if (gone != 0)
        return;
    cr_keeper_kill(keeper);
    while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
        continue;
}
