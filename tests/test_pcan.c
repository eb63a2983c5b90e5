#include "check.h"

#include "can/driver.h"
#include "can/netdev.h"
#include "can/pcan.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* There is no PEAK hardware here: the tests make the part of sysfs that the driver reads, with the
 * files and links that a real one has (type 280 = ARPHRD_CAN; device/driver ends in the driver's
 * name). */

struct tree {
    char root[64];
};

static void put(const struct tree *tree, const char *name, const char *file, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/class/net/%s/%s", tree->root, name, file);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void add(const struct tree *tree, const char *name, const char *index, const char *type,
                const char *driver)
{
    char path[256], target[256];
    snprintf(path, sizeof(path), "%s/class/net/%s", tree->root, name);
    assert_int_equal(mkdir(path, 0700), 0);
    put(tree, name, "ifindex", index);
    put(tree, name, "type", type);
    if (!driver)
        return;
    snprintf(path, sizeof(path), "%s/class/net/%s/device", tree->root, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/class/net/%s/device/driver", tree->root, name);
    snprintf(target, sizeof(target), "../../../bus/usb/drivers/%s", driver);
    assert_int_equal(symlink(target, path), 0);
}

static int make_tree(void **state)
{
    static struct tree tree;
    char path[128];
    snprintf(tree.root, sizeof(tree.root), "/tmp/canring-sysfs-XXXXXX");
    assert_non_null(mkdtemp(tree.root));
    snprintf(path, sizeof(path), "%s/class", tree.root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/class/net", tree.root);
    assert_int_equal(mkdir(path, 0700), 0);
    *state = &tree;
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static int remove_tree(void **state)
{
    const struct tree *tree = *state;
    return nftw(tree->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void channels_count_the_peak_devices_by_index(void **state)
{
    const struct tree *tree = *state;
    char name[IFNAMSIZ];
    add(tree, "can0", "12\n", "280\n", "peak_usb");
    add(tree, "can1", "3\n", "280\n", "peak_usb");
    add(tree, "can2", "4\n", "280\n", "gs_usb");
    add(tree, "eth0", "2\n", "1\n", "peak_usb");
    add(tree, "vcan0", "5\n", "280\n", NULL);
    assert_int_equal(cr_pcan_resolve(tree->root, "PCAN_USBBUS1", name, NULL), 0);
    assert_string_equal(name, "can1");
    assert_int_equal(cr_pcan_resolve(tree->root, "PCAN_USBBUS2", name, NULL), 0);
    assert_string_equal(name, "can0");

    struct canring_error err;
    assert_int_equal(cr_pcan_resolve(tree->root, "PCAN_USBBUS3", name, &err), -ENODEV);
    assert_non_null(
        strstr(err.text, "can1 (peak_usb), can2 (gs_usb), vcan0 (virtual), can0 (peak_usb)"));
}

static void interface_may_be_named_outright(void **state)
{
    const struct tree *tree = *state;
    char name[IFNAMSIZ];
    struct canring_error err;
    add(tree, "can_left", "7\n", "280\n", "gs_usb");
    assert_int_equal(cr_pcan_resolve(tree->root, "pcan:can_left", name, NULL), 0);
    assert_string_equal(name, "can_left");
    assert_int_equal(cr_pcan_resolve(tree->root, "pcan:can_lfet", name, &err), -ENODEV);
    assert_non_null(strstr(err.text, "did you mean \"can_left\"?"));
}

static void other_forms_of_channel_are_refused_with_those_allowed(void **state)
{
    const struct tree *tree = *state;
    static const char *const wrong[] = {"PCAN_USBBUS0",
                                        "PCAN_USBBUS17",
                                        "PCAN_USBBUS",
                                        "PCAN_USBBUS1x",
                                        "PCAN_USBBUS01",
                                        "can0",
                                        "",
                                        "PCAN_PCIBUS1",
                                        NULL};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct canring_error err;
        char name[IFNAMSIZ];
        assert_int_equal(cr_pcan_resolve(tree->root, wrong[i], name, &err), -EINVAL);
        assert_non_null(strstr(err.text, "PCAN_USBBUS1 to PCAN_USBBUS16"));
    }
}

static void host_without_can_is_said_to_have_none(void **state)
{
    const struct tree *tree = *state;
    struct canring_error err;
    struct cr_netdev list[CR_NETDEVS_MAX];
    char name[IFNAMSIZ];
    assert_int_equal(cr_netdevs(tree->root, list), 0);
    assert_int_equal(cr_netdevs("/nonexistent", list), 0);
    assert_int_equal(cr_pcan_resolve(tree->root, "PCAN_USBBUS1", name, &err), -ENODEV);
    assert_non_null(strstr(err.text, "CAN interfaces: none"));
    assert_int_equal(cr_netdev_missing(tree->root, "can0", &err), -ENODEV);
    assert_non_null(strstr(err.text, "this host has none"));
}

static void unknown_driver_names_the_known_and_the_nearest(void **state)
{
    (void)state;
    struct canring_error err;
    assert_ptr_equal(cr_driver_find("socketcan", &err), &cr_driver_socketcan);
    assert_ptr_equal(cr_driver_find("pcan", &err), &cr_driver_pcan);
    assert_null(cr_driver_find("SocketCam", &err));
    assert_int_equal(err.code, -EINVAL);
    assert_non_null(strstr(err.text, "did you mean \"socketcan\"?"));
    assert_null(cr_driver_find("kvaser_usb_hydra", &err));
    assert_null(strstr(err.text, "did you mean"));
    assert_null(cr_driver_find(NULL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(channels_count_the_peak_devices_by_index, make_tree,
                                        remove_tree),
        cmocka_unit_test_setup_teardown(interface_may_be_named_outright, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(other_forms_of_channel_are_refused_with_those_allowed,
                                        make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(host_without_can_is_said_to_have_none, make_tree,
                                        remove_tree),
        cmocka_unit_test(unknown_driver_names_the_known_and_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
