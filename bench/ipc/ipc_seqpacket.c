#include <sys/socket.h>

#include "ipc.h"

static const char peer_name[] = "UNIX seqpacket";

struct link {
    int fds[2];
};

static void link_create(struct link *links, const char *mode)
{
    (void)mode;
    for (int i = 0; i < 2; i++)
        ipc_check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, links[i].fds) == 0, "socketpair");
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
    ipc_check(send(link->fds[1], message, sizeof(*message), 0) == sizeof(*message), "send");
}

static void link_receive(struct link *link, struct message *message)
{
    ipc_check(recv(link->fds[0], message, sizeof(*message), 0) == sizeof(*message), "recv");
}

static void link_destroy(struct link *links)
{
    close(links[0].fds[1]);
    close(links[1].fds[0]);
}

#include "main.h"
