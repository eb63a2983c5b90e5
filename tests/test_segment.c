#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/segment.h"

static char name[64];
static struct cr_segment owner;

static struct cr_segment_geometry geometry(void)
{
    return (struct cr_segment_geometry){
        .proxy = "p", .channel = "c", .rx_slots = 256, .tx_slots = 128, .group = (gid_t)-1};
}

static int setup(void **state)
{
    static int serial;
    struct cr_segment_geometry g = geometry();
    (void)state;
    snprintf(name, sizeof(name), "/canring-test-segment-%d-%d", (int)getpid(), serial++);
    return cr_segment_create(&owner, name, &g, NULL);
}

static int teardown(void **state)
{
    (void)state;
    cr_segment_close(&owner);
    return 0;
}

/* Change one field behind the owner's back, attach, expect that error and those words. */
static void expect_refused(size_t offset, const void *value, size_t size, int code,
                           const char *words)
{
    struct cr_segment user;
    struct canring_error err = {0};
    char before[64];
    assert_int_equal(pread(owner.region.fd, before, size, (off_t)offset), size);
    assert_int_equal(pwrite(owner.region.fd, value, size, (off_t)offset), size);
    assert_int_equal(cr_segment_attach(&user, name, &err), code);
    assert_int_equal(err.code, code);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
    assert_int_equal(pwrite(owner.region.fd, before, size, (off_t)offset), size);
}

#define REFUSED(field, wrong, code, words)                                                         \
    expect_refused(offsetof(struct cr_segment_header, field), &(uint32_t){wrong},                  \
                   sizeof(uint32_t), code, words)

static void each_mismatch_has_its_own_words(void **state)
{
    (void)state;
    struct cr_segment user;
    struct canring_error err;
    REFUSED(magic, 0x12345678, -EPROTO, "no magic");
    REFUSED(version, 0, -EAGAIN, "not ready yet");
    REFUSED(version, 99, -EPROTONOSUPPORT, "layout version 99, this library has version 2");
    REFUSED(byte_order, 0x04030201, -ENOEXEC, "another byte order");
    REFUSED(header_bytes, 100, -EBADMSG, "header of 100 bytes");
    REFUSED(page_bytes, 65536, -EBADMSG, "pages of 65536");
    REFUSED(slot_bytes, 64, -EBADMSG, "slots of 64");
    REFUSED(align, 4096, -EBADMSG, "begin at multiples of 4096 bytes");
    REFUSED(align, 2097152, -EBADMSG, "begin at multiples of 2097152 bytes");
    REFUSED(rx_slots, 1000, -EBADMSG, "rings of 1000 and 128 slots");
    REFUSED(tx_slots, 0x80000000, -EBADMSG, "rings of 256 and 2147483648 slots");
    REFUSED(rx_slots, 512, -EBADMSG, "its rings need");
    REFUSED(total_bytes, 7, -EBADMSG, "its header says 7");
    assert_int_equal(cr_segment_attach(&user, "/canring-test-no-such", &err), -ENOENT);
    assert_non_null(strstr(err.text, "cannot open /dev/shm/canring-test-no-such"));
    assert_int_equal(cr_segment_attach(&user, name, NULL), 0);
    cr_segment_close(&user);
}

static void shorter_object_is_refused_not_touched(void **state)
{
    (void)state;
    struct cr_segment user;
    struct canring_error err;
    assert_int_equal(ftruncate(owner.region.fd, 100), 0);
    assert_int_equal(cr_segment_attach(&user, name, &err), -EPROTO);
    assert_non_null(strstr(err.text, "less than a segment's header"));
    assert_int_equal(ftruncate(owner.region.fd, 8192), 0);
    assert_true(cr_segment_attach(&user, name, &err) < 0);
}

static void geometry_is_checked_before_anything_is_made(void **state)
{
    (void)state;
    struct cr_segment other;
    struct canring_error err;
    struct cr_segment_geometry g = geometry();
    g.rx_slots = 100;
    assert_int_equal(cr_segment_create(&other, "/canring-test-x", &g, &err), -EINVAL);
    assert_non_null(strstr(err.text, "power of two"));
    g = geometry();
    g.channel = "0123456789012345678901234567890123456789012345678901234567890123";
    assert_int_equal(cr_segment_create(&other, "/canring-test-x", &g, &err), -ENAMETOOLONG);
    assert_int_equal(access("/dev/shm/canring-test-x", F_OK), -1);
}

