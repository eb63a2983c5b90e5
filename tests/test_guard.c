/* Mappings whose object is truncated by somebody else, and guards in processes that fork. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/guard.h"
#include "shm/region.h"

static char name[64]; /* of the last one made */

static int make(struct cr_region *region, uint64_t bytes)
{
    static int serial;
    snprintf(name, sizeof(name), "/canring-test-%d-%d", (int)getpid(), serial++);
    return cr_region_create(region, name, bytes, (gid_t)-1, NULL);
}

static void truncated_object_is_noticed_and_survived(void **state)
{
    (void)state;
    struct cr_region region;
    struct cr_mapping mapping;
    struct cr_piece piece = {.bytes = 4 * cr_page_size(), .writable = true, .twice = true};
    assert_int_equal(make(&region, piece.bytes), 0);
    assert_int_equal(cr_region_map(&region, &piece, 1, &mapping, NULL), 0);
    int guard = cr_guard_add(&mapping);
    assert_true(guard >= 0);
    volatile char *bytes = piece.address;
    bytes[cr_page_size()] = 1;
    assert_false(cr_guard_hit(guard));
    assert_int_equal(ftruncate(region.fd, 0), 0);
    bytes[cr_page_size()] = 2; /* SIGBUS without the guard */
    assert_int_equal(bytes[cr_page_size()], 2);
    assert_true(cr_guard_hit(guard));
    cr_guard_remove(guard);
    cr_region_unmap(&mapping);
    cr_region_close(&region);
}

/* Runs as a program of its own (cmocka would catch the signal): touches a truncated mapping that
 * is not guarded. */
static int touch_unguarded(void)
{
    struct cr_region region, other;
    struct cr_mapping mapping;
    struct cr_piece piece = {.bytes = cr_page_size()};
    signal(SIGBUS, SIG_DFL); /* a sanitizer's handler would exit instead */
    if (make(&other, piece.bytes) < 0 || cr_region_map(&other, &piece, 1, &mapping, NULL) < 0 ||
        cr_guard_add(&mapping) < 0)
        return 2;
    if (make(&region, piece.bytes) < 0)
        return 3;
    volatile char *bytes = mmap(NULL, piece.bytes, PROT_READ, MAP_SHARED, region.fd, 0);
    cr_region_close(&other);
    shm_unlink(name);
    if (ftruncate(region.fd, 0) < 0)
        return 4;
    return bytes[0];
}

static struct sigaction chained;

static void pass_back(int number, siginfo_t *info, void *context)
{
    chained.sa_sigaction(number, info, context);
}

/* With a handler that was installed after ours and calls it, and ours installed anew over that. */
static int touch_chained(void)
{
    struct cr_mapping mapping = {.base = &chained, .bytes = 1};
    struct sigaction action = {.sa_sigaction = pass_back, .sa_flags = SA_SIGINFO};
    signal(SIGBUS, SIG_DFL);
    cr_guard_remove(cr_guard_add(&mapping));
    sigaction(SIGBUS, &action, &chained);
    cr_guard_remove(cr_guard_add(&mapping));
    struct cr_region region;
    if (make(&region, cr_page_size()) < 0)
        return 2;
    volatile char *bytes = mmap(NULL, cr_page_size(), PROT_READ, MAP_SHARED, region.fd, 0);
    shm_unlink(name);
    if (ftruncate(region.fd, 0) < 0)
        return 3;
    alarm(20);
    return bytes[0];
}

static void expect_sigbus_of(const char *mode)
{
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test_guard", mode, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
}

static void sigbus_elsewhere_still_kills(void **state)
{
    (void)state;
    expect_sigbus_of("touch-unguarded");
}

/* What broke: our handler called theirs and theirs ours, until the stack was used up. */
static void handlers_that_call_each_other_come_to_an_end(void **state)
{
    (void)state;
    expect_sigbus_of("touch-chained");
}

static atomic_bool enough;

static void *add_without_end(void *arg)
{
    while (!atomic_load(&enough))
        cr_guard_remove(cr_guard_add(arg));
    return NULL;
}

/* What broke: a child that was forked while another thread added a guard waited for ever for the
 * lock which that thread, and nobody in the child, held. */
static void children_of_a_busy_process_add_theirs(void **state)
{
    (void)state;
    struct cr_mapping mapping = {.base = &enough, .bytes = 1};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, add_without_end, &mapping), 0);
    for (unsigned i = 0; i < 2000; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            _exit(cr_guard_add(&mapping) < 0 ? 1 : 0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "touch-unguarded") == 0)
        return touch_unguarded();
    if (argc == 2 && strcmp(argv[1], "touch-chained") == 0)
        return touch_chained();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_object_is_noticed_and_survived),
        cmocka_unit_test(sigbus_elsewhere_still_kills),
        cmocka_unit_test(handlers_that_call_each_other_come_to_an_end),
        cmocka_unit_test(children_of_a_busy_process_add_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
