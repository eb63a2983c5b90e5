/* A collector to test: its console and file, and processes that log to it. */
#ifndef CANRING_TESTS_COLLECTOR_RIG_H
#define CANRING_TESTS_COLLECTOR_RIG_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/collector.h"
#include "shm/runtime_dir.h"

static char runtime[64], log_path[96];
static struct cr_collector *collector;
static int console = -1;
static int progress[2]; /* from a child */

static inline uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void start_with(struct cr_collector_options options)
{
    struct canring_error err = {0};
    console = memfd_create("console", MFD_CLOEXEC);
    options.console = console;
    if (cr_collector_open(&collector, &options, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void start(void)
{
    start_with((struct cr_collector_options){.path = log_path});
}

static inline char *contents(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    return text;
}

static inline char *printed(void)
{
    return contents(console);
}

static inline unsigned occurrences(const char *text, const char *what)
{
    unsigned count = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

static inline int teardown(void **state)
{
    (void)state;
    cr_collector_close(collector);
    collector = NULL;
    canring_log_close();
    close(console);
    unlink(log_path);
    return 0;
}

/* A process that logs: `work` in a child whose $CANRING_LOG is a ring for `name`. */
static inline pid_t launch(const char *name, void (*work)(int), int argument)
{
    char env[CR_COLLECTOR_ENV];
    struct canring_error err = {0};
    if (cr_collector_add(collector, name, env, &err) < 0)
        fail_msg("%s", err.text);
    pid_t child = fork();
    if (child)
        return child;
    setenv("CANRING_LOG", env, 1);
    if (canring_log_open(name, &err) < 0)
        _exit(100);
    work(argument);
    _exit(0);
}

static inline void expect_success(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Serve the collector until the child ends. */
static inline int drain_while_running(pid_t child)
{
    int status;
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct pollfd p = {.fd = cr_collector_fd(collector), .events = POLLIN};
        poll(&p, 1, 100);
        cr_collector_drain(collector);
    }
    return status;
}

/* ---- what the window says -------------------------------------------------------------------- */

#define WHO_MAX 8
struct tally {
    const char *names[WHO_MAX]; /* processes, or loggers */
    bool by_logger;
    unsigned count[WHO_MAX];
    long last[WHO_MAX]; /* number in the last record's text */
    unsigned gaps;      /* numbers that do not follow the one before */
    unsigned others, backwards;
    uint64_t time_ns;
    uint32_t pid;
};

static inline void tally_record(void *arg, const struct cr_log_record *record)
{
    struct tally *tally = arg;
    tally->backwards += record->time_ns < tally->time_ns;
    tally->time_ns = record->time_ns;
    const char *who = tally->by_logger ? record->logger : record->process;
    for (int i = 0; i < WHO_MAX && tally->names[i]; i++) {
        if (strcmp(who, tally->names[i]) != 0 || strncmp(record->text, "record ", 7) != 0)
            continue;
        long number = strtol(record->text + 7, NULL, 10);
        tally->gaps += tally->count[i] > 0 && number != tally->last[i] + 1;
        tally->last[i] = number;
        tally->count[i]++;
        tally->pid = record->pid;
        return;
    }
    tally->others++;
}

static inline void tally_all(struct tally *tally)
{
    cr_collector_window(collector, 0, UINT64_MAX, tally_record, tally);
}

static inline void log_numbers(int count)
{
    for (int i = 0; i < count; i++) {
        canring_log(CANRING_LOG_INFO, "storm.logger", "record %d", i);
        if (i % 200 == 0)
            usleep(1000);
    }
}

static inline unsigned objects_left(void)
{
    char prefix[CR_REGION_NAME];
    unsigned count = 0;
    assert_int_equal(cr_shm_name(prefix, sizeof(prefix), CR_LOG_KIND, "", NULL, NULL), 0);
    DIR *dir = opendir("/dev/shm");
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        count += strncmp(e->d_name, prefix + 1, strlen(prefix + 1)) == 0;
    if (dir)
        closedir(dir);
    return count;
}

/* A runtime directory of the test's own. */
static inline bool enter(const char *name)
{
    unsetenv("CANRING_LOG");
    unsetenv("CANRING_LOG_LEVEL");
    unsetenv("CANRING_LOG_ACTIVE");
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-%s-%d", name, (int)getpid());
    snprintf(log_path, sizeof(log_path), "%s/run.log", runtime);
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
    return cr_runtime_dir((char[128]){0}, 128, NULL) == 0;
}

/* Returns how much was left behind. */
static inline unsigned leave(void)
{
    unsigned left = objects_left();
    return left + (rmdir(runtime) < 0);
}

#define LOG_TEST(test) cmocka_unit_test_teardown(test, teardown)

#endif
