#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

#include "ipc.h"

static const char peer_name[] = "nng ipc";

struct link {
    char address[96];
    nng_socket socket;
};

static void link_create(struct link *links, const char *mode)
{
    (void)mode;
    for (int i = 0; i < 2; i++)
        snprintf(links[i].address, sizeof(links[i].address), "ipc:///tmp/canring-nng-%d-%d",
                 (int)getpid(), i);
}

static void link_writer(struct link *link)
{
    ipc_check(nng_push0_open(&link->socket) == 0, "nng_push0_open");
    ipc_check(nng_listen(link->socket, link->address, NULL, 0) == 0, "nng_listen");
}

static void link_reader(struct link *link)
{
    ipc_check(nng_pull0_open(&link->socket) == 0, "nng_pull0_open");
    ipc_check(nng_dial(link->socket, link->address, NULL, NNG_FLAG_NONBLOCK) == 0, "nng_dial");
}

static void link_send(struct link *link, const struct message *message)
{
    struct message copy = *message; /* nng_send takes no pointer to const */
    ipc_check(nng_send(link->socket, &copy, sizeof(copy), 0) == 0, "nng_send");
}

static void link_receive(struct link *link, struct message *message)
{
    size_t size = sizeof(*message);
    ipc_check(nng_recv(link->socket, message, &size, 0) == 0 && size == sizeof(*message),
              "nng_recv");
}

static void link_destroy(struct link *links)
{
    for (int i = 0; i < 2; i++) {
        nng_close(links[i].socket);
        unlink(links[i].address + strlen("ipc://"));
    }
}

#include "main.h"
