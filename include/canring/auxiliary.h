/* Auxiliaries: pykiso's MpAuxiliaryInterface, as processes.
 *
 * An auxiliary is a process that serves requests one at a time: create and delete its instance, run
 * and abort commands; while the instance exists it hands what it receives to whoever asks for
 * reports. A handle talks to it from any process of the same user. Requests, replies and reports
 * travel through rings in shared memory.
 */
#ifndef CANRING_AUXILIARY_H
#define CANRING_AUXILIARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <canring/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of one command, reply or report. */
#define CANRING_MESSAGE_MAX 65536u

/* ---- the implementer's side --------------------------------------------------------------- */

/* A message that an operation answers with; `data` is the operation's own and read at once. */
struct canring_message_view {
    const void *data;
    size_t size;
    uint32_t remote_id; /* of a received message; 0 = none */
};

struct canring_auxiliary_context {
    const char *name;    /* the auxiliary's */
    const char *config;  /* its `config` as a JSON object */
    const char *channel; /* of its connector "com", to attach to ("PROXY/CHANNEL"), or NULL */
    void *user;          /* the implementation's own */
};

/* All but `fd`, `opened` and `closed` are mandatory. Called on the auxiliary's one thread. */
struct canring_auxiliary_ops {
    const char *name; /* for messages */
    bool (*create_auxiliary_instance)(struct canring_auxiliary_context *context);
    bool (*delete_auxiliary_instance)(struct canring_auxiliary_context *context);
    /* 1 and *reply, 0 = no reply, negative errno. */
    int (*run_command)(struct canring_auxiliary_context *context, const void *message,
                       size_t message_size, const void *data, size_t data_size,
                       struct canring_message_view *reply);
    bool (*abort_command)(struct canring_auxiliary_context *context);
    /* Up to `timeout_ms` for something to report: 1 and *message, or 0. */
    int (*receive_message)(struct canring_auxiliary_context *context, int timeout_ms,
                           struct canring_message_view *message);
    /* An fd that is readable when receive_message has something: with it the process sleeps on that
     * and on requests at once; without it receive_message is called with a timeout of 10 ms. -1 =
     * none now. */
    int (*fd)(struct canring_auxiliary_context *context);
    /* Process start and end. */
    int (*opened)(struct canring_auxiliary_context *context, struct canring_error *err);
    void (*closed)(struct canring_auxiliary_context *context);
};

/* 0, or -EINVAL naming every mandatory operation that is missing. */
int canring_auxiliary_check(const struct canring_auxiliary_ops *ops, struct canring_error *err);

/* Be the auxiliary until stopped (a handle's stop, SIGTERM, or canring_auxiliary_quit). Makes the
 * instance at once when `auto_start`. 0, or a negative errno when it could not begin; -ECANCELED
 * when auto_start's creation failed. */
int canring_auxiliary_serve(const struct canring_auxiliary_ops *ops,
                            struct canring_auxiliary_context *context, bool auto_start,
                            struct canring_error *err);
/* From a signal handler or another thread: whoever serves in this process stops; when nobody does,
 * the next serving ends at once. Not inherited by forked children. */
void canring_auxiliary_quit(void);

/* main() of an auxiliary that is an executable: name, config, channel and auto_start come from the
 * environment that the coordinator sets ($CANRING_AUXILIARY, $CANRING_AUXILIARY_CONFIG,
 * $CANRING_AUXILIARY_CHANNEL, $CANRING_AUXILIARY_AUTO_START=0|1). The exit status. */
int canring_auxiliary_main(const struct canring_auxiliary_ops *ops);

/* What CommunicationAuxiliary is made of: send and receive on a proxy's channel. */
extern const struct canring_auxiliary_ops canring_communication_ops;

/* ---- the caller's side ----------------------------------------------------------------------- */

struct canring_auxiliary;

/* A message for the caller, who frees `data` with canring_message_free. */
struct canring_message {
    void *data;
    size_t size;
    uint32_t remote_id;
};
/* Frees its data and makes it empty: not NULL, and no harm to one that is empty already. */
void canring_message_free(struct canring_message *message);

/* An auxiliary, or by its name a proxy: of that create_instance and resume open the bus,
 * delete_instance and suspend close it, stop ends it; all other calls are -EOPNOTSUPP.
 *
 * Timeouts are seconds on CLOCK_MONOTONIC; 0 and NAN = do not wait, negative = for ever. A
 * handle may be used by several threads; several handles, in several processes, may exist for one
 * auxiliary. When the auxiliary's process is gone every call returns -EPIPE within 0.2 s, unless it
 * was restarted: then the next call reaches the new one.
 *
 * Errors: -ENOENT neither an auxiliary nor a proxy of that name runs; -EINVAL no name; -EAGAIN it
 * has begun, and is not ready after a second; -EACCES; -EPROTO, -EPROTONOSUPPORT, -EBADMSG its
 * memory is of another version, or damaged; -ENOMEM, and what the kernel gives. */
