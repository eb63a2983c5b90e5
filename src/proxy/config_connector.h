/* What the `config` of each kind of connector may hold.
 *
 * The tables of keys and the defaults, used by config_connector when it reads the section
 * `connectors` and by config_proxy when it makes channels of its own. Nothing here opens a
 * bus.
 */
#ifndef CR_CONFIG_CONNECTOR_H
#define CR_CONFIG_CONNECTOR_H

#include "proxy/config_schema.h"

#define CR_DEFAULT_GROUP "239.74.163.2" /* python-can's for IPv4 */

/* The connector with what needs a second look before it is settled. */
struct cr_connector_draft {
    struct canring_config_connector connector;
    int interface; /* index into cr_bus_interfaces */
    int passive;   /* state: ACTIVE, PASSIVE */
};

extern const char *const cr_bus_interfaces[]; /* NULL-terminated */
enum { CR_BUS_UDP_MULTICAST, CR_BUS_VIRTUAL, CR_BUS_PCAN, CR_BUS_SOCKETCAN };

extern const struct cr_schema *const cr_connector_schemas[CANRING_CONNECTOR_CUSTOM];

void cr_connector_defaults(struct cr_connector_draft *draft, enum canring_connector_kind kind);

/* Whether the kind is a bus that a proxy can own. */
bool cr_connector_is_bus(enum canring_connector_kind kind);

#endif
