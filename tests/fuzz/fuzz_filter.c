/* Any text as a filter list: never a crash; what is compiled from an accepted list says the same
 * as the list. */
#include <stdlib.h>

#include "can/filter_compiled.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_same(const struct canring_filters *filters, const struct cr_filter_set *set,
                         uint32_t id)
{
    struct canring_frame frame;

    /* Only ids that a frame can have. */
    if (!(id & (CANRING_ID_EXTENDED | CANRING_ID_ERROR)))
        id &= CANRING_ID_REMOTE | CANRING_ID_MASK_STD;
    canring_frame_classic(&frame, id, NULL, 0);
    if (canring_filters_match(filters, &frame) != cr_filter_set_match(set, &frame))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct canring_filters filters;
    struct cr_filter_set set;
    struct canring_error err;
    uint32_t id = 0;
    char *text;

    if (size < sizeof(id))
        return 0;
    memcpy(&id, data, sizeof(id));
    text = strndup((const char *)data + sizeof(id), size - sizeof(id));
    if (text && canring_filters_parse(&filters, text, &err) == 0) {
        if (cr_filter_set_build(&set, &filters) == 0) {
            require_same(&filters, &set, id);
            require_same(&filters, &set, id & ~(CANRING_ID_EXTENDED | CANRING_ID_ERROR));
            for (size_t i = 0; i < filters.count; i++)
                require_same(&filters, &set, filters.list[i].id);
            cr_filter_set_free(&set);
        }
        canring_filters_free(&filters);
    }
    free(text);
    return 0;
}
