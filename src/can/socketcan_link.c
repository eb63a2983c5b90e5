#include "can/socketcan.h"

#include <errno.h>
#include <linux/can/error.h>
#include <poll.h>
#include <syslog.h>
#include <unistd.h>

/* Bits of data[1] of a CAN_ERR_CRTL frame. */
#define CRTL_WARNING (CAN_ERR_CRTL_RX_WARNING | CAN_ERR_CRTL_TX_WARNING)
#define CRTL_PASSIVE (CAN_ERR_CRTL_RX_PASSIVE | CAN_ERR_CRTL_TX_PASSIVE)

/* ---- state of the bus ------------------------------------------------------ */

static void set_state(struct cr_socketcan *sc, enum canring_bus_state state, int level,
                      const char *words)
{
    if (sc->bus.stats.state == (uint32_t)state)
        return;
    sc->bus.stats.state = state;
    cr_bus_report(&sc->bus, level, "%s: %s", sc->bus.name, words);
}

static void bus_off(struct cr_socketcan *sc)
{
    if (sc->bus.stats.state == CANRING_BUS_OFF)
        return;
    sc->bus.stats.bus_off++;
    set_state(sc, CANRING_BUS_OFF, LOG_ERR, "the controller is bus-off");
    if (sc->restart_ms)
        cr_loop_timer(sc->bus.loop, &sc->link.restart, sc->restart_ms * UINT64_C(1000000));
}

static void set_controller_state(struct cr_socketcan *sc, enum can_state state)
{
    switch (state) {
    case CAN_STATE_ERROR_ACTIVE:
        set_state(sc, CANRING_BUS_ACTIVE, LOG_NOTICE, "the controller is error active");
        cr_sc_tx_unblock(sc);
        break;
    case CAN_STATE_ERROR_WARNING:
        set_state(sc, CANRING_BUS_WARNING, LOG_WARNING, "the controller is at error warning");
        break;
    case CAN_STATE_ERROR_PASSIVE:
        set_state(sc, CANRING_BUS_PASSIVE, LOG_WARNING, "the controller is error passive");
        break;
    case CAN_STATE_BUS_OFF:
        bus_off(sc);
        break;
    default: /* stopped, sleeping: the interface is down, which is told apart */
        break;
    }
}

/* With "any" there is no telling whose state it is. */
void cr_sc_link_error_frame(struct cr_socketcan *sc, const struct canring_frame *frame)
{
    if (sc->any || canring_frame_length(frame) < CAN_ERR_DLC)
        return;
    if (frame->id & CAN_ERR_BUSOFF)
        set_controller_state(sc, CAN_STATE_BUS_OFF);
    else if (frame->id & CAN_ERR_RESTARTED)
        set_controller_state(sc, CAN_STATE_ERROR_ACTIVE);
    else if (!(frame->id & CAN_ERR_CRTL))
        return;
    else if (frame->data[1] & CRTL_PASSIVE)
        set_controller_state(sc, CAN_STATE_ERROR_PASSIVE);
    else if (frame->data[1] & CRTL_WARNING)
        set_controller_state(sc, CAN_STATE_ERROR_WARNING);
    else if (frame->data[1] & CAN_ERR_CRTL_ACTIVE)
        set_controller_state(sc, CAN_STATE_ERROR_ACTIVE);
}

static const char *restart_advice(int error)
{
    if (error == -EPERM)
        return "this needs CAP_NET_ADMIN; or let the link do it: ip link set … type can restart-ms "
               "100";
    return error == -EOPNOTSUPP ? "the interface is not a CAN controller" : strerror(-error);
}

static void on_restart(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)result, (void)flags, (void)buffer;
    struct cr_socketcan *sc = source->owner;
    if (sc->bus.stats.state != CANRING_BUS_OFF)
        return; /* the link restarted it meanwhile */
    int rc = cr_link_restart(sc->ifindex);
    if (rc < 0)
        cr_bus_report(&sc->bus, LOG_ERR, "%s: cannot restart after bus-off: %s", sc->bus.name,
                      restart_advice(rc));
    else
        set_controller_state(sc, CAN_STATE_ERROR_ACTIVE);
}

/* ---- the interface ----------------------------------------------------------- */

static void link_down(struct cr_socketcan *sc)
{
    if (sc->bus.stats.state == CANRING_BUS_DOWN)
        return;
    sc->bus.stats.link_down++;
    cr_loop_disarm(sc->bus.loop, &sc->link.restart);
    set_state(sc, CANRING_BUS_DOWN, LOG_WARNING, "the interface is down");
}

static void link_up(struct cr_socketcan *sc, const struct cr_link *link)
{
    if (sc->bus.stats.state == CANRING_BUS_DOWN) {
        set_state(sc, CANRING_BUS_ACTIVE, LOG_NOTICE, "the interface is up");
        cr_sc_tx_unblock(sc);
    }
    if (link->has_state)
        set_controller_state(sc, link->state);
}