int canring_auxiliary_open(struct canring_auxiliary **auxiliary, const char *name,
                           struct canring_error *err);
/* Gives back the locks that the calling thread holds. NULL is allowed. */
void canring_auxiliary_close(struct canring_auxiliary *auxiliary);

/* Exclusive (others' calls that wait for an answer have to wait) and recursive for the calling
 * thread; 1 locked, 0 timeout. A dead holder's lock is recovered. */
int canring_auxiliary_lock_it(struct canring_auxiliary *auxiliary, double timeout_s);
int canring_auxiliary_unlock_it(struct canring_auxiliary *auxiliary); /* -EPERM: not the holder */

/* 0; -ECANCELED when creation failed (pykiso's AuxiliaryCreationError). A second create is answered
 * 0 as well, with "exists" in `err`. */
int canring_auxiliary_create_instance(struct canring_auxiliary *auxiliary,
                                      struct canring_error *err);
/* The is-instance flag afterwards: 0 when all went well, 1 when the instance is still there. */
int canring_auxiliary_delete_instance(struct canring_auxiliary *auxiliary);
/* Whether there is an instance: 1, 0; 0 as well when the process is gone. */
int canring_auxiliary_is_instance(struct canring_auxiliary *auxiliary);

/* 1 and *reply (`reply` may be NULL); 0 = no reply, or timeout, or not blocking; the
 * implementation's own negative errno; -EMSGSIZE `message` or `data` above CANRING_MESSAGE_MAX. Not
 * blocking, or with no time, it is run without anybody waiting: -EAGAIN when too much is waiting
 * there already. A reply's data is followed by a zero byte that `size` does not count. */
int canring_auxiliary_run_command(struct canring_auxiliary *auxiliary, const void *message,
                                  size_t message_size, const void *data, size_t data_size,
                                  bool blocking, double timeout_s, struct canring_message *reply);
/* 1 acknowledged, 0 not within the time. pykiso's default is 25 s. */
int canring_auxiliary_abort_command(struct canring_auxiliary *auxiliary, bool blocking,
                                    double timeout_s);
/* 1 and *report, 0 = none. */
int canring_auxiliary_wait_and_get_report(struct canring_auxiliary *auxiliary, bool blocking,
                                          double timeout_s, struct canring_message *report);
/* End the process; deletes a live instance first. 0; -ECANCELED the deletion failed, it ends all
 * the same; -ETIMEDOUT it has not ended 5 s later; -EPIPE it has gone already. */
int canring_auxiliary_stop(struct canring_auxiliary *auxiliary);
/* Delete and create again. A second one returns 1 and logs the warning "already stopped" / "already
 * running". */
int canring_auxiliary_suspend(struct canring_auxiliary *auxiliary);
int canring_auxiliary_resume(struct canring_auxiliary *auxiliary, struct canring_error *err);

/* Suspend the original and run a copy of it with `config` (a JSON object) laid over its own;
 * destroy_copy ends the copy and resumes the original. */
int canring_auxiliary_create_copy(struct canring_auxiliary *original, const char *config,
                                  struct canring_auxiliary **copy, struct canring_error *err);
int canring_auxiliary_destroy_copy(struct canring_auxiliary *copy, struct canring_error *err);

/* ---- CommunicationAuxiliary -------------------------------------------------------------------
 */

/* 1 when the bus took it, 0 not (in time, or never: it is not sent later), negative errno with
 * words in `err`. More than 8 bytes go as CAN FD, filled up to a length that it has. `has_id`
 * false: the connector's remote_id. */
int canring_communication_send(struct canring_auxiliary *auxiliary, const void *data, size_t size,
                               bool has_id, uint32_t remote_id, struct canring_error *err);
/* 1 and *message (its remote_id is the arbitration id), 0 = none. See canring-auxiliary(7) for what
 * is kept when. */
int canring_communication_receive(struct canring_auxiliary *auxiliary, bool blocking,
                                  double timeout_s, struct canring_message *message);
/* Forget what has been received. 0, also when there is no answer within 25 s; -EPIPE. So have the
 * two below, and -EALREADY an end without a begin. */
int canring_communication_clear_buffer(struct canring_auxiliary *auxiliary);
/* Keep everything from begin on, until end. Nests. */
int canring_communication_collect_begin(struct canring_auxiliary *auxiliary);
int canring_communication_collect_end(struct canring_auxiliary *auxiliary);

#ifdef __cplusplus
}
#endif
#endif
