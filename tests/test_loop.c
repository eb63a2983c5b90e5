#include "loop_probe.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void watched_fd_reports_each_time_it_becomes_readable(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell;
    probe_init(&bell, loop, new_bell());
    assert_int_equal(cr_loop_watch(loop, &bell.source, bell.fd, POLLIN), 0);
    assert_int_equal(cr_loop_poll(loop), 0);
    for (unsigned i = 1; i <= 3; i++) {
        ring_bell(bell.fd);
        await_one(loop);
        assert_int_equal(bell.calls, i);
        assert_true(bell.result & POLLIN);
    }
    cr_loop_disarm(loop, &bell.source);
    ring_bell(bell.fd);
    assert_int_equal(cr_loop_wait(loop, MS), 0);
    assert_int_equal(bell.calls, 3);
    close(bell.fd);
    cr_loop_close(loop);
}

static void fd_that_is_ready_when_it_is_watched_reports_at_once(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell, writable;
    probe_init(&bell, loop, new_bell());
    probe_init(&writable, loop, -1);
    ring_bell(bell.fd);
    assert_int_equal(cr_loop_watch(loop, &bell.source, bell.fd, POLLIN), 0);
    /* a second watch on the same fd: send and receive sides of one socket */
    assert_int_equal(cr_loop_watch(loop, &writable.source, bell.fd, POLLOUT), 0);
    while (!bell.calls || !writable.calls)
        assert_true(cr_loop_wait(loop, FOREVER) >= 0);
    assert_true(writable.result & POLLOUT);
    cr_loop_disarm(loop, &writable.source);
    ring_bell(bell.fd);
    await_one(loop);
    assert_int_equal(bell.calls, 2);
    cr_loop_close(loop);
    close(bell.fd);
}

static void source_disarmed_by_another_is_not_called(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe one, two;
    probe_init(&one, loop, new_bell());
    probe_init(&two, loop, new_bell());
    one.victim = &two;
    two.victim = &one;
    cr_loop_watch(loop, &one.source, one.fd, POLLIN);
    cr_loop_watch(loop, &two.source, two.fd, POLLIN);
    assert_int_equal(cr_loop_poll(loop), 0);
    ring_bell(one.fd);
    ring_bell(two.fd);
    await_one(loop);
    assert_int_equal(cr_loop_wait(loop, MS), 0);
    assert_int_equal(one.calls + two.calls, 1);
    close(one.fd);
    close(two.fd);
    cr_loop_close(loop);
}

static void source_can_be_armed_again_from_its_own_ready(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell;
    probe_init(&bell, loop, new_bell());
    bell.victim = &bell;
    for (unsigned i = 1; i <= 100; i++) {
        assert_int_equal(cr_loop_watch(loop, &bell.source, bell.fd, POLLIN), 0);
        ring_bell(bell.fd);
        await_one(loop);
        assert_int_equal(bell.calls, i);
    }
    close(bell.fd);
    cr_loop_close(loop);
}

/* The answer to a cancel is not an event: a wait does not end early because of it. (A few may end
 * early all the same: the kernel interrupts sleeps to clean up a ring that was closed before.) */
static void wait_is_not_ended_by_what_was_disarmed_before(void **state)
{
    enum { ROUNDS = 20 };
    struct cr_loop *loop = open_loop(state);
    struct probe gone, timer;
    unsigned early = 0;
    probe_init(&gone, loop, new_bell());
    probe_init(&timer, loop, -1);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        cr_loop_watch(loop, &gone.source, gone.fd, POLLIN);
        cr_loop_poll(loop);
        cr_loop_disarm(loop, &gone.source);
        cr_loop_timer(loop, &timer.source, MS);
        while (timer.calls < i)
            early += cr_loop_wait(loop, FOREVER) == 0;
    }
    assert_in_range(early, 0, ROUNDS / 2);
    close(gone.fd);
    cr_loop_close(loop);
}

