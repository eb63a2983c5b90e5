#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/region.h"

static char name[64];

static int make(struct cr_region *region, uint64_t bytes, struct canring_error *err)
{
    return cr_region_create(region, name, bytes, (gid_t)-1, err);
}

static int fresh_name(void **state)
{
    (void)state;
    static int serial;
    snprintf(name, sizeof(name), "/canring-test-%d-%d", (int)getpid(), serial++);
    return 0;
}

static bool exists(void)
{
    char path[128];
    snprintf(path, sizeof(path), "/dev/shm%s", name);
    return access(path, F_OK) == 0;
}

static void object_is_private_allocated_and_removed_by_its_owner(void **state)
{
    (void)state;
    struct cr_region region;
    struct stat st;
    assert_int_equal(make(&region, 65536, NULL), 0);
    assert_int_equal(fstat(region.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 65536);
    assert_int_equal(st.st_blocks, 65536 / 512);
    cr_region_close(&region);
    assert_false(exists());
}

static void second_owner_is_refused_while_the_first_lives(void **state)
{
    (void)state;
    struct cr_region first, second;
    struct canring_error err;
    assert_int_equal(make(&first, 4096, NULL), 0);
    assert_int_equal(make(&second, 4096, &err), -EEXIST);
    assert_non_null(strstr(err.text, "running process"));
    cr_region_close(&second);
    assert_true(exists());
    cr_region_close(&first);
}

static void leftover_of_a_killed_owner_is_reclaimed(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct cr_region region;
        char ok = make(&region, 8192, NULL) == 0;
        if (write(ready[1], &ok, 1) == 1)
            pause();
        _exit(1);
    }
    char ok = 0;
    assert_int_equal(read(ready[0], &ok, 1), 1);
    assert_true(ok);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);

    assert_true(exists());
    struct cr_region region;
    assert_int_equal(make(&region, 4096, NULL), 0);
    assert_int_equal(region.bytes, 4096);
    cr_region_close(&region);
    assert_false(exists());
}

static void too_small_dev_shm_is_said_with_both_sizes(void **state)
{
    (void)state;
    struct cr_region region;
    struct canring_error err;
    assert_int_equal(make(&region, 1ull << 45, &err), -ENOSPC);
    assert_non_null(strstr(err.text, "35184372088832 bytes needed"));
    assert_non_null(strstr(err.text, " free"));
    assert_false(exists());
}

static void what_runs_over_the_end_continues_at_the_start(void **state)
{
    (void)state;
    struct cr_region region;
    struct cr_mapping mapping;
    size_t page = cr_page_size();
    assert_int_equal(make(&region, 3 * page, NULL), 0);
    struct cr_piece pieces[] = {
        {.offset = page, .bytes = 2 * page, .writable = true, .twice = true},
        {.offset = 0, .bytes = page},
    };
    assert_int_equal(cr_region_map(&region, pieces, 2, &mapping, NULL), 0);
    char *ring = pieces[0].address;
    memcpy(ring + 2 * page - 3, "abcdef", 6);
    assert_memory_equal(ring, "def", 3);
    ring[1] = 'X';
    assert_memory_equal(ring + 2 * page - 3, "abcdXf", 6);
    assert_int_equal(*(char *)pieces[1].address, 0);
    cr_region_unmap(&mapping);
    cr_region_close(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(object_is_private_allocated_and_removed_by_its_owner, fresh_name),
        cmocka_unit_test_setup(second_owner_is_refused_while_the_first_lives, fresh_name),
        cmocka_unit_test_setup(leftover_of_a_killed_owner_is_reclaimed, fresh_name),
        cmocka_unit_test_setup(too_small_dev_shm_is_said_with_both_sizes, fresh_name),
        cmocka_unit_test_setup(what_runs_over_the_end_continues_at_the_start, fresh_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
