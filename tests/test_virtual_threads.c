/* Threads on the in-memory bus, as processes are, where thread sanitizers can look. */
#include "virtual_board_rig.h"

#include <pthread.h>

#define THREADS     4u
#define THREAD_EACH 3000u

static atomic_uint threads_ready;

static void *talk(void *arg)
{
    struct pump *own = calloc(1, sizeof(*own) + 64);
    struct pump *mine = (struct pump *)(((uintptr_t)own + 63) & ~(uintptr_t)63);
    union canring_frame_buffer buffer;
    uint32_t id = *(const uint32_t *)arg;
    uint64_t got = 0;
    struct canring_bus_options options = virtual_options(BUS);
    /* epoll: liburing maps and unmaps rings behind the thread sanitizer's back. */
    bool fine = own && pump_open(mine, &cr_driver_virtual, &options, true) == 0;

    atomic_fetch_add(&threads_ready, 1);
    wait_until(&threads_ready, THREADS);
    for (uint32_t i = 0; fine && i < THREAD_EACH; i++) {
        fine = pump_send(mine, make_frame(&buffer, id, i)) == 0;
        got += (uint64_t)pump_receive(mine, 0);
    }
    while (fine && got < (THREADS - 1) * THREAD_EACH) {
        int rc = pump_receive(mine, 20000);
        fine = rc > 0;
        got += fine ? (uint64_t)rc : 0;
    }
    if (fine)
        pump_close(mine);
    free(own);
    return fine ? arg : NULL;
}

static void threads_share_a_bus_as_processes_do(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint32_t ids[THREADS];
    void *result;
    for (uint32_t i = 0; i < THREADS; i++) {
        ids[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &ids[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &ids[i]);
    }
    assert_int_equal(leftovers(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOARD_TEST(threads_share_a_bus_as_processes_do),
    };
    return cmocka_run_group_tests(tests, enter_with_board, leave_with_board);
}
