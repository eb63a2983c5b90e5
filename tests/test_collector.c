/* All logs in one place: real processes that storm, die, lie and scribble. */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
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
#include "shm/segment.h"

static char runtime[64], log_path[96];
static struct cr_collector *collector;
static int console = -1;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void start_with(struct cr_collector_options options)
{
    struct canring_error err = {0};
    console = memfd_create("console", MFD_CLOEXEC);
    options.console = console;
    if (cr_collector_open(&collector, &options, &err) < 0)
        fail_msg("%s", err.text);
}

static void start(void)
{
    start_with((struct cr_collector_options){.path = log_path});
}

static char *contents(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    return text;
}

static char *printed(void)
{
    return contents(console);
}

static unsigned occurrences(const char *text, const char *what)
{
    unsigned count = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

static int teardown(void **state)
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
static pid_t launch(const char *name, void (*work)(int), int argument)
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

static void expect_success(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Serve the collector until the child ends. */
static int drain_while_running(pid_t child)
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

static void tally_record(void *arg, const struct cr_log_record *record)
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

static void tally_all(struct tally *tally)
{
    cr_collector_window(collector, 0, UINT64_MAX, tally_record, tally);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void log_numbers(int count)
{
    for (int i = 0; i < count; i++) {
        canring_log(CANRING_LOG_INFO, "storm.logger", "record %d", i);
        if (i % 200 == 0)
            usleep(1000);
    }
}

static void records_of_all_processes_are_merged_in_order_of_time(void **state)
{
    (void)state;
    enum { PROCESSES = 4, RECORDS = 2000 };
    struct tally tally = {.names = {"p0", "p1", "p2", "p3"}};
    pid_t children[PROCESSES];
    start();
    for (int i = 0; i < PROCESSES; i++)
        children[i] = launch(tally.names[i], log_numbers, RECORDS);
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(drain_while_running(children[i]), 0);
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(cr_collector_remove(collector, tally.names[i]), 0);
    tally_all(&tally);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(tally.count[i], RECORDS);
        assert_int_equal(tally.last[i], RECORDS - 1);
    }
    assert_int_equal(tally.gaps, 0);
    assert_int_equal(tally.backwards, 0);
    assert_int_equal(tally.others, 0);

    char *console_text = printed();
    int fd = open(log_path, O_RDONLY);
    char *file_text = contents(fd);
    assert_int_equal(occurrences(console_text, "[storm.logger] record "), PROCESSES * RECORDS);
    assert_int_equal(occurrences(file_text, "[storm.logger] record "), PROCESSES * RECORDS);
    assert_non_null(strstr(file_text, " INFO p3 [storm.logger] record 1999\n"));
    assert_int_equal(file_text[4], '-'); /* a date in the file, none on the console */
    assert_int_equal(console_text[2], ':');
    close(fd);
    free(console_text);
    free(file_text);
}

static int progress[2];

static void log_for_ever(int unused)
{
    (void)unused;
    for (uint32_t i = 0;; i++) {
        canring_log(CANRING_LOG_INFO, "doomed", "record %u", i);
        if (write(progress[1], &i, sizeof(i)) != sizeof(i))
            _exit(1);
    }
}

static void what_a_killed_process_logged_last_is_there(void **state)
{
    (void)state;
    start();
    for (uint32_t round = 0; round < 20; round++) {
        uint32_t seen = 0, stop = 1 + round * 37;
        struct tally tally = {.names = {"doomed"}};
        uint64_t from = now_ns();
        assert_int_equal(pipe(progress), 0);
        fcntl(progress[1], F_SETPIPE_SZ, 4096); /* it cannot run ahead by more than a ring */
        pid_t child = launch("doomed", log_for_ever, 0);
        close(progress[1]);
        while (seen < stop && read(progress[0], &seen, sizeof(seen)) == sizeof(seen))
            if (seen % 500 == 0)
                cr_collector_drain(collector);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(progress[0], &seen, sizeof(seen)) == sizeof(seen))
            ; /* up to the last that it says it has logged */
        close(progress[0]);
        assert_int_equal(cr_collector_remove(collector, "doomed"), 0);
        cr_collector_window(collector, from, UINT64_MAX, tally_record, &tally);
        assert_int_equal(tally.gaps, 0);
        assert_int_equal(tally.pid, child);
        assert_true(tally.last[0] >= (long)seen);
    }
}

static void log_much(int count)
{
    for (int i = 0; i < count; i++)
        canring_log(CANRING_LOG_INFO, "flood", "record %d %0*d", i, i % 90, 0);
}

static void lost_records_are_counted_exactly_and_reported_once(void **state)
{
    (void)state;
    enum { RECORDS = 30000 };
    struct tally tally = {.names = {"flood"}};
    struct cr_collector_stats stats;
    char expected[128];
    start();
    expect_success(launch("flood", log_much, RECORDS)); /* nobody reads meanwhile */
    assert_int_equal(cr_collector_remove(collector, "flood"), 0);
    tally_all(&tally);
    cr_collector_stats(collector, &stats);
    assert_true(stats.lost > 0);
    assert_int_equal(tally.count[0] + stats.lost, RECORDS);
    assert_int_equal(tally.count[0], stats.records);
    assert_int_equal(tally.others, 1);
    snprintf(expected, sizeof(expected), " WARNING flood [canring.log] %llu log records were lost",
             (unsigned long long)stats.lost);
    char *text = printed();
    assert_int_equal(occurrences(text, expected), 1);
    assert_int_equal(occurrences(text, "lost"), 1);
    free(text);
}

enum { THREADS = 4, PER_THREAD = 3000 };

static void *log_from_a_thread(void *arg)
{
    for (int i = 0; i < PER_THREAD; i++)
        if (canring_log_wanted(CANRING_LOG_INFO, arg))
            canring_log(CANRING_LOG_INFO, arg, "record %d", i);
    return NULL;
}

static void threads_share_a_ring_and_keep_their_order(void **state)
{
    (void)state;
    static char loggers[THREADS][4] = {"t0", "t1", "t2", "t3"};
    struct tally tally = {.names = {"t0", "t1", "t2", "t3"}, .by_logger = true};
    struct cr_collector_stats stats;
    pthread_t threads[THREADS];
    char env[CR_COLLECTOR_ENV];
    start_with((struct cr_collector_options){.ring_slots = 1u << 18});
    assert_int_equal(cr_collector_add(collector, "self", env, NULL), 0);
    setenv("CANRING_LOG", env, 1);
    assert_int_equal(canring_log_open("self", NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_from_a_thread, loggers[i]), 0);
    for (int i = 0; i < 20; i++) {
        cr_collector_drain(collector);
        usleep(1000);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    tally_all(&tally);
    cr_collector_stats(collector, &stats);
    assert_int_equal(stats.lost, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(tally.count[i], PER_THREAD);
    assert_int_equal(tally.gaps, 0);
    assert_int_equal(tally.backwards, 0);
    unsetenv("CANRING_LOG");
}

/* The child of a process that logs: its parent's ring is not its own. */
static void fork_and_log(int unused)
{
    (void)unused;
    int quiet = open("/dev/null", O_WRONLY);
    canring_log_text(CANRING_LOG_INFO, "fork", "record 0");
    pid_t child = fork();
    if (child == 0) {
        struct canring_error err = {0};
        dup2(quiet, STDERR_FILENO);
        canring_log_text(CANRING_LOG_INFO, "fork", "of the child");
        if (canring_log_open("child", &err) != -EBUSY || !strstr(err.text, "is the log of process"))
            _exit(1);
        canring_log_text(CANRING_LOG_INFO, "fork", "of the child");
        _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        _exit(2);
    canring_log_text(CANRING_LOG_INFO, "fork", "record 1");
}

static void a_forked_child_leaves_its_parents_ring_alone(void **state)
{
    (void)state;
    struct tally tally = {.names = {"parent"}};
    start();
    expect_success(launch("parent", fork_and_log, 0));
    tally_all(&tally);
    assert_int_equal(tally.count[0], 2);
    assert_int_equal(tally.gaps, 0);
    assert_int_equal(tally.others, 0);
}

static void log_evil(int unused)
{
    (void)unused;
    canring_log_text(CANRING_LOG_ERROR, "evil\033]0;title\a", "\033[2J\033[31mred\r\xff\xc2\x9b");
    canring_log_text(CANRING_LOG_ERROR, "evil", "one\n12:00:00.000 INFO proxy [x] forged");
}

static void nothing_that_is_logged_reaches_the_terminal_raw(void **state)
{
    (void)state;
    start();
    expect_success(launch("evil", log_evil, 0));
    cr_collector_flush(collector);
    char *text = printed();
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || (uint8_t)*c >= 0x20);
    assert_non_null(strstr(text, "\\x1b[2J\\x1b[31mred\\r\\xff\\u009b\n"));
    assert_null(strstr(text, "\n12:00:00.000"));
    assert_non_null(strstr(text, "one\n    12:00:00.000"));
    free(text);
}

/* ---- processes that scribble ------------------------------------------------------------------
 */

static void forge(struct cr_segment *raw, uint32_t size, uint8_t logger_bytes, uint16_t text_bytes,
                  uint64_t time_ns)
{
    uint64_t at = atomic_load(&raw->tx.consumer_side->position);
    struct cr_log_wire *wire = (void *)canring_ring_at(raw->tx.slots, at, raw->tx.capacity - 1);
    memset((char *)wire + 8, 'x', sizeof(*wire) - 8 + logger_bytes + text_bytes % 2001);
    wire->time_ns = time_ns;
    wire->level = 255;
    wire->logger_bytes = logger_bytes;
    wire->text_bytes = text_bytes;
    atomic_store(&wire->record.size, (uint16_t)size);
    atomic_store(&wire->record.sequence, (uint32_t)at + 1);
}

enum trick { TRICK_SIZE, TRICK_SMALL, TRICK_HUGE, TRICK_LENGTHS, TRICK_TEXT, TRICK_TRUNCATE };

static void play(enum trick trick, struct cr_segment *raw)
{
    switch (trick) {
    case TRICK_SIZE:
        forge(raw, 3, 0, 0, 0);
        break;
    case TRICK_SMALL:
        forge(raw, 12, 0, 0, 0);
        break;
    case TRICK_HUGE:
        forge(raw, 60000, 0, 0, 0);
        break;
    case TRICK_LENGTHS:
        forge(raw, 100, 200, 10, 0);
        break;
    case TRICK_TEXT:
        forge(raw, 64, 1, 65000, 0);
        break;
    case TRICK_TRUNCATE:
        assert_int_equal(ftruncate(raw->region.fd, 0), 0);
        break;
    }
}

static void a_scribbler_loses_its_own_log_only(void **state)
{
    (void)state;
    for (int trick = TRICK_SIZE; trick <= TRICK_TRUNCATE; trick++) {
        struct tally tally = {.names = {"good"}};
        struct cr_segment raw;
        char env[CR_COLLECTOR_ENV];
        start();
        assert_int_equal(cr_collector_add(collector, "bad", env, NULL), 0);
        assert_int_equal(cr_segment_attach(&raw, env, NULL), 0);
        play((enum trick)trick, &raw);
        cr_collector_drain(collector);
        pid_t good = launch("good", log_numbers, 100);
        assert_int_equal(drain_while_running(good), 0);
        tally_all(&tally);
        assert_int_equal(tally.count[0], 100);
        char *text = printed();
        assert_int_equal(occurrences(text, " ERROR bad [canring.log] the log ring is damaged"), 1);
        free(text);
        cr_segment_close(&raw);
        assert_int_equal(cr_collector_remove(collector, "bad"), 0);
        teardown(NULL);
    }
}

static void keep_time(void *arg, const struct cr_log_record *record)
{
    *(uint64_t *)arg = record->time_ns;
}

static void a_forged_time_does_not_move_a_record_away(void **state)
{
    (void)state;
    static const uint64_t forged[] = {0, 1, UINT64_MAX};
    struct cr_segment raw;
    char env[CR_COLLECTOR_ENV];
    start();
    assert_int_equal(cr_collector_add(collector, "liar", env, NULL), 0);
    assert_int_equal(cr_segment_attach(&raw, env, NULL), 0);
    for (int i = 0; i < 3; i++) {
        uint64_t before = now_ns(), found = 0;
        cr_collector_drain(collector);
        forge(&raw, sizeof(struct cr_log_wire) + 8, 4, 4, forged[i]);
        cr_collector_window(collector, before - 2000000000u, UINT64_MAX, keep_time, &found);
        assert_true(found >= before - 2000000000u && found <= now_ns());
    }
    cr_segment_close(&raw);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void the_window_has_its_span_and_nothing_else(void **state)
{
    (void)state;
    struct tally before = {.names = {"p"}}, during = before, after = before, all = before;
    start();
    expect_success(launch("p", log_numbers, 10));
    cr_collector_remove(collector, "p");
    uint64_t from = now_ns();
    expect_success(launch("p", log_numbers, 20));
    uint64_t to = now_ns();
    cr_collector_remove(collector, "p");
    expect_success(launch("p", log_numbers, 30));
    assert_int_equal(cr_collector_window(collector, 0, from, tally_record, &before), 10);
    assert_int_equal(cr_collector_window(collector, from, to, tally_record, &during), 20);
    assert_int_equal(cr_collector_window(collector, to, UINT64_MAX, tally_record, &after), 30);
    assert_int_equal(cr_collector_window(collector, to, from, tally_record, &all), 0);
    assert_int_equal(during.count[0], 20);
    assert_int_equal(cr_collector_complete_from(collector), 0);
}

static void memory_is_bounded_and_what_is_forgotten_is_counted(void **state)
{
    (void)state;
    enum { RECORDS = 2000 };
    struct tally tally = {.names = {"p"}};
    struct cr_collector_stats stats;
    start_with((struct cr_collector_options){.keep_bytes = 16384, .ring_slots = 65536});
    expect_success(launch("p", log_numbers, RECORDS));
    tally_all(&tally);
    cr_collector_stats(collector, &stats);
    assert_true(tally.count[0] > 10 && tally.count[0] < RECORDS);
    assert_int_equal(tally.last[0], RECORDS - 1); /* the newest stay */
    assert_int_equal(tally.count[0] + stats.forgotten, RECORDS);
    assert_int_equal(stats.records, RECORDS);
    assert_true(cr_collector_complete_from(collector) > 0);
    char *text = printed();
    assert_int_equal(occurrences(text, "record "), RECORDS);
    free(text);
}

static unsigned objects_left(void)
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

static void a_killed_coordinators_rings_are_removed_by_the_next(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        char env[CR_COLLECTOR_ENV];
        const struct cr_collector_options options = {.console = -1};
        if (cr_collector_open(&collector, &options, NULL) < 0 ||
            cr_collector_add(collector, "one", env, NULL) < 0 ||
            cr_collector_add(collector, "two", env, NULL) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(objects_left(), 2);
    start(); /* beside a living one: its rings stay */
    assert_int_equal(objects_left(), 2);
    expect_success(launch("one", log_numbers, 3));
    cr_collector_close(collector);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(objects_left(), 2);
    start();
    assert_int_equal(objects_left(), 0);
    close(ready[0]);
    close(ready[1]);
}

static void names_are_checked(void **state)
{
    (void)state;
    struct canring_error err;
    char env[CR_COLLECTOR_ENV], name[80] = {0};
    start();
    memset(name, 'n', sizeof(name) - 1);
    assert_int_equal(cr_collector_add(collector, name, env, &err), -ENAMETOOLONG);
    assert_int_equal(cr_collector_add(collector, "a/b", env, &err), 0);
    assert_int_equal(cr_collector_add(collector, "a/b", env, &err), -EEXIST);
    assert_int_equal(cr_collector_remove(collector, "a_b"), -ENOENT);
    assert_int_equal(cr_collector_remove(collector, "a/b"), 0);
}

static void log_after_its_ring_was_removed(int unused)
{
    (void)unused;
    canring_log_text(CANRING_LOG_INFO, "x", "record 0");
    if (write(progress[1], "x", 1) != 1)
        _exit(1);
    int heard[2];
    if (pipe(heard) < 0 || dup2(heard[1], STDERR_FILENO) < 0)
        _exit(2);
    char text[256] = {0};
    for (int i = 0; i < 1000 && !strstr(text, "to stderr"); i++) {
        struct pollfd p = {.fd = heard[0], .events = POLLIN};
        canring_log_text(CANRING_LOG_INFO, "x", "to stderr");
        if (poll(&p, 1, 10) > 0 && read(heard[0], text, sizeof(text) - 1) < 0)
            _exit(3);
    }
    _exit(strstr(text, "to stderr") ? 0 : 4);
}

static void a_process_whose_ring_is_removed_goes_on_with_stderr(void **state)
{
    (void)state;
    char byte;
    start();
    assert_int_equal(pipe(progress), 0);
    pid_t child = launch("p", log_after_its_ring_was_removed, 0);
    assert_int_equal(read(progress[0], &byte, 1), 1);
    assert_int_equal(cr_collector_remove(collector, "p"), 0);
    expect_success(child);
    close(progress[0]);
    close(progress[1]);
}

static void the_fd_calls_for_draining_while_there_are_rings(void **state)
{
    (void)state;
    struct pollfd p = {.events = POLLIN};
    start();
    p.fd = cr_collector_fd(collector);
    assert_int_equal(poll(&p, 1, 100), 0); /* nobody is there: no waking */
    expect_success(launch("p", log_numbers, 5));
    char *text = printed();
    assert_string_equal(text, "");
    free(text);
    unsigned taken = 0, shown = 0;
    for (int i = 0; i < 100 && shown < 5; i++) {
        assert_int_equal(poll(&p, 1, 5000), 1);
        taken += cr_collector_drain(collector);
        text = printed();
        shown = occurrences(text, "record ");
        free(text);
    }
    assert_int_equal(taken, 5);
    assert_int_equal(shown, 5);
    assert_int_equal(cr_collector_remove(collector, "p"), 0);
    assert_int_equal(poll(&p, 1, 5000), 1); /* for what remove has found */
    cr_collector_drain(collector);
    assert_int_equal(poll(&p, 1, 100), 0);
}

static void console_level_holds_back_from_the_console_only(void **state)
{
    (void)state;
    struct tally tally = {.names = {"p"}};
    char folder[96];
    snprintf(folder, sizeof(folder), "%s/logs/", runtime);
    start_with((struct cr_collector_options){
        .console_level = CANRING_LOG_WARNING, .path = folder, .stem = "bench"});
    expect_success(launch("p", log_numbers, 5));
    cr_collector_note(collector, CANRING_LOG_ERROR, "canring", "canring.test", "noted");
    tally_all(&tally);
    assert_int_equal(tally.count[0], 5);
    assert_int_equal(tally.others, 1);
    char *text = printed();
    assert_null(strstr(text, "record"));
    assert_non_null(strstr(text, " ERROR canring [canring.test] noted\n"));
    free(text);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    unsigned files = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        files++;
        assert_int_equal(strlen(e->d_name), strlen("2026-01-01_00-00-00-bench.log"));
        assert_non_null(strstr(e->d_name, "-bench.log"));
        unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    assert_int_equal(files, 1);
    rmdir(folder);
}

static void a_full_disk_is_said_and_harms_nothing_else(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) < 0)
        skip();
    struct tally tally = {.names = {"p"}};
    start_with((struct cr_collector_options){.path = "/dev/full"});
    expect_success(launch("p", log_numbers, 5));
    tally_all(&tally);
    assert_int_equal(tally.count[0], 5);
    cr_collector_flush(collector);
    char *text = printed();
    assert_int_equal(occurrences(text, "the log file ends here"), 1);
    free(text);
    assert_int_equal(cr_collector_close(collector), -ENOSPC);
    collector = NULL;
}

int main(void)
{
    unsetenv("CANRING_LOG");
    unsetenv("CANRING_LOG_LEVEL");
    unsetenv("CANRING_LOG_ACTIVE");
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-log-%d", (int)getpid());
    snprintf(log_path, sizeof(log_path), "%s/run.log", runtime);
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
    if (cr_runtime_dir((char[128]){0}, 128, NULL) < 0)
        return 1;
#define LOG_TEST(test) cmocka_unit_test_teardown(test, teardown)
    const struct CMUnitTest tests[] = {
        LOG_TEST(records_of_all_processes_are_merged_in_order_of_time),
        LOG_TEST(what_a_killed_process_logged_last_is_there),
        LOG_TEST(lost_records_are_counted_exactly_and_reported_once),
        LOG_TEST(threads_share_a_ring_and_keep_their_order),
        LOG_TEST(a_forked_child_leaves_its_parents_ring_alone),
        LOG_TEST(nothing_that_is_logged_reaches_the_terminal_raw),
        LOG_TEST(a_scribbler_loses_its_own_log_only),
        LOG_TEST(a_forged_time_does_not_move_a_record_away),
        LOG_TEST(the_window_has_its_span_and_nothing_else),
        LOG_TEST(memory_is_bounded_and_what_is_forgotten_is_counted),
        LOG_TEST(a_killed_coordinators_rings_are_removed_by_the_next),
        LOG_TEST(names_are_checked),
        LOG_TEST(a_process_whose_ring_is_removed_goes_on_with_stderr),
        LOG_TEST(the_fd_calls_for_draining_while_there_are_rings),
        LOG_TEST(console_level_holds_back_from_the_console_only),
        LOG_TEST(a_full_disk_is_said_and_harms_nothing_else),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    failed += objects_left() > 0;
    rmdir(runtime);
    return failed;
}
