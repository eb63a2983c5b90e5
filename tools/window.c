#include "window.h"

void window_end(struct window *window)
{
    if (window->first + window->second > window->peak_first + window->peak_second) {
        window->peak_start = window->start;
        window->peak_first = window->first;
        window->peak_second = window->second;
    }
    window->first = window->second = 0;
}

void window_add(struct window *window, uint64_t at_ns, uint64_t first, uint64_t second)
{
    if (!window->begun) {
        window->begun = true;
        window->start = at_ns;
    }
    if (window->length_ns && at_ns >= window->start && at_ns - window->start >= window->length_ns) {
        window_end(window);
        window->start += (at_ns - window->start) / window->length_ns * window->length_ns;
    }
    window->first += first;
    window->second += second;
}
