/* Where sockets live, and what objects in shared memory are called. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/control.h"
#include "shm/region.h"
#include "shm/runtime_dir.h"

static char runtime[64];

static const char *named(const char *a, const char *b)
{
    static char names[2][256];
    static unsigned which;
    char *name = names[which ^= 1];
    assert_int_equal(cr_shm_name(name, sizeof(names[0]), "channel", a, b, NULL), 0);
    assert_null(strchr(name + 1, '/'));
    return name;
}

static void different_names_are_different_objects(void **state)
{
    (void)state;
    assert_string_not_equal(named("a.b", "c"), named("a", "b.c"));
    assert_string_not_equal(named("a/b", "c"), named("a_b", "c"));
    assert_string_not_equal(named("a b", "c"), named("a_b", "c"));
    assert_string_not_equal(named("a.b", NULL), named("a", "b"));
    assert_string_not_equal(named("a.b", "c"), named("a%2Eb", "c"));
    assert_string_equal(named("a.b", "c"), named("a.b", "c"));
    assert_non_null(strstr(named("proxy", "com1"), ".channel.proxy.com1"));
    assert_non_null(strstr(named("\303\244\t", "1%"), ".channel.\303\244%09.1%25"));
}

/* A dead proxy's channels are found by what their names begin with. */
static void no_proxys_objects_begin_like_anothers(void **state)
{
    (void)state;
    char begins[256];
    snprintf(begins, sizeof(begins), "%s", named("a", ""));
    assert_int_equal(strncmp(named("a", "b"), begins, strlen(begins)), 0);
    assert_int_not_equal(strncmp(named("a.b", "c"), begins, strlen(begins)), 0);
}

static void name_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char name[256];
    const size_t whole = strlen(named("ab", "c.d")) + 1;
    for (size_t size = 1; size < whole; size++) {
        struct canring_error err = {0};
        memset(name, 'x', sizeof(name));
        assert_int_equal(cr_shm_name(name, size, "channel", "ab", "c.d", &err), -ENAMETOOLONG);
        assert_int_equal(name[size], 'x');
        assert_non_null(strstr(err.text, "too long"));
    }
    assert_int_equal(cr_shm_name(name, whole, "channel", "ab", "c.d", NULL), 0);
}

static void the_longest_names_fit_together(void **state)
{
    (void)state;
    char name[CR_REGION_NAME], proxy[64], channel[64];
    memset(proxy, 'p', sizeof(proxy));
    memset(channel, 'c', sizeof(channel));
    proxy[63] = channel[63] = '\0';
    assert_int_equal(cr_shm_name(name, sizeof(name), "auxiliary", proxy, channel, NULL), 0);
    assert_non_null(strstr(name, proxy));
    assert_non_null(strstr(name, channel));
}

static void directory_is_made_for_its_user_alone(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    assert_int_equal(cr_runtime_dir(path, sizeof(path), NULL), 0);
    assert_string_equal(path, runtime);
    assert_int_equal(stat(runtime, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void directory_that_others_may_write_to_is_refused(void **state)
{
    (void)state;
    char path[128];
    struct canring_error err = {0};
    assert_int_equal(mkdir(runtime, 0700), 0);
    assert_int_equal(chmod(runtime, 0722), 0);
    assert_int_equal(cr_runtime_dir(path, sizeof(path), &err), -EPERM);
    assert_int_equal(cr_runtime_dir_of_others(path, sizeof(path), &err), -EPERM);
    assert_non_null(strstr(err.text, "others cannot write to"));
}

static void anothers_directory_is_only_for_connecting(void **state)
{
    (void)state;
    char path[128];
    struct canring_error err = {0};
    assert_int_equal(mkdir(runtime, 0755), 0);
    if (chown(runtime, 54321, 54321) < 0)
        skip(); /* not root */
    assert_int_equal(cr_runtime_dir(path, sizeof(path), &err), -EPERM);
    assert_int_equal(cr_runtime_dir_of_others(path, sizeof(path), &err), 0);
    assert_string_equal(path, runtime);
}

static void never_visited(void *arg, const char *proxy)
{
    (void)arg;
    fail_msg("%s", proxy);
}

/* Else a client that is early makes the directory that its proxy is then refused. */
static void looking_for_others_makes_no_directory(void **state)
{
    (void)state;
    char path[128];
    struct canring_error err = {0};
    assert_int_equal(cr_runtime_dir_of_others(path, sizeof(path), NULL), -ENOENT);
    assert_int_equal(cr_control_connect("anyone", &err), -ENOENT);
    assert_non_null(strstr(err.text, "no proxy named 'anyone' is running"));
    assert_non_null(strstr(err.text, runtime));
    assert_int_equal(cr_control_each(never_visited, NULL, NULL), 0);
    assert_int_equal(access(runtime, F_OK), -1);
}

static int setup(void **state)
{
    (void)state;
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-runtime-%d", (int)getpid());
    return setenv("CANRING_RUNTIME_DIR", runtime, 1);
}

static int teardown(void **state)
{
    (void)state;
    rmdir(runtime);
    return 0;
}

#define RUNTIME_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(different_names_are_different_objects),
        RUNTIME_TEST(no_proxys_objects_begin_like_anothers),
        RUNTIME_TEST(name_that_does_not_fit_is_refused),
        RUNTIME_TEST(the_longest_names_fit_together),
        RUNTIME_TEST(directory_is_made_for_its_user_alone),
        RUNTIME_TEST(directory_that_others_may_write_to_is_refused),
        RUNTIME_TEST(anothers_directory_is_only_for_connecting),
        RUNTIME_TEST(looking_for_others_makes_no_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
