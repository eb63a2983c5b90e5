/* Who sleeps on the in-memory bus is woken for every frame, and nobody else pays for it. */
#include "virtual_board_rig.h"

#define ROUNDS 20000u

/* As pump_receive, with time for the frame to come between the last look and falling asleep; a
 * sleep that only the timeout ended is a missed frame. */
static int receive_drowsily(uint32_t round)
{
    const struct cr_driver *driver = pump.bus->driver;
    int rc, events = 1;

    cr_batch_clear(&pump.batch);
    while ((rc = driver->receive(pump.bus, &pump.batch)) == 0 && events > 0) {
        for (volatile uint32_t i = 0; i < round % 64 * 1024; i++)
            ;
        if (driver->prepare_sleep(pump.bus))
            events = cr_loop_wait(pump.loop, UINT64_C(20000000000));
        driver->awake(pump.bus);
    }
    return events > 0 ? rc : 0;
}

/* Answer each odd counter with the next even one, or the other way round. */
static bool play(uint32_t parity)
{
    union canring_frame_buffer buffer;
    for (uint32_t i = parity; i < ROUNDS; i += 2) {
        if (receive_drowsily(i) != 1 || counter_of(cr_batch_first(&pump.batch)) != i ||
            pump_send(&pump, make_frame(&buffer, 1, i + 1)))
            return false;
    }
    return true;
}

static void answer(unsigned which)
{
    (void)which;
    if (open_virtual(&pump, BUS))
        _exit(2);
    cr_virtual_cut_safety_net(pump.bus);
    atomic_fetch_add(&board->ready, 1);
    if (!play(0))
        _exit(3);
    pump_close(&pump);
}

static void sleeper_never_misses_a_frame(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    pid_t child = start(answer, 0);
    wait_until(&board->ready, 1);
    assert_int_equal(open_virtual(&pump, BUS), 0);
    cr_virtual_cut_safety_net(pump.bus);
    assert_int_equal(pump_send(&pump, make_frame(&buffer, 1, 0)), 0);
    assert_true(play(1));
    assert_true(pump.bus->stats.send_calls > 0); /* it did sleep */
    assert_ended_well(child);
    pump_close(&pump);
}

static void nobody_asleep_means_no_system_call(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    assert_int_equal(open_hearing_itself(), 0);
    uint64_t enters = cr_loop_enters(pump.loop);
    for (uint32_t i = 0; i < 10000; i++) {
        const struct canring_frame *frame = make_frame(&buffer, 1, i);
        assert_int_equal(pump.bus->driver->send(pump.bus, &frame, 1), 1);
        cr_batch_clear(&pump.batch);
        assert_int_equal(pump.bus->driver->receive(pump.bus, &pump.batch), 1);
    }
    assert_int_equal(cr_loop_enters(pump.loop), enters);
    assert_int_equal(pump.bus->stats.send_calls + pump.bus->stats.receive_calls, 0);
    pump_close(&pump);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOARD_TEST(sleeper_never_misses_a_frame),
        BOARD_TEST(nobody_asleep_means_no_system_call),
    };
    return cmocka_run_group_tests(tests, enter_with_board, leave_with_board);
}
