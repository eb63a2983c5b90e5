/* What an auxiliary's shared memory must say of itself before a caller maps it. */
#include "auxiliary_rig.h"

#include <stddef.h>
#include <sys/mman.h>

#include "proxy/auxiliary_shared.h"

static void overwrite(const char *name, size_t offset, const void *bytes, size_t size)
{
    char object[CR_REGION_NAME];
    assert_int_equal(cr_shm_name(object, sizeof(object), "auxiliary", name, NULL, NULL), 0);
    int fd = shm_open(object, O_RDWR, 0);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), size);
    close(fd);
}

static void expect_refused(const char *name, int error, const char *words)
{
    struct canring_auxiliary *auxiliary;
    struct canring_error err = {0};
    assert_int_equal(canring_auxiliary_open(&auxiliary, name, &err), error);
    assert_non_null(strstr(err.text, words));
    assert_null(auxiliary);
}

static void memory_that_is_laid_out_otherwise_is_refused(void **state)
{
    (void)state;
    char before[32], wanted[128];
    const uint32_t older = CR_LAYOUT_VERSION - 1, version = CR_LAYOUT_VERSION, slots = 64;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    (void)snprintf(before, sizeof(before), "layout version %u,", older);
    (void)snprintf(wanted, sizeof(wanted), "this library has version %u", CR_LAYOUT_VERSION);

    overwrite("aux1", offsetof(struct cr_auxiliary_header, version), &older, sizeof(older));
    expect_refused("aux1", -EPROTONOSUPPORT, before);
    expect_refused("aux1", -EPROTONOSUPPORT, wanted);
    overwrite("aux1", offsetof(struct cr_auxiliary_header, version), &version, sizeof(version));
    canring_auxiliary_close(open_auxiliary("aux1"));
    overwrite("aux1", offsetof(struct cr_auxiliary_header, slots), &slots, sizeof(slots));
    expect_refused("aux1", -EBADMSG, "laid out otherwise");
    overwrite("aux1", offsetof(struct cr_auxiliary_header, magic), "another", 8);
    expect_refused("aux1", -EPROTO, "not a canring auxiliary");
    end_auxiliary(pid, SIGTERM);
}

int main(void)
{
    begin_runtime("shared");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_is_laid_out_otherwise_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
