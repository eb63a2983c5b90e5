#include "check.h"

#include "can/netlink.h"
#include "can/netlink_timing.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

/* No controller here: messages are built and read back, and the kernel is asked about what every
 * host has, its loopback interface. */

static const struct canring_bit_timing kiso = {
    .bitrate = 500000,
    .clock_mhz = 80,
    .nom_brp = 2,
    .nom_tseg1 = 63,
    .nom_tseg2 = 16,
    .nom_sjw = 16,
    .data_brp = 4,
    .data_tseg1 = 7,
    .data_tseg2 = 2,
    .data_sjw = 2,
};

static void defaults_of_pykiso_are_500k_and_2m(void **state)
{
    (void)state;
    struct cr_phase nominal, data;
    assert_int_equal(cr_timing_phases(&kiso, true, &nominal, &data, NULL), 0);
    assert_int_equal(nominal.bitrate, 500000);
    assert_int_equal(nominal.sample_point, 800);
    assert_int_equal(data.bitrate, 2000000);
    assert_int_equal(data.sample_point, 800);
    assert_int_equal(data.sjw, 2);
    assert_int_equal(cr_timing_phases(&kiso, false, &nominal, &data, NULL), 0);
    assert_int_equal(nominal.bitrate, 500000);
    assert_int_equal(nominal.sample_point, 0);
    assert_int_equal(data.bitrate, 0);
}

static void segments_count_more_than_the_bit_rate_for_fd_only(void **state)
{
    (void)state;
    struct canring_bit_timing timing = kiso;
    struct cr_phase nominal, data;
    timing.bitrate = 125000;
    cr_timing_phases(&timing, true, &nominal, &data, NULL);
    assert_int_equal(nominal.bitrate, 500000);
    cr_timing_phases(&timing, false, &nominal, &data, NULL);
    assert_int_equal(nominal.bitrate, 125000);
    timing = (struct canring_bit_timing){.bitrate = 250000, .data_bitrate = 4000000};
    cr_timing_phases(&timing, true, &nominal, &data, NULL);
    assert_int_equal(nominal.bitrate, 250000);
    assert_int_equal(data.bitrate, 4000000);
}

static void timing_given_in_part_is_refused(void **state)
{
    (void)state;
    struct canring_error err;
    struct canring_bit_timing timing = kiso;
    struct cr_phase nominal, data;
    timing.data_tseg2 = 0;
    assert_int_equal(cr_timing_phases(&timing, true, &nominal, &data, &err), -EINVAL);
    assert_non_null(strstr(err.text, "data bit timing is incomplete"));
    timing = kiso;
    timing.clock_mhz = 0;
    assert_int_equal(cr_timing_phases(&timing, true, &nominal, &data, &err), -EINVAL);
    timing = kiso;
    timing.nom_tseg1 = UINT32_MAX;
    assert_int_equal(cr_timing_phases(&timing, true, &nominal, &data, &err), -EINVAL);
}

/* The kernel reads and writes the same attributes: what is built can be read. */
static void timing_request_says_what_was_asked(void **state)
{
    (void)state;
    _Alignas(uint64_t) char buffer[CR_NETLINK_BYTES];
    struct cr_phase nominal, data;
    struct cr_link link;
    cr_timing_phases(&kiso, true, &nominal, &data, NULL);
    struct nlmsghdr *message = cr_timing_message(buffer, 42, &nominal, &data, true);
    assert_true(cr_link_parse(message, &link));
    assert_int_equal(link.index, 42);
    assert_true(link.up);
    assert_true(link.controller);
    assert_int_equal(link.nominal.bitrate, 500000);
    assert_int_equal(link.data.bitrate, 2000000);
    assert_int_equal(link.mode.mask, CAN_CTRLMODE_LISTENONLY | CAN_CTRLMODE_FD);
    assert_int_equal(link.mode.flags, CAN_CTRLMODE_LISTENONLY | CAN_CTRLMODE_FD);
    assert_in_range(message->nlmsg_len, 1, CR_NETLINK_BYTES);
}

