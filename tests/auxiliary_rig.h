/* Auxiliaries of the tests: real processes, forked, with an implementation that does as it is told.
 *
 * Commands: "echo" answers with its data, "none" with nothing, "sleep" takes data[0] * 10 ms and
 * echoes, "report" has its data reported, "config" answers with the config, "fail" with -EBADF,
 * "exit" ends the process at once.
 */
#ifndef CANRING_TESTS_AUXILIARY_RIG_H
#define CANRING_TESTS_AUXILIARY_RIG_H

#include "check.h"

#include <canring/auxiliary.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/auxiliary_serve.h"
#include "shm/runtime_dir.h"

/* A thread sanitizer of gcc 12 does not see pthread_mutex_clocklock, so every unlock after it looks
 * wrong to it; and that unlocking a robust mutex of somebody else is refused is what we rely on. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "report_mutex_bugs=0";
}

static char runtime[64];

#define PENDING_MAX 512

static struct {
    uint8_t *data[PENDING_MAX];
    size_t size[PENDING_MAX];
    size_t first, count;
    uint8_t *last;
    bool refuse_create;
} told;

static bool told_create(struct canring_auxiliary_context *context)
{
    (void)context;
    return !told.refuse_create && !strstr(context->config, "\"refuse\"");
}

static bool told_delete(struct canring_auxiliary_context *context)
{
    return !strstr(context->config, "\"stay\"");
}

static bool is(const void *message, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(message, word, size) == 0;
}

static void remember_report(const void *data, size_t size)
{
    if (told.count == PENDING_MAX)
        return;
    size_t at = (told.first + told.count++) % PENDING_MAX;
    told.data[at] = malloc(size + 1);
    told.size[at] = size;
    memcpy(told.data[at], data, size);
}

static int told_run(struct canring_auxiliary_context *context, const void *message,
                    size_t message_size, const void *data, size_t data_size,
                    struct canring_message_view *reply)
{
    *reply = (struct canring_message_view){.data = data, .size = data_size};
    if (is(message, message_size, "sleep"))
        usleep(*(const uint8_t *)data * 10000u);
    else if (is(message, message_size, "none"))
        return 0;
    else if (is(message, message_size, "fail"))
        return -EBADF;
    else if (is(message, message_size, "exit"))
        _exit(3);
    else if (is(message, message_size, "report"))
        remember_report(data, data_size);
    else if (is(message, message_size, "config"))
        *reply = (struct canring_message_view){context->config, strlen(context->config), 0};
    else if (!is(message, message_size, "echo"))
        *reply = (struct canring_message_view){message, message_size, 0};
    return 1;
}

static bool told_abort(struct canring_auxiliary_context *context)
{
    (void)context;
    return true;
}

static int told_receive(struct canring_auxiliary_context *context, int timeout_ms,
                        struct canring_message_view *message)
{
    (void)context;
    if (!told.count) {
        usleep((useconds_t)timeout_ms * 1000);
        return 0;
    }
    free(told.last);
    told.last = told.data[told.first];
    *message = (struct canring_message_view){told.last, told.size[told.first], 7};
    told.first = (told.first + 1) % PENDING_MAX;
    told.count--;
    return 1;
}

static const struct canring_auxiliary_ops told_ops __attribute__((unused)) = {
    .name = "told",
    .create_auxiliary_instance = told_create,
    .delete_auxiliary_instance = told_delete,
    .run_command = told_run,
    .abort_command = told_abort,
    .receive_message = told_receive,
};

/* In a fresh child: what it would hold of its parent's (buses, objects) would look alive with it.
 * Returns `kept` under another number. */
static inline int close_inherited(int kept)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(kept, 3);
    close_range(4, ~0U, 0);
    return 3;
}

/* Fork an auxiliary; returns when it serves. */
static inline pid_t start_auxiliary(const struct canring_auxiliary_ops *ops, const char *name,
                                    const char *config, const char *channel, bool auto_start)
{
    int ready[2];
    struct canring_error err = {0};
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct canring_auxiliary_context context = {
            .name = name, .config = config, .channel = channel};
        _exit(cr_auxiliary_serve(ops, &context, auto_start, close_inherited(ready[1]), NULL) < 0);
    }
    close(ready[1]);
    if (cr_auxiliary_await(ready[0], name, &err) < 0)
        fail_msg("%s", err.text);
    close(ready[0]);
    return pid;
}

static inline struct canring_auxiliary *open_auxiliary(const char *name)
{
    struct canring_auxiliary *auxiliary;
    struct canring_error err = {0};
    if (canring_auxiliary_open(&auxiliary, name, &err) < 0)
        fail_msg("%s", err.text);
    return auxiliary;
}

static inline void end_auxiliary(pid_t pid, int number)
{
    int status = 0;
    kill(pid, number);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static inline void expect_exit(pid_t pid, int expected)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), expected);
}

static inline int command(struct canring_auxiliary *auxiliary, const char *word, const void *data,
                          size_t size, double timeout_s, struct canring_message *reply)
{
    return canring_auxiliary_run_command(auxiliary, word, strlen(word), data, size, true, timeout_s,
                                         reply);
}

/* Names with our mark in /dev/shm, and files in the runtime directory. */
static inline unsigned leftovers(void)
{
    char mark[128], *dot;
    unsigned count = 0;
    assert_int_equal(cr_shm_name(mark, sizeof(mark), "x", "y", NULL, NULL), 0);
    dot = strchr(mark, '.');
    *dot = '\0';
    const char *const places[] = {"/dev/shm", runtime};
    for (unsigned i = 0; i < 2; i++) {
        DIR *dir = opendir(places[i]);
        for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
            count += i ? e->d_name[0] != '.' : strncmp(e->d_name, mark + 1, strlen(mark + 1)) == 0;
        if (dir)
            closedir(dir);
    }
    return count;
}

static inline void begin_runtime(const char *test)
{
    snprintf(runtime, sizeof(runtime), "/tmp/cr-%s-%d", test, (int)getpid());
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
}

#endif
