/* Many callers at once on one auxiliary, and processes killed at any instruction. Bounded. */
#include "auxiliary_rig.h"

#define THREADS   4
#define PROCESSES 3
#define COMMANDS  300
#define KILLS     25

struct caller {
    struct canring_auxiliary *aux;
    uint32_t seed;
    unsigned wrong;
};

/* Every reply must be that of its own command, whatever the size. */
static void *call_many(void *arg)
{
    struct caller *caller = arg;
    uint32_t random = caller->seed;
    static const size_t sizes[] = {4, 40, 9000, 65536};
    uint8_t *data = malloc(CANRING_MESSAGE_MAX);
    for (unsigned i = 0; i < COMMANDS; i++) {
        struct canring_message reply;
        random = random * 1664525u + 1013904223u;
        size_t size = sizes[random >> 30];
        memset(data, (int)(random >> 8), size);
        memcpy(data, &random, sizeof(random));
        int result = command(caller->aux, "echo", data, size, 30, &reply);
        caller->wrong += result != 1 || reply.size != size || memcmp(reply.data, data, size) != 0;
        canring_message_free(&reply);
        if (i % 16 == 0 && canring_auxiliary_lock_it(caller->aux, 30) == 1)
            caller->wrong += canring_auxiliary_unlock_it(caller->aux) != 0;
    }
    free(data);
    return NULL;
}

static unsigned call_with_threads(uint32_t seed)
{
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    unsigned wrong = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.aux = aux, .seed = seed * THREADS + i + 1};
        if (pthread_create(&threads[i], NULL, call_many, &callers[i]) != 0)
            return 1;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        wrong += callers[i].wrong;
    }
    canring_auxiliary_close(aux);
    return wrong;
}

static void many_callers_each_get_their_own_replies(void **state)
{
    (void)state;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true), callers[PROCESSES];
    for (unsigned i = 0; i < PROCESSES; i++) {
        callers[i] = fork();
        if (callers[i] == 0)
            _exit(call_with_threads(i + 1) != 0);
    }
    assert_int_equal(call_with_threads(0), 0);
    for (unsigned i = 0; i < PROCESSES; i++)
        expect_exit(callers[i], 0);
    kill(pid, SIGTERM);
    expect_exit(pid, 0);
    assert_int_equal(leftovers(), 0);
}

/* A process that calls until it is killed, with large messages so that it dies inside one. */
static pid_t start_caller(uint32_t seed)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct caller caller = {.aux = open_auxiliary("aux1"), .seed = seed};
    for (;;)
        call_many(&caller);
}

static void callers_killed_anywhere_harm_nobody(void **state)
{
    (void)state;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    for (unsigned round = 0; round < KILLS; round++) {
        struct canring_message reply;
        pid_t first = start_caller(round * 2 + 1), second = start_caller(round * 2 + 2);
        usleep(1000 + round * 997 % 20000);
        end_auxiliary(first, SIGKILL);
        end_auxiliary(second, SIGKILL);
        assert_int_equal(command(aux, "echo", &round, sizeof(round), 30, &reply), 1);
        assert_int_equal(reply.size, sizeof(round));
        assert_memory_equal(reply.data, &round, sizeof(round));
        canring_message_free(&reply);
        assert_int_equal(canring_auxiliary_lock_it(aux, 30), 1);
        assert_int_equal(canring_auxiliary_unlock_it(aux), 0);
    }
    assert_int_equal(canring_auxiliary_stop(aux), 0);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
    assert_int_equal(leftovers(), 0);
}

static atomic_bool over;

/* While its auxiliary is killed again and again: every reply is right, every failure says so. */
static void *call_through_kills(void *arg)
{
    struct caller *caller = arg;
    uint32_t count = caller->seed;
    while (!atomic_load(&over)) {
        struct canring_message reply;
        count++;
        int result = command(caller->aux, "echo", &count, sizeof(count), 30, &reply);
        if (result == 1)
            caller->wrong +=
                reply.size != sizeof(count) || memcmp(reply.data, &count, sizeof(count)) != 0;
        else
            caller->wrong += result != -EPIPE;
        canring_message_free(&reply);
        if (result < 0)
            usleep(1000);
    }
    return NULL;
}

static void auxiliaries_killed_anywhere_are_followed_by_their_successors(void **state)
{
    (void)state;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    struct caller callers[2] = {{.aux = aux, .seed = 1000}, {.aux = aux, .seed = 2000}};
    pthread_t threads[2];
    atomic_store(&over, false);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_through_kills, &callers[i]), 0);
    for (unsigned round = 0; round < KILLS; round++) {
        struct canring_message reply;
        usleep(1000 + round * 1301 % 20000);
        end_auxiliary(pid, SIGKILL);
        pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
        int result = -EPIPE;
        for (unsigned tries = 0; tries < 20 && result == -EPIPE; tries++)
            result = command(aux, "echo", "x", 1, 30, &reply);
        assert_int_equal(result, 1);
        canring_message_free(&reply);
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].wrong, 0);
    }
    assert_int_equal(canring_auxiliary_stop(aux), 0);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
    assert_int_equal(leftovers(), 0);
}

int main(void)
{
    begin_runtime("storm");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_callers_each_get_their_own_replies),
        cmocka_unit_test(callers_killed_anywhere_harm_nobody),
        cmocka_unit_test(auxiliaries_killed_anywhere_are_followed_by_their_successors),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
