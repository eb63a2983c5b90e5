/* Any bytes as a datagram: never a crash; what is accepted is a well-formed frame, is msgpack for
 * msgpack-c as well, and encodes and decodes to itself. */
#include "can/msgpack_frame.h"

#include <stdlib.h>

#include <msgpack.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_msgpack(const uint8_t *data, size_t size)
{
    msgpack_unpacked object;
    size_t end = 0;
    msgpack_unpacked_init(&object);
    require(msgpack_unpack_next(&object, (const char *)data, size, &end) == MSGPACK_UNPACK_SUCCESS);
    require(end == size && object.data.type == MSGPACK_OBJECT_MAP);
    msgpack_unpacked_destroy(&object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union canring_frame_buffer first, second;
    uint8_t datagram[CR_MSGPACK_FRAME_MAX];

    if (cr_msgpack_frame_decode(&first.frame, data, size))
        return 0;
    require(canring_frame_check(&first.frame, sizeof(first)) == 0);
    require_msgpack(data, size);
    int length = cr_msgpack_frame_encode(&first.frame, datagram, sizeof(datagram));
    require(length > 0);
    require(cr_msgpack_frame_decode(&second.frame, datagram, (size_t)length) == 0);
    require(memcmp(&first, &second, first.frame.size) == 0);
    return 0;
}