static void group_is_given_the_object_when_configured(void **state)
{
    (void)state;
    struct cr_segment other;
    struct cr_segment_geometry g = geometry();
    struct stat st;
    g.group = getgid();
    char mine[80];
    snprintf(mine, sizeof(mine), "%s-group", name);
    assert_int_equal(cr_segment_create(&other, mine, &g, NULL), 0);
    assert_int_equal(fstat(other.region.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    cr_segment_close(&other);
    assert_int_equal(fstat(owner.region.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void both_sides_talk_at_different_addresses(void **state)
{
    (void)state;
    struct cr_segment user;
    struct canring_producer out, back;
    struct canring_consumer in, from;
    uint32_t size = 0;
    assert_int_equal(cr_segment_attach(&user, name, NULL), 0);
    assert_ptr_not_equal(user.rx.slots, owner.rx.slots);
    canring_producer_init(&out, &owner.rx);
    canring_consumer_init(&in, &user.rx);
    canring_producer_init(&back, &user.tx);
    canring_consumer_init(&from, &owner.tx);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t record[3] = {0, i, ~(uint64_t)i};
        assert_true(canring_ring_put(&out, record, sizeof(record)));
        canring_ring_publish(&out);
        const struct canring_record *got = canring_ring_peek(&in, &size);
        assert_non_null(got);
        assert_memory_equal((const char *)got + 8, (char *)record + 8, 16);
        canring_ring_consume(&in);
        canring_ring_release(&in);
        assert_true(canring_ring_put(&back, record, sizeof(record)));
        canring_ring_publish(&back);
        assert_non_null(canring_ring_peek(&from, &size));
        canring_ring_consume(&from);
        canring_ring_release(&from);
    }
    cr_segment_close(&user);
}

/* Each side has the other's pages mapped for reading only: a stray write faults at once. */
static bool write_faults(void *address)
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)address = 1;
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

static void neither_side_can_write_what_the_other_owns(void **state)
{
    (void)state;
    struct cr_segment user;
    assert_int_equal(cr_segment_attach(&user, name, NULL), 0);
    assert_true(write_faults(user.header));
    assert_true(write_faults(user.owner));
    assert_true(write_faults(user.rx.slots));
    assert_true(write_faults(user.rx.producer_side));
    assert_true(write_faults(user.tx.consumer_side));
    assert_true(write_faults(owner.tx.slots));
    assert_true(write_faults(owner.rx.consumer_side));
    assert_true(write_faults(owner.user));
    assert_false(write_faults(user.tx.slots));
    assert_false(write_faults(owner.rx.slots));
    cr_segment_close(&user);
}

static void owner_survives_a_user_that_truncates(void **state)
{
    (void)state;
    struct canring_producer out;
    struct cr_segment user; /* attached here: cmocka replaced the SIGBUS handler after setup */
    assert_int_equal(cr_segment_attach(&user, name, NULL), 0);
    canring_producer_init(&out, &owner.rx);
    assert_false(cr_segment_lost(&owner));
    int fd = shm_open(name, O_RDWR, 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    close(fd);
    uint64_t record[3] = {0};
    canring_ring_put(&out, record, sizeof(record));
    canring_ring_publish_wake(&out);
    assert_true(cr_segment_lost(&owner));
    cr_segment_close(&user);
}

/* The process's memory that is mapped by huge pages, in KiB. */
static unsigned long huge_kib(void)
{
    char line[128];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

static void both_sides_have_huge_pages_when_the_owner_makes_them(void **state)
{
    struct cr_segment big, user;
    struct canring_error err = {0};
    struct cr_segment_geometry g = geometry();
    char other[80];
    uint32_t record[8] = {0, 32}, size;
    (void)state;
    if (cr_huge_check(&err) < 0) {
        print_message("skipped: %s\n", err.text);
        skip();
    }
    snprintf(other, sizeof(other), "%s-huge", name);
    g.huge = true;
    assert_int_equal(cr_segment_create(&big, other, &g, &err), -EINVAL);
    assert_non_null(strstr(err.text, "at least 65536 slots"));
    g.rx_slots = 2 * CR_HUGE_SLOTS;
    g.tx_slots = CR_HUGE_SLOTS;
    unsigned long before = huge_kib();
    assert_int_equal(cr_segment_create(&big, other, &g, NULL), 0);
    assert_int_equal(huge_kib() - before, 2 * (4096 + 2048)); /* each is mapped twice */
    assert_int_equal(cr_segment_attach(&user, other, NULL), 0);
    assert_int_equal(huge_kib() - before, 4 * (4096 + 2048));
    struct canring_producer out;
    struct canring_consumer in;
    canring_producer_init(&out, &big.rx);
    canring_consumer_init(&in, &user.rx);
    assert_true(canring_ring_put(&out, record, 32));
    canring_ring_publish(&out);
    assert_non_null(canring_ring_peek(&in, &size));
    cr_segment_close(&user);
    cr_segment_close(&big);
}

int main(void)
{
#define SEGMENT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SEGMENT_TEST(each_mismatch_has_its_own_words),
        SEGMENT_TEST(shorter_object_is_refused_not_touched),
        SEGMENT_TEST(geometry_is_checked_before_anything_is_made),
        SEGMENT_TEST(group_is_given_the_object_when_configured),
        SEGMENT_TEST(both_sides_talk_at_different_addresses),
        SEGMENT_TEST(neither_side_can_write_what_the_other_owns),
        SEGMENT_TEST(owner_survives_a_user_that_truncates),
        SEGMENT_TEST(both_sides_have_huge_pages_when_the_owner_makes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
