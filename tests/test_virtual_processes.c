/* The in-memory bus between processes: order, death at any instruction, sleep. */
#include "check.h"

#include "virtual_room.h"

#include "can/virtual_ring.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BUS     "storm"
#define WRITERS 4
#define READERS 4
#define EACH    15000
#define KILLS   200
#define WORKERS 6
#define ROUNDS  20000u

/* What the processes of one test tell each other. */
struct board {
    atomic_uint ready, wrong, done;
    uint64_t order[READERS];
    uint64_t count[READERS];
};

static struct board *board;
static struct pump pump;

static int clear_board(void **state)
{
    (void)state;
    memset(board, 0, sizeof(*board));
    return 0;
}

static void wait_until(atomic_uint *value, unsigned wanted)
{
    for (int i = 0; i < 30000 && atomic_load(value) < wanted; i++)
        usleep(1000);
}

/* Frames of all sizes whose bytes all follow from id and counter, so that a torn one shows. */
static const struct canring_frame *make_frame(union canring_frame_buffer *buffer, uint32_t id,
                                              uint32_t counter)
{
    static const uint16_t sizes[] = {8, 8, 8, 64, 8, 20, 8, 1000, 4, 8, 64};
    struct canring_frame *frame = &buffer->frame;
    uint16_t size = sizes[counter % 11];

    memset(frame, 0, sizeof(*frame));
    frame->flags = (uint16_t)(size << CANRING_DLC_SHIFT);
    if (size > 64)
        frame->flags = CANRING_XL;
    else if (size > 8)
        frame->flags = CANRING_FD;
    frame->id = id;
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + size);
    for (uint16_t i = 0; i < size; i++)
        frame->data[i] = (uint8_t)(i < 4 ? counter >> (8 * i) : id + counter + i);
    return frame;
}

static uint32_t counter_of(const struct canring_frame *frame)
{
    uint32_t counter;
    memcpy(&counter, frame->data, sizeof(counter));
    return counter;
}

static bool is_intact(const struct canring_frame *frame)
{
    union canring_frame_buffer wanted;
    make_frame(&wanted, frame->id, counter_of(frame));
    return wanted.frame.size == frame->size &&
           memcmp(wanted.frame.data, frame->data, frame->size - sizeof(*frame)) == 0;
}

static int open_hearing_itself(void)
{
    struct canring_bus_options options = virtual_options(BUS);
    options.receive_own = true;
    return pump_open(&pump, &cr_driver_virtual, &options, false);
}

static pid_t start(void (*work)(unsigned), unsigned which)
{
    pid_t child = fork();
    if (child == 0) {
        work(which);
        _exit(0);
    }
    return child;
}

static void assert_ended_well(pid_t child)
{
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void assert_killed(pid_t child)
{
    int status = 0;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

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

/* Sleep */

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

/* Threads: the same, where thread sanitizers can look. */

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
        cmocka_unit_test_setup(all_readers_see_all_writers_in_one_order, clear_board),
        cmocka_unit_test_setup(killing_anyone_at_any_time_leaves_the_others_whole, clear_board),
        cmocka_unit_test_setup(dead_writers_lock_and_half_frame_are_taken_over, clear_board),
        cmocka_unit_test_setup(dead_reader_holds_nobody_up, clear_board),
        cmocka_unit_test_setup(bus_of_the_dead_is_made_anew, clear_board),
        cmocka_unit_test_setup(stopped_reader_is_left_behind_and_counts_what_it_missed,
                               clear_board),
        cmocka_unit_test_setup(sleeper_never_misses_a_frame, clear_board),
        cmocka_unit_test_setup(nobody_asleep_means_no_system_call, clear_board),
        cmocka_unit_test_setup(threads_share_a_bus_as_processes_do, clear_board),
    };
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED || enter_room())
        return 1;
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    leave_room();
    return rc;
}
