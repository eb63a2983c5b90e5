#include "check.h"

#include <canring/proxy.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
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

static void on_tick(int number)
{
    (void)number;
}

static timer_t signals_every_200_ms(void)
{
    struct sigaction action = {.sa_handler = on_tick};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec often = {.it_interval.tv_nsec = 200000000, .it_value.tv_nsec = 200000000};
    timer_t timer;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &often, NULL), 0);
    return timer;
}

/* What broke: each signal began the second anew that a proxy is given to answer. */
static void signals_do_not_prolong_the_wait(void **state)
{
    (void)state;
    int visitors[8];
    struct cr_request request = {0};
    static struct cr_reply reply;
    struct canring_error err = {0};
    int full = stopped_proxy("full", visitors), silent = cr_control_listen("silent", &err);
    assert_true(silent >= 0);
    int asking = cr_control_connect("silent", &err);
    assert_true(asking >= 0);
    timer_t timer = signals_every_200_ms();
    alarm(30);
    assert_int_equal(cr_control_connect("full", &err), -ETIMEDOUT);
    assert_int_equal(cr_control_ask(asking, &request, &reply, &err), -ETIMEDOUT);
    alarm(0);
    timer_delete(timer);
    close(asking);
    close(silent);
    close_all(full, visitors);
    cr_control_remove_leftover("full");
    cr_control_remove_leftover("silent");
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

static void *take_turns(void *arg)
{
    for (unsigned i = 0; i < 200; i++) {
        int fd = cr_control_listen(arg, NULL);
        if (fd >= 0)
            close(fd); /* dead: the next one has to remove the socket */
        cr_control_remove_leftover(arg);
    }
    return NULL;
}

/* The lock is removed by each who held it: whoever waited for it has to take another. */
static void many_lock_the_directory_and_leave_nothing(void **state)
{
    (void)state;
    pthread_t threads[4];
    static char names[4][8] = {"a", "b", "a", "b"};
    alarm(60);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, names[i]), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    alarm(0);
    assert_int_equal(rmdir(runtime), 0);
}

int main(void)
{
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-control-%d", (int)getpid());
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_proxy_is_neither_waited_for_nor_removed),
        cmocka_unit_test(signals_do_not_prolong_the_wait),
        cmocka_unit_test(who_cannot_look_removes_nothing),
        cmocka_unit_test(many_lock_the_directory_and_leave_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
