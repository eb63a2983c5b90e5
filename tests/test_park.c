#include "check.h"

#include <canring/wait.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 20000 };

struct pair { /* two rings: there and back */
    struct canring_ring there, back;
    enum canring_wait how;
    unsigned answered;
};

static void send_number(struct canring_producer *p, uint32_t number)
{
    uint8_t *bytes = canring_ring_claim(p, 12);
    assert_non_null(bytes);
    memcpy(bytes + 8, &number, sizeof(number));
    canring_ring_commit(p, 12);
    canring_ring_publish_wake(p);
}

/* Waits in slices of 2 s: a lost wake-up shows as a slice that ran out. */
static bool receive_number(struct canring_consumer *c, enum canring_wait how, uint32_t *number)
{
    uint32_t size;
    const struct canring_record *record = canring_ring_peek(c, &size);
    for (unsigned tries = 0; !record && tries < 5; tries++) {
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        canring_ring_wait(c, how, 2000000000ull);
        clock_gettime(CLOCK_MONOTONIC, &after);
        record = canring_ring_peek(c, &size);
        if (!record && after.tv_sec - before.tv_sec >= 2)
            return false;
    }
    if (!record)
        return false;
    memcpy(number, (const uint8_t *)record + 8, sizeof(*number));
    canring_ring_consume(c);
    canring_ring_release_wake(c);
    return true;
}

static void *answer(void *arg)
{
    struct pair *pair = arg;
    struct canring_consumer in;
    struct canring_producer out;
    canring_consumer_init(&in, &pair->there);
    canring_producer_init(&out, &pair->back);
    for (uint32_t i = 0, number; i < ROUNDS; i++) {
        if (!receive_number(&in, pair->how, &number) || number != i)
            return NULL;
        send_number(&out, number);
        pair->answered++;
    }
    return NULL;
}

static void ping_pong(enum canring_wait how)
{
    struct pair pair = {.how = how};
    assert_int_equal(canring_ring_create(&pair.there, 128, NULL), 0);
    assert_int_equal(canring_ring_create(&pair.back, 128, NULL), 0);
    struct canring_producer out;
    struct canring_consumer in;
    canring_producer_init(&out, &pair.there);
    canring_consumer_init(&in, &pair.back);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer, &pair), 0);
    for (uint32_t i = 0, number; i < ROUNDS; i++) {
        send_number(&out, i);
        assert_true(receive_number(&in, how, &number));
        assert_int_equal(number, i);
    }
    pthread_join(thread, NULL);
    assert_int_equal(pair.answered, ROUNDS);
    canring_ring_destroy(&pair.there);
    canring_ring_destroy(&pair.back);
}

static void no_wake_up_is_lost_when_both_park(void **state)
{
    (void)state;
    ping_pong(CANRING_WAIT_PARK);
}

static void no_wake_up_is_lost_when_both_adapt(void **state)
{
    (void)state;
    ping_pong(CANRING_WAIT_ADAPTIVE);
}

static void *fill(void *arg)
{
    struct pair *pair = arg;
    struct canring_producer out;
    canring_producer_init(&out, &pair->there);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (!canring_ring_claim(&out, 12)) /* much faster than the reader: sleeps for room */
            canring_ring_wait_room(&out, 12, pair->how, 2000000000ull);
        send_number(&out, i);
    }
    return NULL;
}

static void producer_that_sleeps_for_room_is_woken(void **state)
{
    (void)state;
    struct pair pair = {.how = CANRING_WAIT_PARK};
    assert_int_equal(canring_ring_create(&pair.there, 128, NULL), 0);
    struct canring_consumer in;
    canring_consumer_init(&in, &pair.there);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fill, &pair), 0);
    for (uint32_t i = 0, number = 0; i < ROUNDS; i++) {
        assert_true(receive_number(&in, CANRING_WAIT_PARK, &number));
        assert_int_equal(number, i);
    }
    pthread_join(thread, NULL);
    canring_ring_destroy(&pair.there);
}

static void wait_ends_at_its_timeout_without_burning_the_processor(void **state)
{
    (void)state;
    struct canring_ring ring;
    struct canring_consumer c;
    assert_int_equal(canring_ring_create(&ring, 128, NULL), 0);
    canring_consumer_init(&c, &ring);
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    assert_int_equal(canring_ring_wait(&c, CANRING_WAIT_PARK, 0), 0);
    assert_int_equal(canring_ring_wait(&c, CANRING_WAIT_PARK, 30000000), 0);
    assert_int_equal(canring_ring_wait(&c, CANRING_WAIT_ADAPTIVE, 30000000), 0);
    getrusage(RUSAGE_THREAD, &after);
    assert_true(after.ru_nvcsw - before.ru_nvcsw >= 2); /* it did sleep */
    canring_ring_destroy(&ring);
}

static void sleeper_on_an_fd_is_woken_once_per_sleep(void **state)
{
    (void)state;
    struct canring_ring ring;
    struct canring_producer p;
    struct canring_consumer c;
    uint64_t rung;
    assert_int_equal(canring_ring_create(&ring, 128, NULL), 0);
    canring_producer_init(&p, &ring);
    canring_consumer_init(&c, &ring);
    p.bell_fd = eventfd(0, EFD_NONBLOCK);

    send_number(&p, 1); /* awake: no bell */
    assert_int_equal(read(p.bell_fd, &rung, sizeof(rung)), -1);
    assert_false(canring_ring_prepare(&c, CANRING_ASLEEP_FD)); /* something is there */
    canring_ring_awake(&c);
    uint32_t number;
    assert_true(receive_number(&c, CANRING_WAIT_PARK, &number));

    for (unsigned sleeps = 0; sleeps < 3; sleeps++) {
        assert_true(canring_ring_prepare(&c, CANRING_ASLEEP_FD));
        send_number(&p, 2);
        send_number(&p, 3); /* the same sleep: one bell */
        assert_int_equal(read(p.bell_fd, &rung, sizeof(rung)), sizeof(rung));
        assert_int_equal(rung, 1);
        canring_ring_awake(&c);
        assert_true(receive_number(&c, CANRING_WAIT_PARK, &number));
        assert_true(receive_number(&c, CANRING_WAIT_PARK, &number));
    }
    close(p.bell_fd);
    canring_ring_destroy(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wake_up_is_lost_when_both_park),
        cmocka_unit_test(no_wake_up_is_lost_when_both_adapt),
        cmocka_unit_test(producer_that_sleeps_for_room_is_woken),
        cmocka_unit_test(wait_ends_at_its_timeout_without_burning_the_processor),
        cmocka_unit_test(sleeper_on_an_fd_is_woken_once_per_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
