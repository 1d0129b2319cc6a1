/* SPDX-License-Identifier: GPL-3.0-or-later */

// The parts of native_classifier, and flowgraphs of it around an engine that is made here;
// qa_native_classifier.py has real models.

#include "decision_engine.h"
#include "decision_tally.h"
#include "drift_monitor.h"
#include "frame_tags.h"
#include "live_queue.h"
#include "native_classifier_impl.h"
#include "prediction_sets.h"
#include "threshold.h"
#include "worker_pool.h"
#include <gnuradio/blocks/message_debug.h>
#include <gnuradio/blocks/vector_sink.h>
#include <gnuradio/blocks/vector_source.h>
#include <gnuradio/top_block.h>
#include <boost/test/unit_test.hpp>
#include <atomic>
#include <numeric>
#include <thread>

using namespace gr::htrd;
using namespace std::chrono_literals;

namespace {

constexpr int LENGTH = 16;
std::atomic<bool> is_broken{ false };

// Scores of two classes: the first sample's real part, and its negative
class sign_engine : public decision_engine
{
public:
    void run(const float* iq, size_t count, float* scores, float* logits) override
    {
        if (is_broken)
            throw std::runtime_error("out of memory");
        for (size_t row = 0; row < count; row++) {
            scores[2 * row] = iq[2 * LENGTH * row];
            scores[2 * row + 1] = -scores[2 * row];
        }
        if (logits)
            std::copy_n(scores, 2 * count, logits);
    }
};

decision_model sign_model()
{
    decision_model model;
    model.graphs = { "of this file" };
    model.precisions = { "f32" };
    model.classes = { "plus", "minus" };
    model.frame_length = LENGTH;
    model.logits_output = "logits";
    model.score_quantiles = { 0.0, 1.0, 2.0 };
    model.threshold = 0.5;
    return model;
}

// Frames of the given real values
std::vector<gr_complex> frames_of(const std::vector<float>& values)
{
    std::vector<gr_complex> samples;
    for (const float value : values)
        samples.insert(samples.end(), LENGTH, value);
    return samples;
}

std::shared_ptr<native_classifier_impl> make_block(bool live)
{
    return gnuradio::make_block_sptr<native_classifier_impl>(
        sign_model(), live, 1.0, 8, 64, true, 2, nullptr);
}

// Of two classes, whose scores are about 1 and 2
decision_calibration calibration()
{
    decision_calibration made;
    made.lowest = { std::log(0.5), std::log(0.1), std::log(0.9) };
    made.snr_db = { 0, 10, 20 };
    made.scores.resize(2);
    for (int each = 0; each < 99; each++) {
        made.scores[0].push_back(0.5 + each / 99.0);
        made.scores[1].push_back(1.5 + each / 99.0);
    }
    return made;
}

// What a drift monitor says in a dictionary of a status or in its own
struct drift_state {
    explicit drift_state(const pmt::pmt_t& said)
        : alarm(pmt::to_bool(field(said, "alarm"))),
          alarms(pmt::to_long(field(said, "alarms"))),
          frames(pmt::to_long(field(said, "frames"))),
          evidence(pmt::to_double(field(said, "evidence")))
    {
    }

    static pmt::pmt_t field(const pmt::pmt_t& said, const char* name)
    {
        return pmt::dict_ref(said, pmt::intern(name), pmt::PMT_NIL);
    }

    bool alarm;
    long alarms, frames;
    double evidence;
};

// The capital after some ranks, as the mean over all ways to jump between five bets. It
// jumps before each step with a probability of 0.01, to any of them.
double evidence_of(const std::vector<double>& ranks, size_t step = 0, int last = -1)
{
    if (step == ranks.size())
        return 1;
    const double far = std::abs(2 * ranks[step] - 1) - 0.5, low = 0.5 - ranks[step];
    const double gains[] = { 1, 1 + low, 1 - low, 1 + far, 1 - far };
    double mean = 0;
    for (int next = 0; next < 5; next++) {
        const double jumps = last < 0 ? 0.2 : 0.01 * 0.2 + (next == last ? 0.99 : 0);
        mean += jumps * gains[next] * evidence_of(ranks, step + 1, next);
    }
    return mean;
}

std::vector<std::string> names_of(const pmt::pmt_t& set)
{
    std::vector<std::string> names;
    for (size_t each = 0; each < pmt::length(set); each++)
        names.push_back(pmt::symbol_to_string(pmt::vector_ref(set, each)));
    return names;
}

std::vector<frame_facts> facts_of(size_t count)
{
    return std::vector<frame_facts>(count);
}

template <typename Condition>
void wait_for(Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + 100s;
    while (!condition()) {
        BOOST_REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(2ms);
    }
}

gr::tag_t make_tag(uint64_t offset, const char* key, const pmt::pmt_t& value)
{
    gr::tag_t tag;
    tag.offset = offset;
    tag.key = pmt::intern(key);
    tag.value = value;
    return tag;
}

} // namespace

