#include <zmq.h>

#include "ipc.h"

static const char peer_name[] = "ZeroMQ ipc";

struct link {
    char address[96];
    void *context, *socket;
};

static void link_create(struct link *links, const char *mode)
{
    (void)mode;
    for (int i = 0; i < 2; i++)
        snprintf(links[i].address, sizeof(links[i].address), "ipc:///tmp/canring-zmq-%d-%d",
                 (int)getpid(), i);
}

static void open_socket(struct link *link, int type)
{
    int unlimited = 0;
    link->context = zmq_ctx_new();
    link->socket = zmq_socket(link->context, type);
    ipc_check(link->socket != NULL, "zmq_socket");
    zmq_setsockopt(link->socket, ZMQ_SNDHWM, &unlimited, sizeof(unlimited));
    zmq_setsockopt(link->socket, ZMQ_RCVHWM, &unlimited, sizeof(unlimited));
}

static void link_writer(struct link *link)
{
    open_socket(link, ZMQ_PUSH);
    ipc_check(zmq_bind(link->socket, link->address) == 0, "zmq_bind");
}

static void link_reader(struct link *link)
{
    open_socket(link, ZMQ_PULL);
    ipc_check(zmq_connect(link->socket, link->address) == 0, "zmq_connect");
}

static void link_send(struct link *link, const struct message *message)
{
    ipc_check(zmq_send(link->socket, message, sizeof(*message), 0) == sizeof(*message), "zmq_send");
}

static void link_receive(struct link *link, struct message *message)
{
    ipc_check(zmq_recv(link->socket, message, sizeof(*message), 0) == sizeof(*message), "zmq_recv");
}

static void link_destroy(struct link *links)
{
    for (int i = 0; i < 2; i++) {
        zmq_close(links[i].socket);
        zmq_ctx_term(links[i].context);
        unlink(links[i].address + strlen("ipc://"));
    }
}

#include "main.h"
