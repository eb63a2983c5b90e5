/* The in-memory bus between processes: order, and death at any instruction. */
#include "virtual_board_rig.h"

#include "can/virtual_ring.h"

#define WRITERS 4
#define EACH    15000
#define KILLS   200
#define WORKERS 6

/* Order */

static void read_all(unsigned which)
{
    uint32_t next[WRITERS + 1] = {0};
    if (open_virtual(&pump, BUS))
        _exit(2);
    uint32_t number = pump.bus->number;
    atomic_fetch_add(&board->ready, 1);
    while (board->count[which] < WRITERS * EACH) {
        if (pump_receive(&pump, 20000) <= 0)
            _exit(3);
        for (struct canring_frame *f = cr_batch_first(&pump.batch); f;
             f = cr_batch_next(&pump.batch, f)) {
            if (!is_intact(f) || f->number != number++ || counter_of(f) != next[f->id]++)
                _exit(4);
            board->order[which] = board->order[which] * 31 + f->id;
            board->count[which]++;
        }
    }
    pump_close(&pump);
}

static void write_many(unsigned which)
{
    union canring_frame_buffer buffer;
    wait_until(&board->ready, READERS);
    if (open_virtual(&pump, BUS))
        _exit(2);
    for (uint32_t i = 0; i < EACH; i++) {
        if (pump_send(&pump, make_frame(&buffer, which + 1, i)))
            _exit(3);
        if (i % 16 == 0)
            pump_receive(&pump, 0);
    }
    pump_close(&pump);
}

static void all_readers_see_all_writers_in_one_order(void **state)
{
    (void)state;
    pid_t children[READERS + WRITERS];
    for (unsigned i = 0; i < READERS; i++)
        children[i] = start(read_all, i);
    for (unsigned i = 0; i < WRITERS; i++)
        children[READERS + i] = start(write_many, i);
    for (unsigned i = 0; i < READERS + WRITERS; i++)
        assert_ended_well(children[i]);
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(board->count[i], WRITERS * EACH);
        assert_int_equal(board->order[i], board->order[0]);
    }
    assert_int_equal(leftovers(), 0);
}

/* Death */

/* Frames received, and every number since the first either came or was counted as lost. */
struct audit {
    bool begun;
    uint32_t first;
    uint64_t frames;
};

static bool audit_batch(struct audit *audit)
{
    for (struct canring_frame *f = cr_batch_first(&pump.batch); f;
         f = cr_batch_next(&pump.batch, f)) {
        if (!audit->begun)
            audit->first = f->number;
        audit->begun = true;
        audit->frames++;
        if (!is_intact(f))
            return false;
    }
    return pump.bus->stats.rx_malformed == 0;
}

static bool audit_adds_up(const struct audit *audit)
{
    return !audit->begun || (uint32_t)(pump.bus->number - audit->first) ==
                                (uint32_t)(audit->frames + pump.bus->stats.rx_lost_kernel);
}

static void talk_until_killed(unsigned which)
{
    union canring_frame_buffer buffer;
    struct audit audit = {0};
    if (open_hearing_itself()) {
        atomic_fetch_add(&board->wrong, 1);
        _exit(2);
    }
    atomic_fetch_add(&board->ready, 1);
    for (uint32_t i = 0;; i++) {
        const struct canring_frame *frame = make_frame(&buffer, which + 1, i);
        pump.bus->driver->send(pump.bus, &frame, 1);
        if (pump_receive(&pump, i % 64 == 0) < 0 || !audit_batch(&audit))
            atomic_fetch_add(&board->wrong, 1);
    }
}