// In the place of the runtime's
std::unique_ptr<decision_engine> gr::htrd::make_engine(const decision_model&, int)
{
    return std::make_unique<sign_engine>();
}

std::string gr::htrd::missing_runtime() { return ""; }

BOOST_AUTO_TEST_CASE(thresholds)
{
    const std::vector<double> quantiles{ -1, 0, 4 };
    BOOST_TEST(threshold_for(quantiles, 0) == -1);
    BOOST_TEST(threshold_for(quantiles, 0.75) == 2);
    BOOST_TEST(threshold_for(quantiles, 1) == 4);
    BOOST_CHECK_THROW(threshold_for(quantiles, 1.1), std::invalid_argument);
    BOOST_CHECK_THROW(threshold_for(quantiles, NAN), std::invalid_argument);
    BOOST_CHECK_THROW(threshold_for({}, 0.1), std::invalid_argument);
    BOOST_TEST(checked_threshold(quantiles, 4) == 4);
    BOOST_CHECK_THROW(checked_threshold(quantiles, 4.1), std::invalid_argument);
    BOOST_CHECK_THROW(checked_threshold(quantiles, NAN), std::invalid_argument);
    BOOST_CHECK_THROW(checked_threshold({}, 0), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(queue_drops_the_oldest)
{
    live_queue queue(5, 3, LENGTH);
    const auto samples = frames_of({ 0, 1, 2, 3, 4, 5, 6 });
    auto facts = facts_of(7);
    for (size_t row = 0; row < facts.size(); row++)
        facts[row].frame_index = row;
    queue.put(samples.data(), facts);
    BOOST_TEST(queue.size() == 5);
    BOOST_TEST(queue.dropped() == 2);
    queue.close(1h);
    std::vector<int64_t> left;
    while (auto taken = queue.take(0s, 0s)) {
        for (size_t row = 0; row < taken->batch->size(); row++) {
            left.push_back(taken->batch->facts(row).frame_index);
            BOOST_TEST(taken->batch->iq()[2 * LENGTH * row] == left.back());
        }
        queue.give_back(std::move(taken->batch));
    }
    BOOST_TEST(left == std::vector<int64_t>({ 2, 3, 4, 5, 6 }));
    queue.open();
    queue.put(samples.data(), facts_of(2));
    BOOST_TEST(queue.clear() == 2);
    BOOST_TEST(queue.size() == 0);
    BOOST_TEST(!queue.take(1h, 0s)->batch);
}

BOOST_AUTO_TEST_CASE(queue_counts_every_frame_once)
{
    live_queue queue(100, 7, LENGTH);
    std::atomic<uint64_t> decided{ 0 };
    std::vector<std::thread> lanes;
    for (int lane = 0; lane < 3; lane++)
        lanes.emplace_back([&] {
            while (auto taken = queue.take(1ms, 1ms))
                if (taken->batch) {
                    decided += taken->batch->size();
                    queue.give_back(std::move(taken->batch));
                }
        });
    const auto samples = frames_of(std::vector<float>(50, 1));
    for (size_t piece = 0; piece < 2000; piece++)
        queue.put(samples.data(), facts_of(piece % 50));
    queue.close(1ms);
    for (auto& lane : lanes)
        lane.join();
    const uint64_t left = queue.clear();
    BOOST_TEST(queue.accepted() == 2000 / 50 * (49 * 50 / 2));
    BOOST_TEST(queue.accepted() == decided + queue.dropped() + left);
}

BOOST_AUTO_TEST_CASE(pool_does_every_part_once)
{
    worker_pool pool;
    std::vector<std::atomic<int>> done(100);
    const auto part = [&done](size_t number) { done[number]++; };
    pool.run(10, part); // in this thread
    pool.start(3);
    for (int job = 0; job < 200; job++)
        pool.run(done.size(), part);
    pool.run(0, part);
    const auto bad = [](size_t number) {
        if (number == 5)
            throw std::runtime_error("5");
    };
    BOOST_CHECK_THROW(pool.run(50, bad), std::runtime_error);
    pool.run(done.size(), part); // as before
    pool.stop();
    pool.run(10, part);
    for (size_t number = 0; number < done.size(); number++)
        BOOST_TEST(done[number] == (number < 10 ? 203 : 201));
}

BOOST_AUTO_TEST_CASE(tally_reports)
{
    decision_tally tally;
    BOOST_TEST(pmt::is_null(tally.report()));
    frame_batch batch(LENGTH);
    const auto samples = frames_of({ 1, 0 });
    const auto now = frame_batch::clock::now();
    for (int row = 0; row < 101; row++)
        batch.append(samples.data(), frame_facts(), now - row * 10ms);
    batch.append(samples.data() + LENGTH, frame_facts(), now - 1010ms);
    batch.label.assign(102, 0);
    batch.label.back() = -1;
    tally.add(batch);
    tally.discard(3);
    const auto counts = tally.so_far();
    BOOST_TEST(counts.decided == 102);
    BOOST_TEST(counts.rejected == 1);
    BOOST_TEST(counts.invalid == 1);
    BOOST_TEST(counts.discarded == 3);
    const auto said = tally.report();
    const auto number = [&said](const char* name) {
        return pmt::to_double(pmt::dict_ref(said, pmt::intern(name), pmt::PMT_NIL));
    };
    BOOST_TEST(number("rate") == 0);
    // Of 0, 10 ... 1010 ms before the call of add()
    BOOST_TEST(number("latency_ms") - number("latency_p50_ms") == 494.9,
               boost::test_tools::tolerance(1e-3));
    BOOST_TEST(number("latency_p50_ms") >= 505);
    BOOST_TEST(pmt::is_null(tally.report())); // a second has not passed
}

BOOST_AUTO_TEST_CASE(tags_that_are_names)
{
    std::vector<std::string> warned;
    frame_tags reader(
        [&warned](const std::string& kind, const std::string&) { warned.push_back(kind); });
    const std::vector<std::string> good{ "QPSK", "8-PSK π/4", "\xf0\x9f\x93\xa1" };
    const std::vector<std::string> bad{ "",         "a\nb",     "\x7f",     "\xc2\x85",
                                        "\xff",     "\xc3",     "\xe2\x80", "\xed\xa0\x80",
                                        "\xc0\x80", std::string(101, 'x') };
    auto facts = facts_of(1);
    for (const auto& name : good) {
        reader.read({ make_tag(7, "modulation", pmt::intern(name)) }, 7, facts);
        BOOST_TEST(pmt::symbol_to_string(facts[0].truth) == name);
    }
    BOOST_TEST(warned.empty());
    for (const auto& name : bad) {
        reader.read({ make_tag(7, "modulation", pmt::intern(name)) }, 7, facts);
        BOOST_TEST(!facts[0].truth);
    }
    BOOST_TEST(warned.size() == bad.size());
}

BOOST_AUTO_TEST_CASE(tags_of_frames)
{
    frame_tags reader([](const std::string&, const std::string&) {});
    auto facts = facts_of(3);
    reader.read({ make_tag(10, "snr_db", pmt::from_long(3)),
                  make_tag(11, "frame_index", pmt::from_uint64(99)),
                  make_tag(11, "scaling", pmt::intern("none")),
                  make_tag(12, "frame_index", pmt::from_double(0.5)),
                  make_tag(12, "sample_offset", pmt::from_uint64(UINT64_MAX)),
                  make_tag(12, "snr_db", pmt::from_double(1)),
                  make_tag(12, "snr_db", pmt::from_double(2)) },
                10,
                facts);
    BOOST_TEST(facts[0].frame_index == 10);
    BOOST_TEST(facts[0].snr_db == 3);
    BOOST_TEST(facts[1].frame_index == 99);
    BOOST_TEST(facts[1].as_is);
    BOOST_TEST(facts[2].frame_index == 12);
    BOOST_TEST(facts[2].sample_offset == -1);
    BOOST_TEST(facts[2].snr_db == 2);
    BOOST_TEST(std::isnan(facts[2].pnr_db));
}

BOOST_AUTO_TEST_CASE(replay)
{
    std::vector<float> values;
    for (int row = 0; row < 500; row++)
        values.push_back(row % 3 - 1); // 0 is not valid
    auto flowgraph = gr::make_top_block("replay");
    auto source = gr::blocks::vector_source_c::make(frames_of(values), false, LENGTH);
    auto block = make_block(false);
    auto labels = gr::blocks::vector_sink_s::make();
    auto decisions = gr::blocks::message_debug::make();
    flowgraph->connect(source, 0, block, 0);
    flowgraph->connect(block, 0, labels, 0);
    flowgraph->msg_connect(block, "decisions", decisions, "store");
    flowgraph->run();
    const auto found = labels->data();
    BOOST_REQUIRE(found.size() == values.size());
    for (size_t row = 0; row < found.size(); row++)
        BOOST_TEST(found[row] == (values[row] == 0 ? -1 : values[row] > 0 ? 0 : 1));
    const auto counts = block->status();
    BOOST_TEST(counts.at("decided") == 500);
    BOOST_TEST(counts.at("invalid") == 167);
    BOOST_TEST(counts.at("rejected") == 167);
}

BOOST_AUTO_TEST_CASE(live_with_an_engine_that_fails_for_a_while)
{
    auto flowgraph = gr::make_top_block("live");
    auto source = gr::blocks::vector_source_c::make(frames_of({ 1, -1 }), true, LENGTH);
    auto block = make_block(true);
    flowgraph->connect(source, 0, block, 0);
    is_broken = true;
    flowgraph->start();
    wait_for([&block] { return block->status().at("discarded") > 100; });
    is_broken = false;
    wait_for([&block] { return block->status().at("decided") > 1000; });
    std::thread setter([&block] {
        for (int round = 0; round < 200; round++) {
            block->set_threshold(round % 2);
            block->set_target_rejection(0.25);
            auto model = sign_model();
            if (round % 3)
                model.calibration = calibration();
            block->replace_model(model);
            block->status();
        }
    });
    setter.join();
    flowgraph->stop();
    flowgraph->wait();
    const auto counts = block->status();
    BOOST_TEST(counts.at("queued") == 0);
    BOOST_TEST(counts.at("accepted") ==
               counts.at("decided") + counts.at("dropped") + counts.at("discarded"));
    BOOST_TEST(*block->threshold() == 0.5); // of the target
}

BOOST_AUTO_TEST_CASE(a_score_at_the_threshold_is_accepted)
{
    const float score = 0.7f; // as a double below 0.7
    auto model = sign_model();
    model.threshold = 0.7;
    const model_in_force deciding(model, 1, [](const std::string&) {});
    frame_batch batch(LENGTH);
    const auto samples = frames_of({ score });
    batch.append(samples.data(), frame_facts(), frame_batch::clock::now());
    worker_pool pool;
    deciding.decide(batch, false, pool);
    BOOST_REQUIRE(static_cast<double>(score) < model.threshold);
    BOOST_TEST(batch.label[0] == 0);
}

BOOST_AUTO_TEST_CASE(drift_is_a_bet_on_ranks)
{
    auto known = calibration();
    known.scores = { { 3, 1, 2, 2 }, { 7 } };
    drift_monitor monitor(known);
    // The first numbers of NumPy's RandomState(0), which break ties
    const std::vector<double> chance{ 0.5488135039273248,
                                      0.7151893663724195,
                                      0.6027633760716439,
                                      0.5448831829968969,
                                      0.4236547993389047 };
    const std::vector<float> scores{ 2.5, 0,   // above three of four
                                     -1,  8,   // above one of one
                                     0,   9,   // above two of two
                                     2,   1,   // above one of five, and equal to two
                                     2,   2 }; // likewise, equal to three of six
    const std::vector<double> ranks{ (3 + chance[0]) / 5,
                                     (1 + chance[1]) / 2,
                                     (2 + chance[2]) / 3,
                                     (1 + chance[3] * 3) / 6,
                                     (1 + chance[4] * 4) / 7 };
    for (size_t count = 1; count <= ranks.size(); count++) {
        monitor.add(scores.data() + 2 * (count - 1), 1);
        const drift_state found(monitor.report());
        BOOST_TEST(found.evidence ==
                       evidence_of({ ranks.begin(), ranks.begin() + count }),
                   boost::test_tools::tolerance(1e-12));
        BOOST_TEST(found.frames == static_cast<long>(count));
    }
}

BOOST_AUTO_TEST_CASE(drift_has_windows_and_steps)
{
    auto known = calibration();
    known.window = 400;
    known.every = 3;
    drift_monitor monitor(known);
    std::vector<float> wrong; // below all others; every second frame has no scores
    for (int row = 0; row < 900; row++) {
        const bool is_usable = row % 2;
        wrong.push_back(is_usable ? -1 - row : NAN);
        wrong.push_back(is_usable ? -5000 : 9);
    }
    monitor.add(wrong.data(), 900); // 450 usable ones, of which 150 are looked at
    drift_state found(monitor.report());
    BOOST_TEST(found.frames == 150);
    BOOST_TEST(found.alarm);
    BOOST_TEST(found.alarms == 1);
    BOOST_TEST(found.evidence >= 100);
    std::vector<float> right;
    for (int row = 0; row < 751; row++) {
        right.push_back(0.5f + (row * 37 % 99) / 99.0f);
        right.push_back(-1);
    }
    monitor.add(right.data(), 750);
    found = drift_state(monitor.report());
    BOOST_TEST(found.frames == 400);
    BOOST_TEST(found.alarm);
    monitor.add(right.data(), 1); // a new window
    found = drift_state(monitor.report());
    BOOST_TEST(found.frames == 401);
    BOOST_TEST(!found.alarm);
    BOOST_TEST(found.alarms == 1);
    BOOST_TEST(found.evidence == 1, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(sets_by_the_nearest_label)
{
    const prediction_sets sets(calibration());
    BOOST_TEST(sets.lowest(-50) == std::log(0.5));
    BOOST_TEST(sets.lowest(5) == std::log(0.5)); // the first of two that are as near
    BOOST_TEST(sets.lowest(5.1) == std::log(0.1));
    BOOST_TEST(sets.lowest(99) == std::log(0.9));
    BOOST_TEST(sets.lowest(NAN) == std::log(0.1));
    auto known = calibration();
    known.lowest = { -3 };
    known.snr_db = { NAN };
    BOOST_TEST(prediction_sets(known).lowest(0) == -3);
}

BOOST_AUTO_TEST_CASE(sets_and_drift_of_a_calibrated_model)
{
    auto model = sign_model();
    model.calibration = calibration();
    const model_in_force deciding(model, 1, [](const std::string&) {});
    // Logits of log 2 and -log 2 are posteriors of 0.8 and 0.2
    const auto samples = frames_of({ std::log(2.f), -std::log(2.f), 0 });
    frame_batch batch(LENGTH);
    const auto append = [&](size_t which, double snr_db) {
        frame_facts facts;
        facts.snr_db = snr_db;
        batch.append(samples.data() + which * LENGTH, facts, frame_batch::clock::now());
    };
    using names = std::vector<std::string>;
    const std::vector<names> expected{
        { "plus" }, { "plus", "minus" }, {}, { "plus", "minus" }, { "minus" }
    };
    append(0, 1);
    append(0, 9);
    append(0, 30);
    append(0, NAN);
    append(1, 1);
    append(2, 1); // not valid
    worker_pool pool;
    const auto with = deciding.decide(batch, false, pool);
    const decision_messages messages(model.classes);
    const pmt::pmt_t key = pmt::intern("prediction_set");
    const auto column =
        pmt::dict_ref(pmt::car(messages.batch(batch, 0)), key, pmt::PMT_NIL);
    BOOST_REQUIRE(pmt::length(column) == 6);
    for (size_t row = 0; row < expected.size(); row++) {
        const auto single = pmt::car(messages.frame(batch, row, 0));
        BOOST_TEST(names_of(pmt::vector_ref(column, row)) == expected[row]);
        BOOST_TEST(names_of(pmt::dict_ref(single, key, pmt::PMT_T)) == expected[row]);
    }
    BOOST_TEST(pmt::is_null(pmt::vector_ref(column, 5)));
    BOOST_TEST(!pmt::dict_has_key(pmt::car(messages.frame(batch, 5, 0)), key));
    BOOST_TEST(batch.log_posteriors[0] == std::log(0.8f),
               boost::test_tools::tolerance(1e-5f));
    BOOST_TEST(batch.log_posteriors[11] == 0);
    BOOST_REQUIRE(with.drift);
    BOOST_TEST(with.drift == deciding.drift());
    with.drift->add(batch.scores.data(), batch.size());
    BOOST_TEST(drift_state(with.drift->report()).frames == 5);

    // Without logits there are no sets; without a calibration there is no alarm either
    model.logits_output.clear();
    const model_in_force without(model, 1, [](const std::string&) {});
    BOOST_TEST(bool(without.decide(batch, false, pool).drift));
    BOOST_TEST(!pmt::dict_has_key(pmt::car(messages.batch(batch, 0)), key));
    const model_in_force plain(sign_model(), 1, [](const std::string&) {});
    BOOST_TEST(!plain.decide(batch, false, pool).drift);
    BOOST_TEST(!pmt::dict_has_key(pmt::car(messages.batch(batch, 0)), key));
}

BOOST_AUTO_TEST_CASE(drift_is_that_of_the_model_in_force)
{
    auto model = sign_model();
    model.calibration = calibration();
    model_in_force deciding(model, 1, [](const std::string&) {});
    const auto before = deciding.drift();
    deciding.set_threshold(1);
    BOOST_TEST(deciding.drift() == before);
    deciding.replace(model);
    BOOST_TEST(bool(deciding.drift()));
    BOOST_TEST(deciding.drift() != before);
    deciding.replace(sign_model());
    BOOST_TEST(!deciding.drift());
}

BOOST_AUTO_TEST_CASE(status_has_drift)
{
    auto model = sign_model();
    model.calibration = calibration();
    auto flowgraph = gr::make_top_block("calibrated");
    auto source = gr::blocks::vector_source_c::make(
        frames_of(std::vector<float>(300, -5)), false, LENGTH);
    auto block = gnuradio::make_block_sptr<native_classifier_impl>(
        model, false, 1.0, 8, 64, true, 2, nullptr);
    auto status = gr::blocks::message_debug::make();
    flowgraph->connect(source, 0, block, 0);
    flowgraph->msg_connect(block, "status", status, "store");
    flowgraph->run();
    const auto said = status->get_message(0);
    const drift_state found(drift_state::field(said, "drift"));
    BOOST_TEST(found.frames == pmt::to_long(drift_state::field(said, "decided")));
}

BOOST_AUTO_TEST_CASE(calibrations_that_do_not_fit)
{
    const auto refused = [](auto change) {
        auto model = sign_model();
        model.calibration = calibration();
        change(*model.calibration);
        auto block = make_block(false);
        BOOST_CHECK_THROW(block->replace_model(model), std::invalid_argument);
    };
    refused([](decision_calibration& each) { each.scores.pop_back(); });
    refused([](decision_calibration& each) { each.lowest.pop_back(); });
    refused([](decision_calibration& each) { each.lowest = each.snr_db = {}; });
    refused([](decision_calibration& each) { each.false_alarm = 1; });
    refused([](decision_calibration& each) { each.false_alarm = NAN; });
    refused([](decision_calibration& each) { each.window = 0; });
    refused([](decision_calibration& each) { each.every = -1; });
}

BOOST_AUTO_TEST_CASE(models_that_do_not_fit)
{
    auto block = make_block(false);
    auto other = sign_model();
    other.classes = { "minus", "plus" };
    BOOST_CHECK_THROW(block->replace_model(other), std::invalid_argument);
    other = sign_model();
    other.frame_length++;
    BOOST_CHECK_THROW(block->replace_model(other), std::invalid_argument);
    BOOST_CHECK_THROW(block->set_model("htrd"), std::invalid_argument); // nothing loads it
    other = sign_model();
    other.score_quantiles.clear();
    block->set_target_rejection(0.5);
    block->replace_model(other);
    BOOST_TEST(!block->threshold());
    BOOST_CHECK_THROW(block->set_threshold(1.0), std::invalid_argument);
    block->replace_model(sign_model());
    BOOST_TEST(*block->threshold() == 1); // the target is in force again
}
