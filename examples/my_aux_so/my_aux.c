/* An auxiliary in a shared object: `type: ./libmy_aux.so:my_ops` in the configuration.
 *
 * It answers every command with its data turned round.
 */
#include <canring/auxiliary.h>

static uint8_t turned[CANRING_MESSAGE_MAX];

static bool create(struct canring_auxiliary_context *context)
{
    (void)context;
    return true;
}

static bool delete (struct canring_auxiliary_context *context)
{
    (void)context;
    return true;
}

static int run(struct canring_auxiliary_context *context, const void *message, size_t message_size,
               const void *data, size_t data_size, struct canring_message_view *reply)
{
    (void)context, (void)message, (void)message_size;
    for (size_t i = 0; i < data_size; i++)
        turned[i] = ((const uint8_t *)data)[data_size - 1 - i];
    *reply = (struct canring_message_view){.data = turned, .size = data_size};
    return 1;
}

static bool abort_command(struct canring_auxiliary_context *context)
{
    (void)context;
    return true;
}

static int receive(struct canring_auxiliary_context *context, int timeout_ms,
                   struct canring_message_view *message)
{
    (void)context, (void)timeout_ms, (void)message;
    return 0;
}

static int descriptor(struct canring_auxiliary_context *context)
{
    (void)context;
    return -1;
}

__attribute__((visibility("default"))) const struct canring_auxiliary_ops my_ops = {
    .name = "turn",
    .create_auxiliary_instance = create,
    .delete_auxiliary_instance = delete,
    .run_command = run,
    .abort_command = abort_command,
    .receive_message = receive,
    .fd = descriptor,
};

/* For a test of what is said about it: an auxiliary that cannot do anything. */
__attribute__((visibility("default"))) const struct canring_auxiliary_ops no_ops = {.name = "idle"};
