#include "check.h"

#include "counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Events of the kernel's own, which need no processor that counts. */
static const struct counters_event faults[] = {
    {"faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS}};
static const struct counters_event missing[] = {{"missing", PERF_TYPE_SOFTWARE, 4711},
                                                {"neither", PERF_TYPE_SOFTWARE, 4712}};

enum { PAGES = 64 };

static void touch_pages(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = PAGES * page;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    (void)madvise(memory, bytes, MADV_NOHUGEPAGE); /* else they come several at once */
    for (size_t at = 0; at < bytes; at += page)
        ((volatile char *)memory)[at] = 1;
    munmap(memory, bytes);
}

/* What counters_print prints; free() it. */
static char *printed(const struct counters *c, const char *side, double per)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    counters_print(out, c, side, per);
    fclose(out);
    return text;
}

static void counts_from_start_to_stop(void **state)
{
    (void)state;
    struct counters idle, busy;
    touch_pages();
    assert_int_equal(counters_start(&idle, 0, faults, 1), 1);
    counters_stop(&idle);
    assert_int_equal(counters_start(&busy, 0, faults, 1), 1);
    touch_pages();
    counters_stop(&busy);
    assert_true(idle.known[0] && busy.known[0]);
    assert_true(idle.values[0] < PAGES);
    assert_true(busy.values[0] >= PAGES);
}

static void an_event_that_does_not_exist_is_not_supported_and_has_no_field(void **state)
{
    (void)state;
    struct counters c;
    assert_int_equal(counters_start(&c, 0, missing, 2), -ENOENT);
    assert_string_equal(counters_reason(ENOENT), "not supported by this machine");
    counters_stop(&c);
    char *text = printed(&c, "producer", 1);
    assert_string_equal(text, "");
    free(text);
}

static void what_is_missing_does_not_hide_the_others(void **state)
{
    (void)state;
    const struct counters_event mixed[] = {
        missing[0],
        {"major", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ},
        missing[1],
        {"minor", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN}};
    struct counters c;
    assert_int_equal(counters_start(&c, 0, mixed, 4), 2);
    touch_pages();
    counters_stop(&c);
    assert_true(!c.known[0] && c.known[1] && !c.known[2] && c.known[3]);
    assert_true(c.values[1] < PAGES);
    assert_true(c.values[3] >= PAGES);
}

static void a_field_is_named_by_its_side_and_divided(void **state)
{
    (void)state;
    struct counters c;
    memset(&c, 0, sizeof(c));
    c.events = counters_cpu;
    c.count = COUNTERS_CPU;
    c.known[0] = c.known[2] = 1;
    c.values[0] = 300;
    c.values[1] = c.values[2] = 5;
    char *text = printed(&c, "consumer", 40);
    assert_string_equal(text, ", \"consumer_cycles\": 7.5, \"consumer_cache_misses\": 0.125");
    free(text);
}

static void another_process_can_be_counted(void **state)
{
    (void)state;
    struct counters c;
    int go[2], done[2];
    char byte = 0;
    assert_true(pipe(go) == 0 && pipe(done) == 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (read(go[0], &byte, 1) == 1)
            touch_pages();
        _exit(write(done[1], &byte, 1) == 1 ? 0 : 1);
    }
    int started = counters_start(&c, child, faults, 1);
    bool turned = write(go[1], &byte, 1) == 1 && read(done[0], &byte, 1) == 1;
    counters_stop(&c);
    waitpid(child, NULL, 0);
    assert_int_equal(started, 1);
    assert_true(turned);
    assert_true(c.known[0] && c.values[0] >= PAGES);
}

static int forbidden(void)
{
    struct counters c;
    int started = counters_start(&c, 0, faults, 1);
    counters_stop(&c);
    return started < 0 ? -started : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_from_start_to_stop),
        cmocka_unit_test(an_event_that_does_not_exist_is_not_supported_and_has_no_field),
        cmocka_unit_test(what_is_missing_does_not_hide_the_others),
        cmocka_unit_test(a_field_is_named_by_its_side_and_divided),
        cmocka_unit_test(another_process_can_be_counted),
    };
    if (forbidden()) {
        printf("skipped: perf_event_open: %s\n", counters_reason(forbidden()));
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
