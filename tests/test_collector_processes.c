/* All logs in one place: real processes that storm, die, lie and scribble. */
#include "check.h"

#include <pthread.h>

#include "shm/segment.h"

#include "collector_rig.h"

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
    struct cr_log_wire *wire =
        (void *)canring_ring_at(raw->tx.slots, at, (uint64_t)raw->tx.capacity * CANRING_SLOT - 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(records_of_all_processes_are_merged_in_order_of_time),
        LOG_TEST(what_a_killed_process_logged_last_is_there),
        LOG_TEST(lost_records_are_counted_exactly_and_reported_once),
        LOG_TEST(threads_share_a_ring_and_keep_their_order),
        LOG_TEST(a_forked_child_leaves_its_parents_ring_alone),
        LOG_TEST(nothing_that_is_logged_reaches_the_terminal_raw),
        LOG_TEST(a_scribbler_loses_its_own_log_only),
        LOG_TEST(a_forged_time_does_not_move_a_record_away),
    };
    if (!enter("logs"))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + (int)leave();
}
