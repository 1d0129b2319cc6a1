/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "check.h"
#include "native_classifier_impl.h"
#include "status_timer.h"
#include <gnuradio/io_signature.h>
#include <gnuradio/thread/thread.h>
#include <algorithm>
#include <cmath>

namespace gr {
namespace htrd {
namespace {

const pmt::pmt_t CONTROL = pmt::intern("control");
const pmt::pmt_t SIGNALS = pmt::intern("signals");
const pmt::pmt_t DECISIONS = pmt::intern("decisions");
const pmt::pmt_t BATCHES = pmt::intern("batches");
const pmt::pmt_t SYSTEM = pmt::intern("system");

constexpr int MOST_QUEUED = 1000000;    // frames: 1 GB of them
constexpr double LONGEST_WAIT = 3.6e6;  // ms: an hour
constexpr size_t MOST_CLASSES = 32767;  // what the stream of classes can name
constexpr int LONGEST_FRAME = 1 << 24;  // samples: a buffer has to hold two such items
constexpr int MOST_THREADS = 1024;
constexpr size_t LIVE_LANES = 2;        // a second batch fills the gaps of the first one
constexpr std::chrono::milliseconds PATIENCE{ 250 }; // of a lane, before it reports
constexpr std::chrono::milliseconds DRAIN{ 200 };    // for what is queued at the end

void must(bool good, const std::string& what) { check("classifier", good, what); }

live_queue::clock::duration checked_latency(double milliseconds)
{
    must(milliseconds >= 0 && milliseconds <= LONGEST_WAIT,
         "latency_ms must be 0 ... 3600000 ms");
    return std::chrono::duration_cast<live_queue::clock::duration>(
        std::chrono::duration<double, std::milli>(milliseconds));
}

int checked_threads(int threads)
{
    must(threads >= 0 && threads <= MOST_THREADS, "threads must be 0 ... 1024");
    return threads ? threads : std::max(1u, std::thread::hardware_concurrency());
}

// A number, or nothing for PMT_NIL
std::optional<double> as_choice(const pmt::pmt_t& value)
{
    if (pmt::is_null(value))
        return std::nullopt;
    return as_number(value);
}

const decision_model& checked(const decision_model& model)
{
    must(!model.graphs.empty() && model.graphs.size() == model.precisions.size(),
         "a model needs graphs, each with a precision");
    must(!model.classes.empty() && model.classes.size() <= MOST_CLASSES,
         "a model needs classes, at most 32767");
    must(model.frame_length >= 1 && model.frame_length <= LONGEST_FRAME,
         "a model needs a frame length, at most 2^24");
    return model;
}

gr::io_signature::sptr input(const decision_model& model)
{
    return gr::io_signature::make(
        0, 1, static_cast<int>(sizeof(gr_complex) * model.frame_length));
}

gr::io_signature::sptr output(const decision_model& model, bool live)
{
    if (live)
        return gr::io_signature::make(0, 0, 0);
    return gr::io_signature::make2(
        0, 2, sizeof(int16_t), static_cast<int>(model.classes.size() * sizeof(float)));
}

} // namespace

std::string native_classifier::missing() { return missing_runtime(); }

native_classifier::sptr native_classifier::make(const decision_model& model,
                                                bool live,
                                                double latency_ms,
                                                int max_batch,
                                                int queue_frames,
                                                bool publish_decisions,
                                                int threads,
                                                loader load)
{
    return gnuradio::make_block_sptr<native_classifier_impl>(model,
                                                             live,
                                                             latency_ms,
                                                             max_batch,
                                                             queue_frames,
                                                             publish_decisions,
                                                             threads,
                                                             load);
}

native_classifier_impl::native_classifier_impl(const decision_model& model,
                                               bool live,
                                               double latency_ms,
                                               int max_batch,
                                               int queue_frames,
                                               bool publish_decisions,
                                               int threads,
                                               loader load)
    : gr::sync_block("classifier",
                     input(checked(model)),
                     output(checked(model), live)),
      d_frame_length(model.frame_length),
      d_classes(model.classes.size()),
      d_threads(checked_threads(threads)),
      d_publish_decisions(publish_decisions),
      d_latency(checked_latency(latency_ms)),
      d_load(load),
      d_messages(model.classes),
      d_model(model,
              d_threads,
              [this](const std::string& text) { warn("scaling", text); }),
      d_control(d_logger,
                { { "threshold",
                    [this](const pmt::pmt_t& value) { set_threshold(as_choice(value)); } },
                  { "target_rejection",
                    [this](const pmt::pmt_t& value) {
                        set_target_rejection(as_choice(value));
                    } },
                  { "model",
                    [this](const pmt::pmt_t& value) {
                        set_model(pmt::symbol_to_string(value));
                    } } }),
      d_frame_tags(
          [this](const std::string& kind, const std::string& text) { warn(kind, text); }),
      d_batch(d_frame_length),
      d_signal(d_frame_length)
{
    must(max_batch >= 1 && max_batch <= MOST_QUEUED, "max_batch must be 1 ... 1000000");
    must(queue_frames >= max_batch && queue_frames <= MOST_QUEUED,
         "queue_frames must be max_batch ... 1000000");
    if (live)
        d_queue = std::make_unique<live_queue>(queue_frames, max_batch, d_frame_length);

    for (const auto& port : { DECISIONS, BATCHES, STATUS, SIGNALS })
        message_port_register_out(port);
    for (const auto& port : { CONTROL, SIGNALS })
        message_port_register_in(port);
    set_msg_handler(CONTROL, [this](const pmt::pmt_t& msg) { handle_control(msg); });
    set_msg_handler(SIGNALS, [this](const pmt::pmt_t& msg) { handle_signals(msg); });
    set_msg_handler(SYSTEM, [this](const pmt::pmt_t& msg) { handle_system(msg); });
}

native_classifier_impl::~native_classifier_impl() { stop_lanes(); }

void native_classifier_impl::set_model(const std::string& model)
{
    must(!model.empty(), "model must be the name of a shipped model or a file");
    must(bool(d_load), "nothing was given that loads models");
    d_load(std::dynamic_pointer_cast<native_classifier>(shared_from_this()), model);
}

std::map<std::string, uint64_t> native_classifier_impl::status() const
{
    const auto counts = d_tally.so_far();
    return { { "accepted", d_accepted + (d_queue ? d_queue->accepted() : 0) },
             { "decided", counts.decided },
             { "rejected", counts.rejected },
             { "invalid", counts.invalid },
             { "dropped", d_queue ? d_queue->dropped() : 0 },
             { "discarded", counts.discarded },
             { "queued", d_queue ? d_queue->size() : 0 } };
}

// --- life ---------------------------------------------------------------

bool native_classifier_impl::start()
{
    stop_lanes();
    d_pool.start(d_threads);
    if (d_queue) {
        d_queue->open();
        d_done = 0;
        // As many as compute at once, and one that can take and publish meanwhile
        const size_t lanes = std::max<size_t>(LIVE_LANES, d_threads);
        for (size_t made = 0; made < lanes; made++)
            d_lanes.emplace_back([this] { run_lane(); });
    }
    bind_threads();
    return true;
}

bool native_classifier_impl::stop()
{
    stop_lanes();
    if (d_queue)
        d_tally.discard(d_queue->clear());
    return true;
}

void native_classifier_impl::stop_lanes()
{
    d_pool.stop();
    if (d_queue)
        d_queue->close(DRAIN);
    for (auto& lane : d_lanes)
        lane.join();
    d_lanes.clear();
}

void native_classifier_impl::set_processor_affinity(const std::vector<int>& mask)
{
    gr::block::set_processor_affinity(mask);
    d_affinity = mask;
    bind_threads();
}

void native_classifier_impl::unset_processor_affinity()
{
    gr::block::unset_processor_affinity();
    d_affinity.clear();
    bind_threads();
}

// What computes runs where the block does.
void native_classifier_impl::bind_threads()
{
    const auto bind = [this](std::thread& thread) {
        if (d_affinity.empty())
            gr::thread::thread_unbind(thread.native_handle());
        else
            gr::thread::thread_bind_to_processor(thread.native_handle(), d_affinity);
    };
    std::for_each(d_lanes.begin(), d_lanes.end(), bind);
    std::for_each(d_pool.threads().begin(), d_pool.threads().end(), bind);
}

// --- frames --------------------------------------------------------------

int native_classifier_impl::work(int noutput_items,
                                 gr_vector_const_void_star& input_items,
                                 gr_vector_void_star& output_items)
{
    const size_t count = noutput_items;
    const auto* samples = static_cast<const gr_complex*>(input_items[0]);
    get_tags_in_window(d_tags, 0, 0, count);
    d_facts.resize(count);
    d_frame_tags.read(d_tags, nitems_read(0), d_facts);
    if (d_queue) {
        d_queue->put(samples, d_facts);
        return noutput_items;
    }

    d_accepted += count;
    d_batch.clear();
    d_batch.reserve(count);
    const auto now = frame_batch::clock::now();
    for (size_t row = 0; row < count; row++)
        d_batch.append(samples + row * d_frame_length, d_facts[row], now);
    publish(d_batch, d_model.decide(d_batch, false, d_pool));
    if (output_items.size() > 0)
        std::copy_n(
            d_batch.label.begin(), count, static_cast<int16_t*>(output_items[0]));
    if (output_items.size() > 1)
        std::copy_n(d_batch.scores.begin(),
                    count * d_classes,
                    static_cast<float*>(output_items[1]));
    report();
    return noutput_items;
}

void native_classifier_impl::run_lane()
{
    gr::thread::set_thread_name(gr::thread::get_current_thread_id(), "live-classifier");
    while (auto taken = d_queue->take(d_latency, PATIENCE)) {
        if (taken->batch)
            decide_live(*taken);
        report();
    }
}

void native_classifier_impl::decide_live(live_queue::taken& taken)
{
    frame_batch& batch = *taken.batch;
    std::string failed;
    model_in_force::in_force with;
    try {
        worker_pool alone;
        with = d_model.decide(batch, false, alone);
    } catch (const std::exception& error) { // whatever the runtime throws
        failed = *error.what() ? error.what() : "unknown error";
    }
    // Batches are published one at a time, in the order in which they were taken
    std::unique_lock<std::mutex> guard(d_done_mutex);
    d_is_done.wait(guard, [&] { return d_done == taken.number; });
    guard.unlock();
    if (failed.empty())
        publish(batch, with);
    else
        discard(batch, failed);
    d_queue->give_back(std::move(taken.batch));
    guard.lock();
    d_done++;
    d_is_done.notify_all();
}

void native_classifier_impl::publish(const frame_batch& batch,
                                     const model_in_force::in_force& with)
{
    // To make messages that nobody gets costs more than all the rest
    if (!pmt::is_null(message_subscribers(BATCHES)))
        message_port_pub(BATCHES, d_messages.batch(batch, with.threshold));
    if (d_publish_decisions && !pmt::is_null(message_subscribers(DECISIONS)))
        for (size_t row = 0; row < batch.size(); row++)
            message_port_pub(DECISIONS, d_messages.frame(batch, row, with.threshold));
    d_tally.add(batch);
    if (with.drift)
        with.drift->add(batch.scores.data(), batch.size());
    for (size_t row = 0; row < batch.size(); row++)
        if (!batch.is_valid(row)) {
            warn("invalid", "frames that are not finite or all zero are rejected");
            break;
        }
}

void native_classifier_impl::discard(const frame_batch& batch, const std::string& reason)
{
    d_tally.discard(batch.size());
    warn("batch", "a batch is discarded: " + reason);
}

void native_classifier_impl::report()
{
    pmt::pmt_t said = d_tally.report();
    if (pmt::is_null(said))
        return;
    for (const auto& each : status())
        said = pmt::dict_add(said, pmt::intern(each.first), pmt::from_long(each.second));
    if (const auto drift = d_model.drift())
        said = pmt::dict_add(said, pmt::intern("drift"), drift->report());
    message_port_pub(STATUS, said);
}

// Says each kind of thing once.
void native_classifier_impl::warn(const std::string& kind, const std::string& text)
{
    const std::lock_guard<std::mutex> guard(d_said_mutex);
    if (d_said.insert(kind).second)
        d_logger->warn("{:s} (said once)", text);
}

// --- messages --------------------------------------------------------------

void native_classifier_impl::handle_control(const pmt::pmt_t& message)
{
    d_control.apply(message);
}

void native_classifier_impl::handle_signals(const pmt::pmt_t& message)
{
    if (!pmt::is_pair(message) || !pmt::is_dict(pmt::car(message)) ||
        !pmt::is_c32vector(pmt::cdr(message)))
        return warn("signals", "message ignored: a PDU of complex samples is expected");
    size_t length = 0;
    const gr_complex* samples = pmt::c32vector_elements(pmt::cdr(message), length);
    const size_t count = length / d_frame_length;
    d_signal.clear();
    d_signal.reserve(count);
    const auto now = frame_batch::clock::now();
    frame_facts facts = d_frame_tags.of_signal(pmt::car(message));
    for (size_t row = 0; row < count; row++) {
        facts.frame_index = d_of_signals + row;
        d_signal.append(samples + row * d_frame_length, facts, now);
    }
    d_of_signals += count;
    d_accepted += count;
    try {
        const auto with = d_model.decide(d_signal, true, d_pool);
        if (count)
            publish(d_signal, with);
    } catch (const std::exception& error) { // whatever the runtime throws
        return discard(d_signal, error.what());
    }
    message_port_pub(SIGNALS, d_messages.signal(pmt::car(message), d_signal));
    report();
}

// GNU Radio's word that a block before this one has ended: it may then end this one although
// messages are still in its queues.
void native_classifier_impl::handle_system(const pmt::pmt_t& message)
{
    while (const pmt::pmt_t left = delete_head_nowait(CONTROL))
        handle_control(left);
    while (const pmt::pmt_t left = delete_head_nowait(SIGNALS))
        handle_signals(left);
    system_handler(message);
}

} // namespace htrd
} // namespace gr