static void killing_anyone_at_any_time_leaves_the_others_whole(void **state)
{
    (void)state;
    pid_t workers[WORKERS];
    struct audit audit = {0};
    uint64_t seed = 1;

    assert_int_equal(open_hearing_itself(), 0);
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = start(talk_until_killed, i);
    wait_until(&board->ready, WORKERS);
    for (unsigned n = 0; n < KILLS; n++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned victim = (unsigned)(seed >> 33) % WORKERS;
        /* A batch at least, so that the bus is known to be alive between two kills. */
        assert_true(pump_receive(&pump, 20000) > 0);
        assert_true(audit_batch(&audit));
        usleep((unsigned)(seed >> 50) % 2000);
        assert_killed(workers[victim]);
        workers[victim] = start(talk_until_killed, victim);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        assert_killed(workers[i]);
    while (pump_receive(&pump, 0) > 0)
        assert_true(audit_batch(&audit));
    assert_true(audit_adds_up(&audit));
    assert_int_equal(atomic_load(&board->wrong), 0);
    pump_close(&pump);
    assert_int_equal(leftovers(), 0);
}

static void die_with_the_lock(unsigned which)
{
    struct cr_vbus vbus;
    struct canring_error err;
    char name[CR_REGION_NAME];
    (void)which;
    if (cr_shm_name(name, sizeof(name), "bus", BUS, NULL, &err) ||
        cr_vbus_attach(&vbus, name, &err) || !cr_vbus_lock(&vbus))
        _exit(2);
    memset(vbus.ring, 0xaa, 1000); /* an unfinished frame */
    kill(getpid(), SIGKILL);
}

static void dead_writers_lock_and_half_frame_are_taken_over(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    assert_int_equal(open_hearing_itself(), 0);
    assert_killed(start(die_with_the_lock, 0));
    assert_int_equal(pump_send(&pump, make_frame(&buffer, 1, 3)), 0);
    assert_int_equal(pump_receive(&pump, 5000), 1);
    assert_true(is_intact(cr_batch_first(&pump.batch)));
    assert_int_equal(cr_batch_first(&pump.batch)->number, 0);
    pump_close(&pump);
}

static void join_and_wait(unsigned which)
{
    union canring_frame_buffer buffer;
    (void)which;
    if (open_virtual(&pump, BUS) || pump_send(&pump, make_frame(&buffer, 1, 0)))
        _exit(2);
    atomic_fetch_add(&board->ready, 1);
    for (;;)
        pause();
}

static void dead_reader_holds_nobody_up(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    pid_t child = start(join_and_wait, 0);
    wait_until(&board->ready, 1);
    assert_int_equal(open_hearing_itself(), 0);
    assert_killed(child);
    for (uint32_t i = 0; i < 100000; i++) {
        assert_int_equal(pump_send(&pump, make_frame(&buffer, 1, 8)), 0);
        assert_true(i % 64 || pump_receive(&pump, 0) > 0);
    }
    assert_int_equal(pump.bus->stats.rx_lost_kernel, 0);
    pump_close(&pump);
    assert_int_equal(leftovers(), 0);
}

static void bus_of_the_dead_is_made_anew(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    pid_t child = start(join_and_wait, 0);
    wait_until(&board->ready, 1);
    assert_killed(child);
    assert_true(leftovers() > 0);
    assert_int_equal(open_hearing_itself(), 0);
    assert_int_equal(pump_send(&pump, make_frame(&buffer, 1, 0)), 0);
    assert_int_equal(pump_receive(&pump, 5000), 1);
    assert_int_equal(cr_batch_first(&pump.batch)->number, 0);
    pump_close(&pump);
    assert_int_equal(leftovers(), 0);
}

/* A reader that stands still */

#define MISSED 100000u

static void stop_then_count(unsigned which)
{
    (void)which;
    if (open_virtual(&pump, BUS))
        _exit(2);
    raise(SIGSTOP);
    if (pump_receive(&pump, 0) != 0 || pump.bus->stats.rx_lost_kernel != MISSED)
        _exit(3);
    atomic_fetch_add(&board->ready, 1);
    if (pump_receive(&pump, 20000) < 1 || cr_batch_first(&pump.batch)->number != MISSED)
        _exit(4);
    pump_close(&pump);
}

static void stopped_reader_is_left_behind_and_counts_what_it_missed(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    int status;
    pid_t child = start(stop_then_count, 0);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(open_virtual(&pump, BUS), 0);
    for (uint32_t i = 0; i < MISSED; i++) {
        assert_int_equal(pump_send(&pump, make_frame(&buffer, 1, 8)), 0);
        pump_receive(&pump, 0);
    }
    kill(child, SIGCONT);
    wait_until(&board->ready, 1);
    assert_int_equal(pump_send(&pump, make_frame(&buffer, 1, 0)), 0);
    assert_ended_well(child);
    pump_close(&pump);
    assert_int_equal(leftovers(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOARD_TEST(all_readers_see_all_writers_in_one_order),
        BOARD_TEST(killing_anyone_at_any_time_leaves_the_others_whole),
        BOARD_TEST(dead_writers_lock_and_half_frame_are_taken_over),
        BOARD_TEST(dead_reader_holds_nobody_up),
        BOARD_TEST(bus_of_the_dead_is_made_anew),
        BOARD_TEST(stopped_reader_is_left_behind_and_counts_what_it_missed),
    };
    return cmocka_run_group_tests(tests, enter_with_board, leave_with_board);
}
