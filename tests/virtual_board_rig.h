/* Processes of one test on one in-memory bus, and the board on which they tell each other how far
 * they are. */
#ifndef CANRING_TESTS_VIRTUAL_BOARD_RIG_H
#define CANRING_TESTS_VIRTUAL_BOARD_RIG_H

#include "check.h"

#include "virtual_room.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BUS     "storm"
#define READERS 4

/* What the processes of one test tell each other. */
struct board {
    atomic_uint ready, wrong, done;
    uint64_t order[READERS];
    uint64_t count[READERS];
};

static struct board *board;
static struct pump pump;

static inline int clear_board(void **state)
{
    (void)state;
    memset(board, 0, sizeof(*board));
    return 0;
}

static inline void wait_until(atomic_uint *value, unsigned wanted)
{
    for (int i = 0; i < 30000 && atomic_load(value) < wanted; i++)
        usleep(1000);
}

/* Frames of all sizes whose bytes all follow from id and counter, so that a torn one shows. */
static inline const struct canring_frame *make_frame(union canring_frame_buffer *buffer,
                                                     uint32_t id, uint32_t counter)
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

static inline uint32_t counter_of(const struct canring_frame *frame)
{
    uint32_t counter;
    memcpy(&counter, frame->data, sizeof(counter));
    return counter;
}

static inline bool is_intact(const struct canring_frame *frame)
{
    union canring_frame_buffer wanted;
    make_frame(&wanted, frame->id, counter_of(frame));
    return wanted.frame.size == frame->size &&
           memcmp(wanted.frame.data, frame->data, frame->size - sizeof(*frame)) == 0;
}

static inline int open_hearing_itself(void)
{
    struct canring_bus_options options = virtual_options(BUS);
    options.receive_own = true;
    return pump_open(&pump, &cr_driver_virtual, &options, false);
}

static inline pid_t start(void (*work)(unsigned), unsigned which)
{
    pid_t child = fork();
    if (child == 0) {
        work(which);
        _exit(0);
    }
    return child;
}

static inline void assert_ended_well(pid_t child)
{
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static inline void assert_killed(pid_t child)
{
    int status = 0;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static inline int enter_with_board(void **state)
{
    (void)state;
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return board == MAP_FAILED ? -1 : enter_room();
}

static inline int leave_with_board(void **state)
{
    (void)state;
    leave_room();
    return 0;
}

#define BOARD_TEST(test) cmocka_unit_test_setup(test, clear_board)

#endif
