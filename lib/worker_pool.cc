/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "worker_pool.h"

namespace gr {
namespace htrd {

void worker_pool::start(size_t workers)
{
    stop();
    d_stopping = false;
    for (size_t made = 0; made < workers; made++)
        d_threads.emplace_back([this] { work(); });
}

void worker_pool::stop()
{
    {
        const std::lock_guard<std::mutex> guard(d_mutex);
        d_stopping = true;
    }
    d_begun.notify_all();
    for (auto& thread : d_threads)
        thread.join();
    d_threads.clear();
}

void worker_pool::run(size_t parts, const std::function<void(size_t)>& part)
{
    std::unique_lock<std::mutex> guard(d_mutex);
    d_part = &part;
    d_next = 0;
    d_parts = parts;
    d_failed = nullptr;
    if (d_threads.empty())
        help(guard);
    else
        d_begun.notify_all();
    d_ended.wait(guard, [this] { return d_next >= d_parts && !d_busy; });
    d_part = nullptr;
    if (d_failed)
        std::rethrow_exception(d_failed);
}

void worker_pool::work()
{
    std::unique_lock<std::mutex> guard(d_mutex);
    while (true) {
        d_begun.wait(guard, [this] { return d_stopping || (d_part && d_next < d_parts); });
        if (d_stopping)
            return;
        help(guard);
    }
}

// Do parts until none is left; locked before and after.
void worker_pool::help(std::unique_lock<std::mutex>& guard)
{
    while (d_next < d_parts) {
        const size_t own = d_next++;
        const auto& part = *d_part;
        d_busy++;
        guard.unlock();
        std::exception_ptr failed;
        try {
            part(own);
        } catch (...) {
            failed = std::current_exception();
        }
        guard.lock();
        d_busy--;
        if (failed) {
            d_failed = failed;
            d_next = d_parts;
        }
    }
    if (!d_busy)
        d_ended.notify_all();
}

} // namespace htrd
} // namespace gr
