/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_WORKER_POOL_H
#define INCLUDED_HTRD_WORKER_POOL_H

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief Threads that share out the parts of a job.
 */
class worker_pool
{
public:
    ~worker_pool() { stop(); }

    //! Begin with so many threads; again after stop().
    void start(size_t workers);

    //! End the threads; a job that comes then is done by the thread that has it.
    void stop();

    //! The threads, from start() to stop(); none at other times
    std::vector<std::thread>& threads() { return d_threads; }

    /*!
     * \brief Have all parts of a job done; returns when they are. For one thread at a time.
     * \param parts their number
     * \param part does the one of that number; called from several threads
     * \throws what a part throws; others may then not be done
     */
    void run(size_t parts, const std::function<void(size_t)>& part);

private:
    void work();
    void help(std::unique_lock<std::mutex>& guard);

    std::vector<std::thread> d_threads;
    std::mutex d_mutex;
    std::condition_variable d_begun, d_ended;
    const std::function<void(size_t)>* d_part = nullptr;
    size_t d_next = 0, d_parts = 0, d_busy = 0;
    std::exception_ptr d_failed;
    bool d_stopping = false;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_WORKER_POOL_H */
