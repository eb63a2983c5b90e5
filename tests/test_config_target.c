#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <canring/bus.h>

static void assert_target(const char *text, const char *interface, const char *channel,
                          const char *local)
{
    struct canring_bus_options options = {.local_interface = "kept", .fd = true};
    struct canring_error err = {0};
    char *storage = NULL;

    assert_int_equal(canring_bus_target_parse(text, &options, &storage, &err), 0);
    assert_string_equal(options.interface, interface);
    assert_string_equal(options.channel, channel);
    assert_string_equal(options.local_interface, local);
    assert_true(options.fd);
    free(storage);
}

static void assert_refused(const char *text, const char *words)
{
    struct canring_bus_options options = {.interface = "old"};
    struct canring_error err = {0};
    char *storage = NULL;

    assert_int_equal(canring_bus_target_parse(text, &options, &storage, &err), -EINVAL);
    assert_null(storage);
    assert_string_equal(options.interface, "old");
    assert_null(options.channel);
    if (!strstr(err.text, words))
        fail_msg("%s: %s", text, err.text);
}

static void a_device_alone_is_socketcan(void **state)
{
    (void)state;
    assert_target("vcan0", "socketcan", "vcan0", "kept");
    assert_target("any", "socketcan", "any", "kept");
    assert_target("socketcan:can1", "socketcan", "can1", "kept");
}

static void an_interface_names_its_channel(void **state)
{
    (void)state;
    assert_target("pcan:PCAN_USBBUS1", "pcan", "PCAN_USBBUS1", "kept");
    assert_target("virtual:demo", "virtual", "demo", "kept");
    assert_target("replay:/tmp/a:b.log", "replay", "/tmp/a:b.log", "kept");
    assert_target("udp_multicast:239.74.163.2", "udp_multicast", "239.74.163.2", "kept");
    assert_target("udp_multicast:239.74.163.2%lo", "udp_multicast", "239.74.163.2", "lo");
    assert_target("udp_multicast:ff15::1%eth0", "udp_multicast", "ff15::1", "eth0");
}

static void what_is_no_target_is_refused(void **state)
{
    (void)state;
    assert_refused("", "network device");
    assert_refused("a-name-too-long-for-it", "network device");
    assert_refused("socketcan:", "network device");
    assert_refused("can/0", "network device");
    assert_refused("virtual:", "nothing behind it");
    assert_refused("udp_multicast:10.0.0.1%lo", "multicast address");
    assert_refused("udp_multicast:239.0.0.1%", "network device");
    assert_refused("sockecan:can0", "did you mean 'socketcan'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_alone_is_socketcan),
        cmocka_unit_test(an_interface_names_its_channel),
        cmocka_unit_test(what_is_no_target_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
