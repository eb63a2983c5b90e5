/* Which auxiliary names which connector, and who shares one.
 *
 * The first half of tying the sections together; config_proxy is the second and the only
 * caller. Dangling names are found here.
 */
#ifndef CR_CONFIG_LINK_H
#define CR_CONFIG_LINK_H

#include "proxy/config_build.h"

/* Fill links and com of every auxiliary and proxy. */
int cr_link_all(struct cr_build *build);

/* Whether it is of a kind that was understood. */
bool cr_named_usable(const struct cr_named_aux *named);
bool cr_named_uses(const struct cr_named_aux *named,
                   const struct canring_config_connector *connector);
/* The entry of that name, or NULL. */
struct cr_named_aux *cr_named_find(const struct cr_build *build, const char *name);
/* The auxiliary of that name which is nearest, for "did you mean". */
const char *cr_named_nearest(struct cr_build *build, const char *name);

#endif
