/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "live_queue.h"
#include <algorithm>

namespace gr {
namespace htrd {

live_queue::live_queue(size_t capacity, size_t max_batch, size_t frame_length)
    : d_capacity(capacity), d_max_batch(max_batch), d_frame_length(frame_length)
{
    // One is being filled, and one or two are being decided
    for (size_t made = 0; made < capacity / max_batch + 4; made++)
        d_free.push_back(std::make_unique<frame_batch>(frame_length));
    for (auto& batch : d_free)
        batch->reserve(max_batch);
}

void live_queue::put(const gr_complex* samples, const std::vector<frame_facts>& facts)
{
    const auto now = clock::now();
    bool is_due = false;
    {
        const std::lock_guard<std::mutex> guard(d_mutex);
        d_accepted += facts.size();
        const bool was_empty = d_size == 0;
        for (const auto& each : facts) {
            if (d_size == d_capacity)
                drop_oldest();
            if (d_waiting.empty() || d_waiting.back()->is_full(d_max_batch))
                d_waiting.push_back(empty_batch());
            d_waiting.back()->append(samples, each, now);
            samples += d_frame_length;
            d_size++;
        }
        is_due = was_empty || d_waiting.front()->is_full(d_max_batch);
    }
    if (is_due)
        d_changed.notify_all();
}

void live_queue::drop_oldest()
{
    d_waiting.front()->drop_first();
    if (!d_waiting.front()->size()) {
        d_free.push_back(std::move(d_waiting.front()));
        d_waiting.pop_front();
        d_free.back()->clear();
    }
    d_size--;
    d_dropped++;
}

live_queue::batch_ptr live_queue::empty_batch()
{
    if (d_free.empty()) {
        auto made = std::make_unique<frame_batch>(d_frame_length);
        made->reserve(d_max_batch);
        return made;
    }
    auto batch = std::move(d_free.back());
    d_free.pop_back();
    return batch;
}

std::optional<live_queue::taken> live_queue::take(clock::duration latency,
                                                  clock::duration patience)
{
    const auto give_up = clock::now() + patience;
    std::unique_lock<std::mutex> guard(d_mutex);
    while (true) {
        const auto now = clock::now();
        if (d_end && (now >= *d_end || d_waiting.empty()))
            return std::nullopt;
        auto due = give_up;
        if (!d_waiting.empty()) {
            const bool at_once = d_end || d_waiting.front()->is_full(d_max_batch);
            due = at_once ? now : d_waiting.front()->arrival(0) + latency;
        }
        if (now >= due) {
            if (d_waiting.empty())
                return taken{};
            taken found{ std::move(d_waiting.front()), d_number++ };
            d_waiting.pop_front();
            d_size -= found.batch->size();
            return found;
        }
        d_changed.wait_until(guard, due);
    }
}

void live_queue::give_back(batch_ptr batch)
{
    batch->clear();
    const std::lock_guard<std::mutex> guard(d_mutex);
    d_free.push_back(std::move(batch));
}

void live_queue::open()
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    d_end.reset();
    d_number = 0;
}

void live_queue::close(clock::duration time)
{
    {
        const std::lock_guard<std::mutex> guard(d_mutex);
        d_end = clock::now() + time;
    }
    d_changed.notify_all();
}

size_t live_queue::clear()
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    const size_t count = d_size;
    for (auto& batch : d_waiting) {
        batch->clear();
        d_free.push_back(std::move(batch));
    }
    d_waiting.clear();
    d_size = 0;
    return count;
}

} // namespace htrd
} // namespace gr