static void timers_fire_in_order_of_expiry_and_once(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe early, late, never;
    probe_init(&early, loop, -1);
    probe_init(&late, loop, -1);
    probe_init(&never, loop, -1);
    assert_int_equal(cr_loop_timer(loop, &never.source, FOREVER), 0);
    assert_int_equal(cr_loop_timer(loop, &late.source, 40 * MS), 0);
    assert_int_equal(cr_loop_timer(loop, &early.source, 1 * MS), 0);
    while (!early.calls)
        assert_true(cr_loop_wait(loop, FOREVER) >= 0);
    /* 39 ms later may have come already on a loaded machine: only the order is certain */
    while (!late.calls)
        assert_true(cr_loop_wait(loop, FOREVER) >= 0);
    assert_int_equal(early.calls, 1);
    assert_int_equal(cr_loop_wait(loop, 2 * MS), 0);
    assert_int_equal(early.calls + late.calls + never.calls, 2);
    cr_loop_close(loop);
}

static void timer_armed_again_moves_and_disarmed_never_fires(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe moved, gone, last;
    probe_init(&moved, loop, -1);
    probe_init(&gone, loop, -1);
    probe_init(&last, loop, -1);
    cr_loop_timer(loop, &moved.source, FOREVER);
    cr_loop_timer(loop, &gone.source, 1 * MS);
    cr_loop_timer(loop, &last.source, 10 * MS);
    cr_loop_timer(loop, &moved.source, 2 * MS);
    cr_loop_disarm(loop, &gone.source);
    while (!last.calls)
        assert_true(cr_loop_wait(loop, FOREVER) >= 0);
    assert_int_equal(moved.calls, 1);
    assert_int_equal(gone.calls, 0);
    cr_loop_close(loop);
}

static void poll_with_nothing_pending_makes_no_system_call(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell, timer;
    probe_init(&bell, loop, new_bell());
    probe_init(&timer, loop, -1);
    cr_loop_watch(loop, &bell.source, bell.fd, POLLIN);
    cr_loop_timer(loop, &timer.source, FOREVER);
    assert_int_equal(cr_loop_poll(loop), 0);
    uint64_t enters = cr_loop_enters(loop);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(cr_loop_poll(loop), 0);
    if (cr_loop_kind(loop) == CR_LOOP_URING)
        assert_int_equal(cr_loop_enters(loop), enters);
    else
        assert_int_equal(cr_loop_enters(loop), enters + 10000);
    ring_bell(bell.fd);
    if (cr_loop_sqpoll(loop)) { /* the kernel's thread takes its time, but not ours */
        while (cr_loop_poll(loop) == 0)
            ;
        assert_int_equal(cr_loop_enters(loop), enters);
    } else {
        assert_int_equal(cr_loop_poll(loop), 1);
    }
    assert_int_equal(bell.calls, 1);
    cr_loop_close(loop);
    close(bell.fd);
}

static void loop_fd_is_readable_exactly_when_poll_would_dispatch(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell, timer;
    probe_init(&bell, loop, new_bell());
    probe_init(&timer, loop, -1);
    cr_loop_watch(loop, &bell.source, bell.fd, POLLIN);
    assert_int_equal(cr_loop_poll(loop), 0);
    struct pollfd outer = {.fd = cr_loop_fd(loop), .events = POLLIN};
    assert_int_equal(poll(&outer, 1, 0), 0);
    ring_bell(bell.fd);
    assert_int_equal(poll(&outer, 1, -1), 1);
    assert_int_equal(cr_loop_poll(loop), 1);
    assert_int_equal(poll(&outer, 1, 0), 0);
    cr_loop_timer(loop, &timer.source, MS);
    assert_true(cr_loop_poll(loop) >= 0);
    while (!timer.calls) {
        assert_int_equal(poll(&outer, 1, -1), 1);
        assert_true(cr_loop_poll(loop) > 0);
    }
    assert_int_equal(poll(&outer, 1, 0), 0);
    cr_loop_close(loop);
    close(bell.fd);
}