static void differences_are_told_in_words_and_rounding_is_none(void **state)
{
    (void)state;
    struct cr_link link = {.nominal = {.bitrate = 500000, .sample_point = 812},
                           .data = {.bitrate = 2000000, .sample_point = 800}};
    struct cr_phase nominal, data;
    char text[256] = "";
    cr_timing_phases(&kiso, true, &nominal, &data, NULL);
    assert_false(cr_timing_differs(&link, &nominal, &data, text, sizeof(text)));
    link.nominal.bitrate = 250000;
    link.data.sample_point = 700;
    assert_true(cr_timing_differs(&link, &nominal, &data, text, sizeof(text)));
    assert_string_equal(
        text, "nominal bit rate 250000 bit/s at sample point 81.2 %, configured 500000 at "
              "80.0 %; data bit rate 2000000 bit/s at sample point 70.0 %, configured "
              "2000000 at 80.0 %");
    for (size_t space = 1; space < sizeof(text); space++) {
        assert_true(cr_timing_differs(&link, &nominal, &data, text, space));
        assert_true(strlen(text) < space);
    }
}

static void restart_request_names_link_and_attribute(void **state)
{
    (void)state;
    _Alignas(uint64_t) char buffer[CR_NETLINK_BYTES];
    struct cr_link link;
    struct nlmsghdr *message = cr_link_restart_message(buffer, 7);
    assert_true(cr_link_parse(message, &link));
    assert_int_equal(link.index, 7);
    assert_true(link.controller);
    const struct nlattr *info = mnl_nlmsg_get_payload_offset(message, sizeof(struct ifinfomsg));
    assert_int_equal(mnl_attr_get_type(info), IFLA_LINKINFO);
    const struct nlattr *kind = mnl_attr_get_payload(info);
    const struct nlattr *data = mnl_attr_next(kind), *restart = mnl_attr_get_payload(data);
    assert_int_equal(mnl_attr_get_type(data), IFLA_INFO_DATA);
    assert_int_equal(mnl_attr_get_type(restart), IFLA_CAN_RESTART);
    assert_int_equal(mnl_attr_get_u32(restart), 1);
}

static void state_and_clock_of_a_controller_are_read(void **state)
{
    (void)state;
    _Alignas(uint64_t) char buffer[CR_NETLINK_BYTES];
    struct cr_link link;
    struct nlmsghdr *message = cr_link_message(buffer, RTM_NEWLINK, 3);
    struct ifinfomsg *head = mnl_nlmsg_get_payload(message);
    head->ifi_type = ARPHRD_CAN;
    mnl_attr_put_strz(message, IFLA_IFNAME, "can0");
    mnl_attr_put_u32(message, IFLA_MTU, 72);
    struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_str(message, IFLA_INFO_KIND, "can");
    struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
    mnl_attr_put_u32(message, IFLA_CAN_STATE, CAN_STATE_BUS_OFF);
    mnl_attr_put_u32(message, IFLA_CAN_CLOCK, 80000000);
    mnl_attr_put_u32(message, IFLA_CAN_RESTART_MS, 100);
    mnl_attr_put(message, IFLA_CAN_BITTIMING, 4, "\x20\xa1\x07\x00"); /* an older, shorter one */
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, info);
    assert_true(cr_link_parse(message, &link));
    assert_string_equal(link.name, "can0");
    assert_true(link.is_can && link.has_state && !link.up && !link.gone);
    assert_int_equal(link.mtu, 72);
    assert_int_equal(link.state, CAN_STATE_BUS_OFF);
    assert_int_equal(link.clock_hz, 80000000);
    assert_int_equal(link.restart_ms, 100);
    assert_int_equal(link.nominal.bitrate, 500000);
    head->ifi_family = AF_BRIDGE;
    assert_false(cr_link_parse(message, &link));
}

static void kernel_is_asked_by_name_and_by_index(void **state)
{
    (void)state;
    struct cr_link link;
    int rc = cr_link_get(&link, "lo", 0);
    if (rc == -EPERM || rc == -EAFNOSUPPORT)
        skip();
    assert_int_equal(rc, 0);
    assert_string_equal(link.name, "lo");
    assert_false(link.is_can);
    assert_false(link.controller);
    int index = link.index;
    assert_int_equal(cr_link_get(&link, NULL, index), 0);
    assert_string_equal(link.name, "lo");
    assert_int_equal(cr_link_get(&link, "nonexistent0", 0), -ENODEV);
    assert_int_equal(cr_link_get(&link, NULL, 1 << 30), -ENODEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_of_pykiso_are_500k_and_2m),
        cmocka_unit_test(segments_count_more_than_the_bit_rate_for_fd_only),
        cmocka_unit_test(timing_given_in_part_is_refused),
        cmocka_unit_test(timing_request_says_what_was_asked),
        cmocka_unit_test(differences_are_told_in_words_and_rounding_is_none),
        cmocka_unit_test(restart_request_names_link_and_attribute),
        cmocka_unit_test(state_and_clock_of_a_controller_are_read),
        cmocka_unit_test(kernel_is_asked_by_name_and_by_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