static void removed(struct cr_socketcan *sc)
{
    link_down(sc);
    sc->ifindex = 0;
    if (!sc->link.removed)
        cr_bus_report(&sc->bus, LOG_WARNING, "%s: the interface was removed", sc->bus.name);
    sc->link.removed = true;
}

static void back_again(struct cr_socketcan *sc, const struct cr_link *link)
{
    int rc = cr_sc_bind(sc, link->index);
    if (rc < 0) {
        cr_bus_report(&sc->bus, LOG_ERR, "%s: the interface is back, but: %s", sc->bus.name,
                      strerror(-rc));
        return;
    }
    sc->link.removed = false;
    cr_bus_report(&sc->bus, LOG_NOTICE, "%s: the interface is back", sc->bus.name);
}

static struct cr_sc_name *find_name(struct cr_socketcan *sc, int ifindex)
{
    for (unsigned i = 0; i < CR_SC_NAMES; i++)
        if (sc->names[i].ifindex == ifindex)
            return &sc->names[i];
    return NULL;
}

/* One that sends frames is up. */
const char *cr_sc_link_name(struct cr_socketcan *sc, int ifindex)
{
    static const char unknown[IFNAMSIZ] = "?"; /* gone before it was asked for */
    struct cr_sc_name *known = find_name(sc, ifindex);
    if (known)
        return known->name;
    known = &sc->names[sc->name_next++ % CR_SC_NAMES];
    memset(known, 0, sizeof(*known));
    if (!if_indextoname((unsigned)ifindex, known->name))
        return unknown;
    known->ifindex = ifindex;
    known->up = true;
    return known->name;
}

/* Of the interfaces that "any" has heard of. */
static void one_of_any_changed(struct cr_socketcan *sc, const struct cr_link *link)
{
    struct cr_sc_name *known = find_name(sc, link->index);
    bool up = link->up && !link->gone;
    if (!known)
        return;
    if (known->up != up) {
        sc->bus.stats.link_down += !up;
        cr_bus_report(&sc->bus, up ? LOG_NOTICE : LOG_WARNING, "%s: the interface is %s",
                      known->name, up ? "up" : "down");
    }
    known->up = up;
    memcpy(known->name, link->name, sizeof(known->name));
    if (!link->gone)
        return;
    cr_bus_report(&sc->bus, LOG_WARNING, "%s: the interface was removed", known->name);
    memset(known, 0, sizeof(*known));
}

static void on_change(void *arg, const struct cr_link *link)
{
    struct cr_socketcan *sc = arg;
    if (!link->is_can)
        return;
    if (sc->any) {
        one_of_any_changed(sc, link);
        return;
    }
    if (link->gone && link->index == sc->ifindex) {
        removed(sc);
        return;
    }
    if (!link->gone && sc->link.removed && strcmp(link->name, sc->bus.name) == 0)
        back_again(sc, link);
    if (link->gone || link->index != sc->ifindex)
        return;
    sc->mtu = link->mtu;
    if (link->up)
        link_up(sc, link);
    else
        link_down(sc);
}

/* By name when the interface had been removed, for it may be back with another index. */
void cr_sc_link_refresh(struct cr_socketcan *sc)
{
    struct cr_link link;
    if (sc->any)
        return;
    int rc = cr_link_get(&link, sc->link.removed ? sc->bus.name : NULL, sc->ifindex);
    if (rc == 0)
        on_change(sc, &link);
    else if (rc == -ENODEV)
        removed(sc);
    else
        link_down(sc);
}

static void on_netlink(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)result, (void)flags, (void)buffer;
    struct cr_socketcan *sc = source->owner;
    while (cr_netlink_read(sc->link.netlink, on_change, sc) == -ENOBUFS)
        cr_sc_link_refresh(sc);
}

int cr_sc_link_open(struct cr_socketcan *sc, struct canring_error *err)
{
    sc->link.source = (struct cr_source){.ready = on_netlink, .owner = sc};
    sc->link.restart = (struct cr_source){.ready = on_restart, .owner = sc};
    sc->link.netlink = cr_netlink_watch();
    int rc = sc->link.netlink < 0
                 ? 0
                 : cr_loop_watch(sc->bus.loop, &sc->link.source, sc->link.netlink, POLLIN);
    if (rc < 0)
        return canring_error_set(err, rc, "%s: netlink: %s", sc->bus.name, strerror(-rc));
    if (sc->link.netlink < 0)
        cr_bus_report(&sc->bus, LOG_WARNING,
                      "%s: no netlink here (%s): a removed interface will not be noticed",
                      sc->bus.name, strerror(-sc->link.netlink));
    cr_sc_link_refresh(sc);
    return 0;
}

void cr_sc_link_close(struct cr_socketcan *sc)
{
    cr_loop_disarm(sc->bus.loop, &sc->link.source);
    cr_loop_disarm(sc->bus.loop, &sc->link.restart);
    if (sc->link.netlink >= 0)
        close(sc->link.netlink);
}
