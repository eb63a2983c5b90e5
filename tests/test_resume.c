/* A producer that takes a ring over: what the one before it published stays, what it did not is
 * gone, wherever it died. */
#include "shm/resume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { LAP = CANRING_SLOTS_MIN * CANRING_SLOT };

struct fixture {
    struct canring_ring ring;
    struct canring_producer p;
    struct canring_consumer c;
};

static struct fixture fixture;

static int setup(void **state)
{
    struct canring_error err;
    fixture = (struct fixture){0};
    if (canring_ring_create(&fixture.ring, CANRING_SLOTS_MIN, &err) < 0)
        return -1;
    canring_producer_init(&fixture.p, &fixture.ring);
    canring_consumer_init(&fixture.c, &fixture.ring);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    canring_ring_destroy(&f->ring);
    return 0;
}

typedef void takeover(struct canring_producer *p, const struct canring_ring *ring);
static takeover *const takeovers[] = {cr_producer_resume, canring_producer_init};

static void add(struct fixture *f, uint32_t size, uint32_t number)
{
    uint8_t *bytes = canring_ring_claim(&f->p, size);
    assert_non_null(bytes);
    memcpy(bytes + 8, &number, sizeof(number));
    canring_ring_commit(&f->p, size);
}

static void send(struct fixture *f, uint32_t size, uint32_t number)
{
    add(f, size, number);
    canring_ring_publish(&f->p);
}

static void expect(struct fixture *f, uint32_t size, uint32_t number)
{
    uint32_t found_size = 0, found;
    const uint8_t *bytes = (const uint8_t *)canring_ring_peek(&f->c, &found_size);
    assert_non_null(bytes);
    memcpy(&found, bytes + 8, sizeof(found));
    assert_int_equal(found_size, size);
    assert_int_equal(found, number);
    canring_ring_consume(&f->c);
    canring_ring_release(&f->c);
}

static void expect_no_more(struct fixture *f)
{
    uint32_t size;
    assert_null(canring_ring_peek(&f->c, &size));
    assert_false(f->c.broken);
}

/* The last batch was published, its end not told any more. `read`: how many were taken since. */
static void take_over_untold(struct fixture *f, takeover *take_over, uint32_t read)
{
    const uint32_t sizes[] = {96, 24, 200};
    send(f, 32, 7);
    expect(f, 32, 7);
    uint64_t told = atomic_load(&f->ring.producer_side->position);
    for (uint32_t i = 0; i < 3; i++)
        add(f, sizes[i], i);
    canring_ring_publish(&f->p);
    uint64_t end = f->p.head;
    atomic_store(&f->ring.producer_side->position, told);
    for (uint32_t i = 0; i < read; i++)
        expect(f, sizes[i], i);
    take_over(&f->p, &f->ring);
    assert_false(f->p.broken);
    assert_int_equal(f->p.head, end);
    assert_int_equal(atomic_load(&f->ring.producer_side->position), end);
    send(f, 40, 3);
    for (uint32_t i = read; i < 3; i++)
        expect(f, sizes[i], i);
    expect(f, 40, 3);
    expect_no_more(f);
}

static void what_was_published_is_kept_when_its_end_was_not_told(void **state)
{
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t read = 0; read <= 3; read++)
            take_over_untold(*state, takeovers[i], read);
}

static void what_was_not_published_is_gone(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        for (uint32_t n = 0; n < 10; n++)
            add(f, n % 2 ? 32 : 96, n);
        takeovers[i](&f->p, &f->ring);
        expect_no_more(f);
        for (uint32_t n = 0; n < 20; n++) { /* over all of them, one slot at a time */
            send(f, 32, n);
            expect(f, 32, n);
            expect_no_more(f);
        }
    }
}

/* Unread payload lies where a lap later sequences go. */
static void payload_left_to_read_is_never_taken_for_a_record(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t start = f->p.head;
        uint8_t *bytes = canring_ring_claim(&f->p, 3 * CANRING_SLOT);
        assert_non_null(bytes);
        for (uint32_t slot = 1; slot < 3; slot++) {
            const struct canring_record forged = {
                .sequence = (uint32_t)start + slot * CANRING_SLOT + LAP + 1, .size = 24};
            memcpy(bytes + (size_t)slot * CANRING_SLOT, &forged, sizeof(forged));
        }
        canring_ring_send(&f->p, 3 * CANRING_SLOT);
        takeovers[i](&f->p, &f->ring);
        uint32_t size;
        assert_non_null(canring_ring_peek(&f->c, &size));
        canring_ring_consume(&f->c);
        canring_ring_release(&f->c);
        for (uint32_t n = 0; f->p.head < start + LAP + 4 * CANRING_SLOT; n++) {
            send(f, 32, n);
            expect(f, 32, n);
            expect_no_more(f);
        }
    }
}

static void full_ring_is_taken_over_full(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t written = 0;
        for (; canring_ring_fits(&f->p, 96); written++)
            add(f, 96, written);
        const uint64_t told = atomic_load(&f->ring.producer_side->position);
        canring_ring_publish(&f->p);
        atomic_store(&f->ring.producer_side->position, told);
        takeovers[i](&f->p, &f->ring);
        assert_false(canring_ring_fits(&f->p, 96));
        for (uint32_t n = 0; n < written; n++)
            expect(f, 96, n);
        expect_no_more(f);
    }
}

static void impossible_positions_break_the_ring(void **state)
{
    struct fixture *f = *state;
    const uint64_t positions[][2] = {{8 * LAP, 0}, {0, 8 * LAP}, {~31ull, 0},
                                     {0, ~31ull},  {33, 32},     {64, 33}};
    for (unsigned i = 0; i < 12; i++) {
        atomic_store(&f->ring.producer_side->position, positions[i / 2][0]);
        atomic_store(&f->ring.consumer_side->position, positions[i / 2][1]);
        takeovers[i % 2](&f->p, &f->ring);
        assert_true(f->p.broken);
        assert_null(canring_ring_claim(&f->p, 8));
        assert_false(canring_ring_put(&f->p, "\0\0\0\0\0\0\0\0twelve", 12));
        assert_int_equal(atomic_load(&f->ring.producer_side->position), positions[i / 2][0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define RESUME_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        RESUME_TEST(what_was_published_is_kept_when_its_end_was_not_told),
        RESUME_TEST(what_was_not_published_is_gone),
        RESUME_TEST(payload_left_to_read_is_never_taken_for_a_record),
        RESUME_TEST(full_ring_is_taken_over_full),
        RESUME_TEST(impossible_positions_break_the_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
