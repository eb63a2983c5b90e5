/* C11 atomics, spelt so that C++ understands them.
 *
 * For the headers of this library that have atomics in shared structures: in C++ they are
 * std::atomic, of the same size and layout. The operations have their C11 names in both. Nobody
 * else need include this.
 */
#ifndef CANRING_ATOMIC_H
#define CANRING_ATOMIC_H

#ifdef __cplusplus
#include <atomic>
#define CANRING_ATOMIC(type) std::atomic<type>
using std::atomic_load_explicit;
using std::atomic_store_explicit;
using std::memory_order;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;
#else
#include <stdatomic.h>
#define CANRING_ATOMIC(type) _Atomic(type)
#endif

#endif
