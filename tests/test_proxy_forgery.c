/* An auxiliary that forges what is in its shared memory: it loses its channel, the others nothing.
 */
#include "proxy_rig.h"

#include <errno.h>

#include "proxy/engine.h"
#include "shm/runtime_dir.h"

/* The memory of com1, without the library's manners. */
static void attach_raw(struct cr_segment *raw)
{
    char name[CR_REGION_NAME];
    assert_int_equal(cr_shm_name(name, sizeof(name), "channel", "proxy", "com1", NULL), 0);
    assert_int_equal(cr_segment_attach(raw, name, NULL), 0);
}

/* What a hostile auxiliary does to its shared memory, and what the proxy must say of it. */
static void vandalise(const char *how)
{
    struct cr_segment raw;
    start();
    struct canring_channel *two = attach("com2"), *bad = attach("com1");
    attach_raw(&raw);
    if (strstr(how, "impossible size")) {
        struct canring_record *record = canring_ring_at(raw.tx.slots, 0, UINT64_MAX);
        atomic_store(&record->size, 3);
        atomic_store(&record->sequence, 1);
    } else if (strstr(how, "never written")) {
        atomic_store(&raw.rx.consumer_side->position, 1u << 30);
    } else {
        assert_int_equal(ftruncate(raw.region.fd, 0), 0);
    }
    for (uint32_t round = 0; round < 10; round++) { /* enough to go round the ring */
        send_numbered(rig.bus, round * 200, 200);
        expect_numbered(two, round * 200, 200);
    }
    for (unsigned tries = 0; tries < 500 && !noted(how); tries++)
        usleep(10000);
    assert_true(noted(how));
    assert_int_equal(canring_channel_wait(bad, 2000) == 1 ? -EPIPE : canring_channel_wait(bad, 0),
                     -EPIPE);
    cr_segment_close(&raw);
    canring_channel_detach(bad);
    struct canring_channel *one = attach("proxy/com1"); /* a fresh segment for the next */
    send_numbered(rig.bus, 0, 10);
    expect_numbered(one, 0, 10);
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void forged_size_costs_the_forger_its_channel(void **state)
{
    (void)state;
    vandalise("wrote a record of an impossible size");
}

static void forged_position_costs_the_forger_its_channel(void **state)
{
    (void)state;
    vandalise("read what was never written");
}

static void truncated_object_costs_the_truncator_its_channel(void **state)
{
    (void)state;
    vandalise("took the shared memory away");
}

static void malformed_frames_are_refused_and_counted(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    struct canring_channel_stats stats;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    uint32_t good = 42;
    canring_frame_classic(&b.frame, 0x800, "x", 1); /* no such standard id */
    assert_int_equal(canring_channel_send(one, &b.frame, 0), -EBADMSG);
    struct canring_frame *raw = canring_channel_claim(one, 32); /* round the check */
    assert_non_null(raw);
    memcpy(canring_frame_data(raw), "12345678", 8);
    raw->id = 0x800;
    raw->flags = 8 << CANRING_DLC_SHIFT;
    canring_channel_commit(one, 32);
    canring_channel_publish(one);
    canring_frame_classic(&b.frame, 1, &good, sizeof(good));
    assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
    assert_int_equal(canring_channel_receive(two, &b, 5000), 1);
    assert_int_equal(number_in(&b.frame), good);
    for (unsigned tries = 0; tries < 500; tries++) {
        canring_channel_stats(one, &stats);
        if (stats.taken == 2)
            break;
        usleep(10000);
    }
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.taken, 2);
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

/* What broke: they were added to the totals as they stood, for good. */
static void forged_counters_count_no_more_than_there_was(void **state)
{
    (void)state;
    struct cr_segment raw;
    char *json;
    start();
    for (unsigned round = 0; round < 2; round++) {
        struct canring_channel *bad = attach("proxy/com1");
        attach_raw(&raw);
        send_numbered(rig.bus, 0, 10);
        expect_numbered(bad, 0, 10);
        atomic_store(&raw.user->received, UINT64_MAX - 3);
        atomic_store(&raw.user->emptied, UINT64_MAX);
        atomic_store(&raw.user->sent, UINT64_MAX);
        assert_int_equal(canring_proxies(&json, NULL), 1);
        assert_null(strstr(json, ": -"));
        assert_non_null(strstr(json, round ? "\"received\": 20" : "\"received\": 10"));
        free(json);
        cr_segment_close(&raw);
        canring_channel_detach(bad);
        wait_until_free();
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROXY_TEST(forged_size_costs_the_forger_its_channel),
        PROXY_TEST(forged_position_costs_the_forger_its_channel),
        PROXY_TEST(truncated_object_costs_the_truncator_its_channel),
        PROXY_TEST(forged_counters_count_no_more_than_there_was),
        PROXY_TEST(malformed_frames_are_refused_and_counted),
    };
    return cmocka_run_group_tests(tests, make_runtime, remove_runtime);
}
