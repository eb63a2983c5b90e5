#include "check.h"

#include <canring/proxy.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/control.h"

static char runtime[64];

static void address_of(const char *proxy, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    assert_int_equal(cr_control_path(address->sun_path, sizeof(address->sun_path), proxy, NULL), 0);
}

/* A socket that listens and never accepts, like a proxy that is stopped, its queue full. */
static int stopped_proxy(const char *name, int visitors[8])
{
    struct sockaddr_un address;
    address_of(name, &address);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    for (unsigned i = 0; i < 8; i++) {
        visitors[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        /* beyond the backlog it is refused, which is the point */
        (void)connect(visitors[i], (struct sockaddr *)&address, sizeof(address));
    }
    return fd;
}

static void close_all(int fd, const int visitors[8])
{
    close(fd);
    for (unsigned i = 0; i < 8; i++)
        close(visitors[i]);
}

/* What broke: the look whether it lives waited for room in its queue, for ever, with the directory
 * locked, so that nobody else could start or ask either. */
static void stopped_proxy_is_neither_waited_for_nor_removed(void **state)
{
    (void)state;
    int visitors[8];
    char *json = NULL;
    struct canring_error err = {0};
    struct sockaddr_un address;
    address_of("stopped", &address);
    int fd = stopped_proxy("stopped", visitors);
    alarm(30);
    assert_int_equal(canring_proxies(&json, &err), 1);
    assert_non_null(strstr(json, "does not answer"));
    free(json);
    assert_int_equal(cr_control_connect("stopped", &err), -ETIMEDOUT);
    assert_int_equal(cr_control_listen("stopped", &err), -EEXIST);
    alarm(0);
    assert_int_equal(access(address.sun_path, F_OK), 0);
    close_all(fd, visitors);
    cr_control_remove_leftover("stopped");
    assert_int_equal(access(address.sun_path, F_OK), -1);
}

/* What broke: a program without descriptors left took the socket of a living proxy away. */
static void who_cannot_look_removes_nothing(void **state)
{
    (void)state;
    struct rlimit before, none;
    struct sockaddr_un address;
    address_of("living", &address);
    int fd = cr_control_listen("living", NULL), next = dup(fd);
    assert_true(fd >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next + 1; /* one: for the lock, none for the look */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    cr_control_remove_leftover("living");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(access(address.sun_path, F_OK), 0);
    close(fd);
    cr_control_remove_leftover("living");
}

int main(void)
{
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-control-%d", (int)getpid());
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_proxy_is_neither_waited_for_nor_removed),
        cmocka_unit_test(who_cannot_look_removes_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
