/* Channels that a group's members may attach to: other users, as far as the kernel lets them. */
#include "proxy_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "proxy/control.h"
#include "proxy/engine.h"

#define GROUP   "daemon" /* there is one on every machine */
#define NOT_OUR 54321    /* uid and gid of nobody in particular */

static gid_t group;
static int told[2]; /* a pipe to us from another */

/* A process of another user with these groups that ends with what `act` returns; 100 if it cannot
 * be. */
static pid_t begin_as_another(const gid_t *groups, size_t count, int (*act)(void))
{
    pid_t child = fork();
    if (child)
        return child;
    if (setgroups(count, groups) < 0 || setresgid(NOT_OUR, NOT_OUR, NOT_OUR) < 0 ||
        setresuid(NOT_OUR, NOT_OUR, NOT_OUR) < 0)
        _exit(100);
    _exit(act());
}

static int end_of(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static int as_another(const gid_t *groups, size_t count, int (*act)(void))
{
    return end_of(begin_as_another(groups, count, act));
}

/* 0 when `result` is the expected one and its words are there; else a number, the words printed. */
static int refused(int result, const struct canring_error *err, int expected, const char *words)
{
    if (result == expected && strstr(err->text, words))
        return 0;
    fprintf(stderr, "%d: %s\n", result, err->text);
    return 1;
}

static struct canring_channel *attach_as_member(void)
{
    struct canring_channel *channel = NULL;
    struct canring_error err = {0};
    if (canring_channel_attach(&channel, "proxy/com1", NULL, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    return channel;
}

static int exchange(void)
{
    struct canring_channel *channel = attach_as_member();
    union canring_frame_buffer b;
    if (!channel)
        return 1;
    canring_frame_classic(&b.frame, 0x42, "hello", 5);
    if (canring_channel_send(channel, &b.frame, 1000) < 0 ||
        canring_channel_receive(channel, &b, 5000) != 1 || b.frame.id != 0x43)
        return 2;
    canring_channel_detach(channel);
    return 0;
}

static int attach_and_leave(void)
{
    struct canring_channel *channel = attach_as_member();
    canring_channel_detach(channel);
    return channel ? 0 : 1;
}

static int attach_refused(const char *name, const char *words)
{
    struct canring_channel *channel;
    struct canring_error err = {0};
    return refused(canring_channel_attach(&channel, name, NULL, &err), &err, -EACCES, words);
}

static int open_the_directory(void)
{
    return open(runtime, O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES ? 0 : 1;
}

static int ask_for_the_state(void)
{
    char *json = NULL;
    struct canring_error err = {0};
    return canring_proxies(&json, &err) < 0 ? refused(err.code, &err, -EACCES, "Permission denied")
                                            : 1;
}

static int take_another_channel(void)
{
    return attach_refused("proxy/com2", "com2 is not for your user");
}

static int observe(void)
{
    return attach_refused("proxy/", "only the user who runs the proxy");
}

static int attach_from_outside(void)
{
    return attach_refused("proxy/com1", "no channel for your user");
}

static void start_for_the_group(void)
{
    channels[0].group = GROUP;
    start();
    channels[0].group = NULL;
}

static void a_member_attaches_and_exchanges_frames(void **state)
{
    (void)state;
    const struct canring_frame *asked;
    union canring_frame_buffer answer;
    start_for_the_group();
    pid_t member = begin_as_another(&group, 1, exchange);
    assert_int_equal(receive_patiently(rig.bus, &asked, 10000), 1);
    assert_int_equal(asked->id, 0x42);
    canring_frame_classic(&answer.frame, 0x43, "you", 3);
    assert_int_equal(canring_bus_send(rig.bus, &answer.frame, 1000), 0);
    assert_int_equal(end_of(member), 0);
    assert_int_equal(as_another(&group, 1, attach_and_leave), 0);
    stop();
}

static void a_member_has_no_more_than_its_channels(void **state)
{
    (void)state;
    start_for_the_group();
    assert_int_equal(as_another(&group, 1, take_another_channel), 0);
    assert_int_equal(as_another(&group, 1, observe), 0);
    assert_int_equal(as_another(&group, 1, ask_for_the_state), 0);
    assert_int_equal(as_another(&group, 1, open_the_directory), 0);
    struct canring_channel *ours = attach("proxy/com2"); /* the user still may */
    canring_channel_detach(ours);
    stop();
}

static void others_are_turned_away(void **state)
{
    (void)state;
    gid_t other = NOT_OUR + 1;
    start_for_the_group();
    assert_int_equal(as_another(&other, 1, attach_from_outside), 0);
    assert_int_equal(as_another(NULL, 0, attach_from_outside), 0);
    stop();
}

/* Many groups: more than fit any buffer of a fixed size. */
static void a_member_of_many_groups_is_found(void **state)
{
    (void)state;
    gid_t many[1000];
    for (unsigned i = 0; i < 999; i++)
        many[i] = NOT_OUR + 1 + i;
    many[999] = group;
    start_for_the_group();
    assert_int_equal(as_another(many, 1000, attach_and_leave), 0);
    stop();
}

/* All that an auxiliary could have written, and the header. */
static int scribble(void)
{
    static unsigned char ones[3 * 4096];
    memset(ones, 0xff, sizeof(ones));
    int fd = shm_open(rig.proxy->ports[0]->segment.region.name, O_RDWR, 0);
    return fd >= 0 && pwrite(fd, ones, sizeof(ones), 0) == (ssize_t)sizeof(ones) ? 0 : 1;
}

static int truncate_it(void)
{
    int fd = shm_open(rig.proxy->ports[0]->segment.region.name, O_RDWR, 0);
    return fd >= 0 && ftruncate(fd, 4096) == 0 ? 0 : 1;
}

/* What broke: the next one could not attach, and the counts were of the scribbler's invention. */
static void what_a_member_wrote_is_nobody_elses(void **state)
{
    (void)state;
    int (*const deeds[])(void) = {scribble, truncate_it, scribble};
    char *json, kicked[32];
    start_for_the_group();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(as_another(&group, 1, deeds[i]), 0);
        struct canring_channel *one = attach("proxy/com1");
        assert_int_equal(times_noted("com1: its shared memory was changed"), i + 1);
        send_numbered(rig.bus, 10 * i, 10);
        expect_numbered(one, 10 * i, 10);
        canring_channel_detach(one);
        wait_until_free();
        assert_int_equal(canring_proxies(&json, NULL), 1);
        snprintf(kicked, sizeof(kicked), "\"kicked\": %u", i + 1);
        assert_non_null(strstr(json, kicked));
        assert_null(strstr(json, ": -"));
        free(json);
    }
    assert_int_equal(as_another(&group, 1, attach_and_leave), 0);
    assert_int_equal(times_noted("com1: its shared memory was changed"), 3);
    stop();
}

static int try_the_socket(void)
{
    return attach_refused("proxy/com1", "proxy 'proxy' is not for your user");
}

static void without_a_group_nobody_else_comes_near(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    mode_t before = umask(0); /* says nothing about sockets of ours */
    assert_int_equal(chmod(runtime, 0755), 0);
    start();
    umask(before);
    snprintf(path, sizeof(path), "%s/proxy.sock", runtime);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(as_another(&group, 1, try_the_socket), 0);
    stop();
}

/* Holds what it can get of a directory that it may read, until it is killed. */
static int lock_the_directory(void)
{
    char path[128];
    int fd = open(runtime, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return 1;
    snprintf(path, sizeof(path), "%s/.lock", runtime);
    if (open(path, O_RDWR | O_CREAT, 0600) >= 0 || errno != EACCES)
        return 2;
    if (write(told[1], "", 1) == 1)
        pause();
    return 3;
}

/* What broke: proxies locked the directory, and waited for whoever did so before. */
static void who_may_read_the_directory_keeps_no_proxy_waiting(void **state)
{
    (void)state;
    char byte, path[128], *json = NULL;
    struct canring_error err = {0};
    mkdir(runtime, 0755);
    assert_int_equal(chmod(runtime, 0755), 0);
    assert_int_equal(pipe(told), 0);
    pid_t locker = begin_as_another(NULL, 0, lock_the_directory);
    close(told[1]);
    assert_int_equal(read(told[0], &byte, 1), 1);
    close(told[0]);
    alarm(30);
    cr_control_remove_leftover("killed");
    start();
    assert_int_equal(canring_proxies(&json, &err), 1);
    free(json);
    stop();
    alarm(0);
    kill(locker, SIGKILL);
    assert_int_equal(end_of(locker), -1);
    snprintf(path, sizeof(path), "%s/.lock", runtime);
    assert_int_equal(access(path, F_OK), -1);
}

/* A directory that is open to some is as its owner wants it. */
static void modes_of_the_directory_are_kept(void **state)
{
    (void)state;
    const struct {
        mode_t before, after;
    } cases[] = {{0700, 0711}, {0750, 0750}, {02710, 02710}, {0755, 0755}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct stat st;
        assert_int_equal(chmod(runtime, cases[i].before), 0);
        start_for_the_group();
        stop();
        assert_int_equal(stat(runtime, &st), 0);
        assert_int_equal(st.st_mode & 07777, cases[i].after);
    }
}

static int nothing(void)
{
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROXY_TEST(a_member_attaches_and_exchanges_frames),
        PROXY_TEST(a_member_has_no_more_than_its_channels),
        PROXY_TEST(others_are_turned_away),
        PROXY_TEST(a_member_of_many_groups_is_found),
        PROXY_TEST(what_a_member_wrote_is_nobody_elses),
        PROXY_TEST(without_a_group_nobody_else_comes_near),
        PROXY_TEST(who_may_read_the_directory_keeps_no_proxy_waiting),
        PROXY_TEST(modes_of_the_directory_are_kept),
    };
    const struct group *found = getgrnam(GROUP);
    if (!found || as_another(&found->gr_gid, 1, nothing) != 0) {
        puts("skipped: cannot become another user of the group " GROUP);
        return 77;
    }
    group = found->gr_gid;
    return cmocka_run_group_tests(tests, make_runtime, remove_runtime);
}
