#include <canring/channel.h>
#include <canring/config.h>
#include <cstdio>

int main()
{
    canring_ring ring{};
    canring_producer in{};
    canring_consumer out{};
    canring_frame_buffer frame{};
    uint32_t size = 0;
    const uint8_t data[] = {0x11, 0x22};
    if (canring_ring_create(&ring, CANRING_SLOTS_MIN, nullptr) < 0)
        return 1;
    canring_producer_init(&in, &ring);
    canring_consumer_init(&out, &ring);
    canring_frame_classic(&frame.frame, 0x123, data, sizeof(data));
    if (!canring_ring_put(&in, &frame, frame.frame.size))
        return 1;
    canring_ring_publish(&in);
    auto got = reinterpret_cast<const canring_frame *>(canring_ring_peek(&out, &size));
    if (!got || size != frame.frame.size)
        return 1;
    std::printf("%03X#%02X%02X\n", got->id, got->data[0], got->data[1]);
    canring_ring_destroy(&ring);
}
