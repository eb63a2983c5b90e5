#include "proxy/collector_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/collector_ring.h"

/* What ends the others must not end it before them. */
static void outlive(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        signal(numbers[i], SIG_IGN);
    setpgid(0, 0);
}

static _Noreturn void be(int alive, pid_t coordinator)
{
    char byte;
    outlive();
    if (alive > 0)
        close_range(0, (unsigned)alive - 1, 0);
    close_range((unsigned)alive + 1, ~0u, 0);
    while (read(alive, &byte, 1) < 0 && errno == EINTR)
        continue;
    cr_log_rings_end(coordinator);
    _exit(0);
}

int cr_log_guard_start(struct cr_log_guard *guard, struct canring_error *err)
{
    int pipes[2];
    pid_t self = getpid();
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return canring_error_set(err, -errno, "pipe: %s", strerror(errno));
    guard->pid = fork();
    if (guard->pid == 0)
        be(pipes[0], self);
    int code = errno;
    close(pipes[0]);
    guard->alive = pipes[1];
    if (guard->pid > 0)
        return 0;
    close(guard->alive);
    guard->pid = 0;
    return canring_error_set(err, -code, "fork: %s", strerror(code));
}

void cr_log_guard_stop(struct cr_log_guard *guard)
{
    if (guard->pid <= 0)
        return;
    kill(guard->pid, SIGKILL);
    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(guard->alive);
    *guard = (struct cr_log_guard){0};
}