static void *ring_after_a_while(void *arg)
{
    const struct timespec pause = {.tv_nsec = 2 * MS};
    nanosleep(&pause, NULL);
    ring_bell(*(int *)arg);
    return NULL;
}

/* What broke: kernels forget to ring an eventfd, but for the first time, when what became ready is
 * an eventfd too. */
static void loop_fd_tells_of_every_bell(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe before, after;
    probe_init(&before, loop, new_bell());
    probe_init(&after, loop, new_bell());
    cr_loop_watch(loop, &before.source, before.fd, POLLIN);
    assert_int_equal(cr_loop_poll(loop), 0);
    struct pollfd outer = {.fd = cr_loop_fd(loop), .events = POLLIN};
    cr_loop_watch(loop, &after.source, after.fd, POLLIN);
    for (unsigned i = 0; i < 20; i++) {
        struct probe *bell = i % 2 ? &after : &before;
        unsigned calls = bell->calls;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, ring_after_a_while, &bell->fd), 0);
        while (bell->calls == calls) {
            assert_int_equal(poll(&outer, 1, 20000), 1);
            assert_true(cr_loop_poll(loop) >= 0);
        }
        pthread_join(thread, NULL);
        ring_bell(bell->fd);
        assert_int_equal(poll(&outer, 1, 20000), 1);
        assert_int_equal(cr_loop_poll(loop), 1);
    }
    assert_int_equal(cr_loop_wait(loop, MS), 0);
    ring_bell(after.fd);
    assert_int_equal(cr_loop_wait(loop, FOREVER), 1);
    cr_loop_close(loop);
    close(before.fd);
    close(after.fd);
}

