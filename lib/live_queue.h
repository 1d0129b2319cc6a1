/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_LIVE_QUEUE_H
#define INCLUDED_HTRD_LIVE_QUEUE_H

#include "frame_batch.h"
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief A bounded queue of frames between a radio, which never waits, and what decides them.
 *
 * Keeps the newest frames; where they do not fit, the oldest are dropped and counted. A frame is
 * copied once, into the batch that it is decided in: a batch changes hands as a whole. Every
 * frame that was put is taken, dropped or cleared, once.
 */
class live_queue
{
public:
    using clock = frame_batch::clock;
    using batch_ptr = std::unique_ptr<frame_batch>;

    //! A batch and its number since open(), or no batch: none came in time
    struct taken {
        batch_ptr batch;
        uint64_t number = 0;
    };

    live_queue(size_t capacity, size_t max_batch, size_t frame_length);

    //! Append frames, from one thread.
    void put(const gr_complex* samples, const std::vector<frame_facts>& facts);

    /*!
     * \brief The oldest frames: max_batch, or fewer where the oldest has waited for `latency`,
     * others were dropped, or the queue was closed.
     *
     * Without any frame for `patience`, no batch; nothing when the queue is closed, and empty
     * or out of time.
     */
    std::optional<taken> take(clock::duration latency, clock::duration patience);

    //! A batch to be used again
    void give_back(batch_ptr batch);

    //! Take frames from now on, numbered from 0.
    void open();

    //! No more frames come: take() gives what is left, for a time.
    void close(clock::duration time);

    //! Forget all frames and return how many there were.
    size_t clear();

    size_t size() const { return d_size; }
    uint64_t accepted() const { return d_accepted; }
    uint64_t dropped() const { return d_dropped; }

private:
    void drop_oldest();
    batch_ptr empty_batch();

    const size_t d_capacity;
    const size_t d_max_batch;
    const size_t d_frame_length;
    mutable std::mutex d_mutex;
    std::condition_variable d_changed;
    std::deque<batch_ptr> d_waiting; // the last one may have room
    std::vector<batch_ptr> d_free;
    uint64_t d_number = 0;
    std::optional<clock::time_point> d_end;
    std::atomic<size_t> d_size{ 0 };
    std::atomic<uint64_t> d_accepted{ 0 };
    std::atomic<uint64_t> d_dropped{ 0 };
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_LIVE_QUEUE_H */
