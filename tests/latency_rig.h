/* For the tests of what is asked of the kernel for speed: children with and without privileges, and
 * checks for them. Includes cmocka. */
#ifndef CANRING_TESTS_LATENCY_RIG_H
#define CANRING_TESTS_LATENCY_RIG_H

#include "check.h"

#include <canring/latency.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* With a sanitizer mlockall locks nothing, which is refused. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_LOCK false
#elif defined(__has_feature)
#define CAN_LOCK (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define CAN_LOCK true
#endif

/* ---- children with and without privileges -----------------------------------------------------
 */

static inline bool give_up_privileges(void)
{
    const struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_RTPRIO, &none) == 0 && setrlimit(RLIMIT_MEMLOCK, &none) == 0 &&
           (geteuid() != 0 ||
            (setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0));
}

/* Run `what` in a process of its own; it says nothing and returns 0, or what is wrong. */
static inline void in_child(int (*what)(void), bool privileged)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (!privileged && !give_up_privileges())
            _exit(99);
        _exit(what());
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)
#define SAYS(err, words)                                                                           \
    do {                                                                                           \
        if (!strstr((err).text, words)) {                                                          \
            fprintf(stderr, "%s:%d: '%s' lacks '%s'\n", __FILE__, __LINE__, (err).text, words);    \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static inline size_t first_cpu(char *text, size_t space)
{
    cpu_set_t mine;
    size_t cpu = 0;
    sched_getaffinity(0, sizeof(mine), &mine);
    while (!CPU_ISSET(cpu, &mine))
        cpu++;
    snprintf(text, space, "%zu", cpu);
    return cpu;
}

static inline void need_privileges(void)
{
    const struct canring_latency latency = {.sched_fifo = 1, .mlock = true};
    struct canring_error err = {0};
    if (canring_latency_check(&latency, &err) == 0)
        return;
    print_message("skipped: %s\n", err.text);
    skip();
}

#endif