static void loop_works_on_when_there_is_no_fd_for_others(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct rlimit before, none;
    struct probe bell;
    int lowest = dup(0);
    probe_init(&bell, loop, new_bell());
    cr_loop_watch(loop, &bell.source, bell.fd, POLLIN);
    assert_int_equal(cr_loop_poll(loop), 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int fd = cr_loop_fd(loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    if (cr_loop_kind(loop) == CR_LOOP_URING)
        assert_int_equal(fd, -EMFILE);
    ring_bell(bell.fd);
    assert_int_equal(cr_loop_wait(loop, FOREVER), 1);
    struct pollfd outer = {.fd = cr_loop_fd(loop), .events = POLLIN};
    assert_true(outer.fd >= 0);
    ring_bell(bell.fd);
    assert_int_equal(poll(&outer, 1, 20000), 1);
    assert_int_equal(cr_loop_poll(loop), 1);
    assert_int_equal(bell.calls, 2);
    cr_loop_close(loop);
    close(bell.fd);
}

static void many_sources_armed_before_the_first_poll_all_work(void **state)
{
    enum { MANY = 600 }; /* more than the submission queue holds */
    struct cr_loop *loop = open_loop(state);
    struct probe *bells = test_calloc(MANY, sizeof(*bells));
    unsigned calls = 0;
    int fd = new_bell();
    for (unsigned i = 0; i < MANY; i++) {
        probe_init(&bells[i], loop, -1);
        assert_int_equal(cr_loop_watch(loop, &bells[i].source, fd, POLLOUT), 0);
    }
    while (calls < MANY) {
        int n = cr_loop_wait(loop, FOREVER);
        assert_true(n >= 0);
        calls += (unsigned)n;
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(bells[i].calls, 1);
    cr_loop_close(loop);
    test_free(bells);
    close(fd);
}

static void *run_until_called(void *arg)
{
    struct probe *bell = arg;
    while (!bell->calls)
        if (cr_loop_wait(bell->loop, FOREVER) < 0)
            return NULL;
    /* the thread that runs the loop takes it down as far as its own sources go */
    cr_loop_disarm(bell->loop, &bell->source);
    return bell;
}

static void loop_opened_on_one_thread_runs_on_another(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell;
    pthread_t thread;
    void *result;
    probe_init(&bell, loop, new_bell());
    cr_loop_watch(loop, &bell.source, bell.fd, POLLIN);
    assert_int_equal(pthread_create(&thread, NULL, run_until_called, &bell), 0);
    ring_bell(bell.fd);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &bell);
    cr_loop_close(loop);
    close(bell.fd);
}

static void *run_once(void *arg)
{
    struct probe *bell = arg;
    while (!bell->calls)
        if (cr_loop_wait(bell->loop, FOREVER) < 0)
            return NULL;
    return bell;
}

/* What broke: it entered, and closed, whatever ring of its own the closing thread had registered
 * under the same number. */
static void loop_that_ran_on_another_thread_is_closed_without_harm(void **state)
{
    struct cr_loop *own = open_loop(state), *other = open_loop(state);
    struct probe here, there;
    pthread_t thread;
    void *result;
    probe_init(&here, own, new_bell());
    probe_init(&there, other, new_bell());
    cr_loop_watch(own, &here.source, here.fd, POLLIN);
    cr_loop_watch(other, &there.source, there.fd, POLLIN);
    ring_bell(here.fd);
    while (here.calls < 1)
        assert_true(cr_loop_wait(own, FOREVER) >= 0);
    assert_int_equal(pthread_create(&thread, NULL, run_once, &there), 0);
    ring_bell(there.fd);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &there);
    alarm(20);
    cr_loop_disarm(other, &there.source);
    cr_loop_close(other);
    ring_bell(here.fd);
    while (here.calls < 2)
        assert_true(cr_loop_wait(own, FOREVER) >= 0);
    cr_loop_disarm(own, &here.source);
    cr_loop_close(own);
    alarm(0);
    close(here.fd);
    close(there.fd);
}

/* Containers forbid io_uring by answering EPERM: so does this filter, in a child of its own. */
static int forbid_io_uring(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = 4, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int open_where_it_is_forbidden(void)
{
    struct cr_loop *loop;
    if (forbid_io_uring())
        return 77;
    if (cr_loop_open(&loop, false, NULL) < 0)
        return 1;
    return cr_loop_kind(loop) == CR_LOOP_EPOLL ? 0 : 2;
}

static void loop_is_epoll_where_io_uring_is_forbidden(void **state)
{
    (void)state;
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(open_where_it_is_forbidden());
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    static const enum loop_under_test uring = ON_URING, epoll = ON_EPOLL, sqpoll = ON_SQPOLL;
    const struct CMUnitTest tests[] = {
        ON_ALL(watched_fd_reports_each_time_it_becomes_readable),
        ON_ALL(fd_that_is_ready_when_it_is_watched_reports_at_once),
        ON_ALL(source_disarmed_by_another_is_not_called),
        ON_ALL(source_can_be_armed_again_from_its_own_ready),
        ON_ALL(wait_is_not_ended_by_what_was_disarmed_before),
        ON_ALL(timers_fire_in_order_of_expiry_and_once),
        ON_ALL(timer_armed_again_moves_and_disarmed_never_fires),
        ON_ALL(poll_with_nothing_pending_makes_no_system_call),
        ON_ALL(loop_fd_is_readable_exactly_when_poll_would_dispatch),
        ON_ALL(loop_fd_tells_of_every_bell),
        ON_ALL(loop_works_on_when_there_is_no_fd_for_others),
        ON_ALL(many_sources_armed_before_the_first_poll_all_work),
        ON_ALL(loop_opened_on_one_thread_runs_on_another),
        ON_ALL(loop_that_ran_on_another_thread_is_closed_without_harm),
        ON(uring, loop_is_epoll_where_io_uring_is_forbidden),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
