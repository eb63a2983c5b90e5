#include "ipc.h"

static const char peer_name[] = "pipe";

struct link {
    int fds[2];
};

static void link_create(struct link *links, const char *mode)
{
    (void)mode;
    ipc_check(pipe(links[0].fds) == 0 && pipe(links[1].fds) == 0, "pipe");
}

static void link_writer(struct link *link)
{
    close(link->fds[0]);
}

static void link_reader(struct link *link)
{
    close(link->fds[1]);
}

static void link_send(struct link *link, const struct message *message)
{
    ipc_check(write(link->fds[1], message, sizeof(*message)) == sizeof(*message), "write");
}

static void link_receive(struct link *link, struct message *message)
{
    ipc_check(read(link->fds[0], message, sizeof(*message)) == sizeof(*message), "read");
}

static void link_destroy(struct link *links)
{
    close(links[0].fds[1]);
    close(links[1].fds[0]);
}

#include "main.h"
