/* Programs that serve an auxiliary and fork: the child is not what its parent is. */
#include "auxiliary_rig.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_bool enough;

static int serve(const char *name)
{
    struct canring_auxiliary_context context = {.name = name, .config = "{}"};
    return canring_auxiliary_serve(&told_ops, &context, true, NULL);
}

/* What broke: "no process of ours has served yet" was taken for "we are a child", and forgot it. */
static void a_quit_before_the_first_serving_ends_it(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        canring_auxiliary_quit();
        _exit(serve("early") == 0 ? 0 : 1);
    }
    expect_exit(pid, 0);
}

static void *come_and_go(void *name)
{
    while (!atomic_load(&enough))
        if (serve(name) < 0)
            return name;
    return NULL;
}

static void *host(void *name)
{
    return serve(name) < 0 ? name : NULL;
}

/* As often as it takes: who comes in just now has not heard it. */
static void quit_until_ended(pthread_t thread)
{
    void *failed;
    do
        canring_auxiliary_quit();
    while (usleep(1000), pthread_tryjoin_np(thread, &failed) == EBUSY);
    assert_null(failed);
}

/* What broke: a child that was forked while a thread came or went waited for its lock for ever. */
static void children_of_a_busy_process_serve_theirs(void **state)
{
    (void)state;
    static char names[2][8] = {"one", "two"};
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, names[i]), 0);
    for (unsigned i = 0; i < 300; i++) {
        canring_auxiliary_quit();
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            canring_auxiliary_quit();
            _exit(serve("child") == 0 ? 0 : 1);
        }
        expect_exit(pid, 0);
    }
    atomic_store(&enough, true);
    for (unsigned i = 0; i < 2; i++)
        quit_until_ended(threads[i]);
}

/* What broke: the child told its parent's serving to end, and did not end itself. */
static void a_child_ends_on_sigterm_alone(void **state)
{
    (void)state;
    pthread_t thread;
    int status;
    char byte, serves[] = "host";
    int paused[2];
    assert_int_equal(pthread_create(&thread, NULL, host, serves), 0);
    struct canring_auxiliary *aux;
    for (unsigned tries = 0; canring_auxiliary_open(&aux, serves, NULL) < 0; tries++) {
        assert_true(tries < 1000);
        usleep(10000);
    }
    assert_int_equal(pipe(paused), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (write(paused[1], "", 1) == 1)
            alarm(20);
        for (;;)
            pause();
    }
    assert_int_equal(read(paused[0], &byte, 1), 1);
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
    assert_int_equal(pthread_tryjoin_np(thread, NULL), EBUSY);
    assert_int_equal(canring_auxiliary_stop(aux), 0);
    pthread_join(thread, NULL);
    canring_auxiliary_close(aux);
    close(paused[0]);
    close(paused[1]);
}

int main(void)
{
    begin_runtime("fork");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quit_before_the_first_serving_ends_it),
        cmocka_unit_test(a_child_ends_on_sigterm_alone),
        cmocka_unit_test(children_of_a_busy_process_serve_theirs),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
