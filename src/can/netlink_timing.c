#include "can/netlink_timing.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

/* Sample points this near are the same: controllers round them to their time quanta. */
#define SAMPLE_POINT_TOLERANCE 25u

static int phase_of(const char *name, uint32_t clock_mhz, const uint32_t segments[4],
                    struct cr_phase *phase, struct canring_error *err)
{
    uint32_t brp = segments[0], tseg1 = segments[1], tseg2 = segments[2];
    *phase = (struct cr_phase){0};
    if (!brp && !tseg1 && !tseg2)
        return 0;
    if (!clock_mhz || !brp || !tseg1 || !tseg2)
        return canring_error_set(err, -EINVAL,
                                 "%s bit timing is incomplete: f_clock_mhz %u, brp %u, tseg1 %u, "
                                 "tseg2 %u; all four must be above 0",
                                 name, clock_mhz, brp, tseg1, tseg2);
    uint64_t quanta = UINT64_C(1) + tseg1 + tseg2;
    phase->bitrate = (uint32_t)(clock_mhz * UINT64_C(1000000) / brp / quanta);
    phase->sample_point = (uint32_t)((UINT64_C(1) + tseg1) * 1000 / quanta);
    phase->sjw = segments[3];
    if (!phase->bitrate)
        return canring_error_set(err, -EINVAL, "%s bit timing gives less than 1 bit/s", name);
    return 0;
}

int cr_timing_phases(const struct canring_bit_timing *timing, bool fd, struct cr_phase *nominal,
                     struct cr_phase *data, struct canring_error *err)
{
    const uint32_t first[4] = {timing->nom_brp, timing->nom_tseg1, timing->nom_tseg2,
                               timing->nom_sjw};
    const uint32_t second[4] = {timing->data_brp, timing->data_tseg1, timing->data_tseg2,
                                timing->data_sjw};
    int rc = phase_of("nominal", timing->clock_mhz, first, nominal, err);
    if (rc == 0)
        rc = phase_of("data", timing->clock_mhz, second, data, err);
    if (rc < 0)
        return rc;
    if (timing->bitrate && (!fd || !nominal->bitrate))
        *nominal = (struct cr_phase){.bitrate = timing->bitrate};
    if (!fd)
        *data = (struct cr_phase){0};
    else if (timing->data_bitrate && !data->bitrate)
        *data = (struct cr_phase){.bitrate = timing->data_bitrate};
    return 0;
}

/* The kernel works brp and segments out of rate and sample point for the controller's own clock. */
static void put_phase(struct nlmsghdr *message, uint16_t type, const struct cr_phase *phase)
{
    const struct can_bittiming timing = {
        .bitrate = phase->bitrate, .sample_point = phase->sample_point, .sjw = phase->sjw};
    if (phase->bitrate)
        mnl_attr_put(message, type, sizeof(timing), &timing);
}

struct nlmsghdr *cr_timing_message(void *buffer, int index, const struct cr_phase *nominal,
                                   const struct cr_phase *data, bool listen_only)
{
    const struct can_ctrlmode mode = {.mask = CAN_CTRLMODE_LISTENONLY | CAN_CTRLMODE_FD,
                                      .flags =
                                          (listen_only ? (uint32_t)CAN_CTRLMODE_LISTENONLY : 0u) |
                                          (data->bitrate ? (uint32_t)CAN_CTRLMODE_FD : 0u)};
    struct nlmsghdr *message = cr_link_message(buffer, RTM_NEWLINK, index);
    struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
    info->ifi_flags = info->ifi_change = IFF_UP;

    struct nlattr *link_info = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_str(message, IFLA_INFO_KIND, "can");
    struct nlattr *link_data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
    put_phase(message, IFLA_CAN_BITTIMING, nominal);
    put_phase(message, IFLA_CAN_DATA_BITTIMING, data);
    mnl_attr_put(message, IFLA_CAN_CTRLMODE, sizeof(mode), &mode);
    mnl_attr_nest_end(message, link_data);
    mnl_attr_nest_end(message, link_info);
    return message;
}

static bool phase_differs(const struct cr_phase *wanted, const struct can_bittiming *has)
{
    if (!wanted->bitrate)
        return false;
    if (wanted->bitrate != has->bitrate)
        return true;
    uint32_t high = wanted->sample_point, low = has->sample_point;
    if (high < low) {
        high = has->sample_point;
        low = wanted->sample_point;
    }
    return wanted->sample_point && high - low > SAMPLE_POINT_TOLERANCE;
}

static size_t describe(char *text, size_t space, const char *name, const struct cr_phase *wanted,
                       const struct can_bittiming *has)
{
    int n =
        snprintf(text, space, "%s bit rate %u bit/s at sample point %u.%u %%, configured %u", name,
                 has->bitrate, has->sample_point / 10, has->sample_point % 10, wanted->bitrate);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (!wanted->sample_point || used >= space)
        return used < space ? used : space - 1;
    n = snprintf(text + used, space - used, " at %u.%u %%", wanted->sample_point / 10,
                 wanted->sample_point % 10);
    used += n < 0 ? 0 : (size_t)n;
    return used < space ? used : space - 1;
}

bool cr_timing_differs(const struct cr_link *link, const struct cr_phase *nominal,
                       const struct cr_phase *data, char *text, size_t space)
{
    size_t used = 0;
    if (phase_differs(nominal, &link->nominal))
        used = describe(text, space, "nominal", nominal, &link->nominal);
    if (!phase_differs(data, &link->data))
        return used > 0;
    if (used && used + 2 < space) {
        memcpy(text + used, "; ", 3);
        used += 2;
    }
    describe(text + used, space - used, "data", data, &link->data);
    return true;
}
