/* An auxiliary that is a program of its own: `type: ./my_aux_exe` in the configuration.
 *
 * It counts: "add" adds the command's data (a decimal number) and answers with the sum; every
 * change of the sum is reported as well.
 */
#include <canring/auxiliary.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counter {
    long sum;
    bool changed;
    char text[32];
};

static bool create(struct canring_auxiliary_context *context)
{
    struct counter *counter = context->user;
    *counter = (struct counter){0};
    return true;
}

static bool delete (struct canring_auxiliary_context *context)
{
    (void)context;
    return true;
}

static void answer(struct counter *counter, struct canring_message_view *view)
{
    int length = snprintf(counter->text, sizeof(counter->text), "%ld", counter->sum);
    *view = (struct canring_message_view){.data = counter->text, .size = (size_t)length};
}

static int run(struct canring_auxiliary_context *context, const void *message, size_t message_size,
               const void *data, size_t data_size, struct canring_message_view *reply)
{
    struct counter *counter = context->user;
    char number[32];
    if (message_size != 3 || memcmp(message, "add", 3) != 0)
        return 0;
    snprintf(number, sizeof(number), "%.*s", (int)data_size, (const char *)data);
    counter->sum += strtol(number, NULL, 10);
    counter->changed = true;
    answer(counter, reply);
    return 1;
}

static bool abort_command(struct canring_auxiliary_context *context)
{
    (void)context;
    return true;
}

/* Called after each command as well, so there is no need to wait here. */
static int receive(struct canring_auxiliary_context *context, int timeout_ms,
                   struct canring_message_view *message)
{
    struct counter *counter = context->user;
    (void)timeout_ms;
    if (!counter->changed)
        return 0;
    counter->changed = false;
    answer(counter, message);
    return 1;
}

/* Nothing comes from outside: sleep on requests alone. */
static int descriptor(struct canring_auxiliary_context *context)
{
    (void)context;
    return -1;
}

static int opened(struct canring_auxiliary_context *context, struct canring_error *err)
{
    static struct counter counter;
    (void)err;
    context->user = &counter;
    return 0;
}

int main(void)
{
    const struct canring_auxiliary_ops ops = {.name = "counter",
                                              .create_auxiliary_instance = create,
                                              .delete_auxiliary_instance = delete,
                                              .run_command = run,
                                              .abort_command = abort_command,
                                              .receive_message = receive,
                                              .fd = descriptor,
                                              .opened = opened};
    return canring_auxiliary_main(&ops);
}
