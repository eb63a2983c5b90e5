#include "can/accept.h"

int cr_accept_init(struct cr_accept *accept, const struct canring_bus_options *options)
{
    accept->fd = options->fd;
    accept->xl = options->xl;
    return cr_filter_set_build(&accept->filters, &options->filters);
}

void cr_accept_free(struct cr_accept *accept)
{
    cr_filter_set_free(&accept->filters);
}
