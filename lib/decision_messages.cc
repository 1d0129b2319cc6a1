/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "decision_messages.h"
#include <algorithm>
#include <cmath>

namespace gr {
namespace htrd {
namespace {

const pmt::pmt_t FRAME_INDEX = pmt::intern("frame_index");
const pmt::pmt_t SAMPLE_OFFSET = pmt::intern("sample_offset");
const pmt::pmt_t MODULATION_NAME = pmt::intern("modulation");
const pmt::pmt_t REJECTED = pmt::intern("rejected");
const pmt::pmt_t TRUTH = pmt::intern("truth");
const pmt::pmt_t TIME = pmt::intern("rx_time");
const pmt::pmt_t CLASSES = pmt::intern("classes");
const pmt::pmt_t LABELS = pmt::intern("labels");
const pmt::pmt_t SCORE = pmt::intern("score");
const pmt::pmt_t THRESHOLD = pmt::intern("threshold");
const pmt::pmt_t SNR = pmt::intern("snr_db");
const pmt::pmt_t PNR = pmt::intern("pnr_db");
const pmt::pmt_t POWER = pmt::intern("frame_power_db");
const pmt::pmt_t PREDICTION_SET = pmt::intern("prediction_set");

// A PMT dictionary that grows
class fields
{
public:
    explicit fields(pmt::pmt_t begun = pmt::make_dict()) : d_made(begun) {}

    void add(const pmt::pmt_t& name, const pmt::pmt_t& value)
    {
        d_made = pmt::dict_add(d_made, name, value);
    }

    void add_known(const pmt::pmt_t& name, double value)
    {
        if (!std::isnan(value))
            add(name, pmt::from_double(value));
    }

    const pmt::pmt_t& made() const { return d_made; }

private:
    pmt::pmt_t d_made;
};

template <typename Value> // a function from a row to a number
pmt::pmt_t numbers(size_t count, Value value)
{
    std::vector<double> column(count);
    for (size_t row = 0; row < count; row++)
        column[row] = value(row);
    return pmt::init_f64vector(count, column.data());
}

template <typename Item> // a function from a row to a PMT, null for none
pmt::pmt_t items(size_t count, Item item)
{
    const pmt::pmt_t vector = pmt::make_vector(count, pmt::PMT_NIL);
    for (size_t row = 0; row < count; row++)
        if (const pmt::pmt_t value = item(row))
            pmt::vector_set(vector, row, value);
    return vector;
}

template <typename Test> // a predicate on the facts of a frame
bool any(const frame_batch& batch, Test test)
{
    for (size_t row = 0; row < batch.size(); row++)
        if (test(batch.facts(row)))
            return true;
    return false;
}

bool any_set(const frame_batch& batch)
{
    for (size_t row = 0; row < batch.size(); row++)
        if (batch.has_set(row))
            return true;
    return false;
}

pmt::pmt_t floats(const std::vector<float>& values, size_t count)
{
    return pmt::init_f32vector(count, values.data());
}

} // namespace

decision_messages::decision_messages(const std::vector<std::string>& classes)
    : d_classes(pmt::make_vector(classes.size(), pmt::PMT_NIL))
{
    for (const auto& name : classes)
        d_names.push_back(pmt::intern(name));
    for (size_t each = 0; each < classes.size(); each++)
        pmt::vector_set(d_classes, each, d_names[each]);
    d_names.push_back(pmt::PMT_NIL);
}

const pmt::pmt_t& decision_messages::modulation(const frame_batch& batch, size_t row) const
{
    return batch.label[row] < 0 ? d_names.back() : d_names[batch.label[row]];
}

// The names of the classes that a frame may be of; null where they are not known
pmt::pmt_t decision_messages::set(const frame_batch& batch, size_t row) const
{
    if (!batch.has_set(row))
        return nullptr;
    const size_t classes = d_names.size() - 1;
    const uint8_t* own = batch.in_set.data() + row * classes;
    const pmt::pmt_t made =
        pmt::make_vector(std::count(own, own + classes, 1), pmt::PMT_NIL);
    for (size_t each = 0, at = 0; each < classes; each++)
        if (own[each])
            pmt::vector_set(made, at++, d_names[each]);
    return made;
}

pmt::pmt_t decision_messages::batch(const frame_batch& batch, double threshold) const
{
    const size_t count = batch.size();
    const auto facts = [&batch](size_t row) -> const frame_facts& { return batch.facts(row); };
    std::vector<uint8_t> rejected(count);
    for (size_t row = 0; row < count; row++)
        rejected[row] = batch.label[row] < 0;

    fields made;
    made.add(FRAME_INDEX, items(count, [facts](size_t row) {
                 return pmt::from_long(facts(row).frame_index);
             }));
    if (any(batch, [](const frame_facts& each) { return each.sample_offset >= 0; }))
        made.add(SAMPLE_OFFSET, items(count, [facts](size_t row) {
                     return pmt::from_long(facts(row).sample_offset);
                 }));
    made.add(MODULATION_NAME,
             items(count, [&](size_t row) { return modulation(batch, row); }));
    made.add(REJECTED, pmt::init_u8vector(count, rejected.data()));
    if (any(batch, [](const frame_facts& each) { return bool(each.truth); }))
        made.add(TRUTH, items(count, [facts](size_t row) { return facts(row).truth; }));
    if (any(batch, [](const frame_facts& each) { return bool(each.rx_time); }))
        made.add(TIME, items(count, [facts](size_t row) { return facts(row).rx_time; }));
    if (any_set(batch))
        made.add(PREDICTION_SET,
                 items(count, [&](size_t row) { return set(batch, row); }));
    made.add(CLASSES, d_classes);
    made.add(SCORE, numbers(count, [&batch](size_t row) { return batch.best[row]; }));
    made.add(THRESHOLD, numbers(count, [threshold](size_t) { return threshold; }));
    if (any(batch, [](const frame_facts& each) { return !std::isnan(each.snr_db); }))
        made.add(SNR, numbers(count, [facts](size_t row) { return facts(row).snr_db; }));
    if (any(batch, [](const frame_facts& each) { return !std::isnan(each.pnr_db); }))
        made.add(PNR, numbers(count, [facts](size_t row) { return facts(row).pnr_db; }));
    if (any(batch,
            [](const frame_facts& each) { return !std::isnan(each.frame_power_db); }))
        made.add(POWER, numbers(count, [facts](size_t row) {
                     return facts(row).frame_power_db;
                 }));
    return pmt::cons(made.made(), floats(batch.scores, batch.scores.size()));
}

pmt::pmt_t
decision_messages::frame(const frame_batch& batch, size_t row, double threshold) const
{
    const auto& facts = batch.facts(row);
    const size_t classes = d_names.size() - 1;
    fields made;
    made.add(FRAME_INDEX, pmt::from_long(facts.frame_index));
    if (batch.label[row] >= 0)
        made.add(MODULATION_NAME, modulation(batch, row));
    made.add(REJECTED, pmt::from_bool(batch.label[row] < 0));
    made.add(SCORE, pmt::from_double(batch.best[row]));
    made.add(THRESHOLD, pmt::from_double(threshold));
    if (facts.truth)
        made.add(TRUTH, facts.truth);
    made.add_known(SNR, facts.snr_db);
    made.add_known(PNR, facts.pnr_db);
    if (facts.rx_time)
        made.add(TIME, facts.rx_time);
    if (facts.sample_offset >= 0)
        made.add(SAMPLE_OFFSET, pmt::from_uint64(facts.sample_offset));
    made.add_known(POWER, facts.frame_power_db);
    if (batch.has_set(row))
        made.add(PREDICTION_SET, set(batch, row));
    return pmt::cons(made.made(),
                     pmt::init_f32vector(classes, batch.scores.data() + row * classes));
}

pmt::pmt_t decision_messages::signal(const pmt::pmt_t& facts, const frame_batch& batch) const
{
    fields made(facts);
    made.add(CLASSES, d_classes);
    made.add(LABELS, items(batch.size(), [&batch](size_t row) {
                 return pmt::from_long(batch.label[row]);
             }));
    return pmt::cons(made.made(),
                     floats(batch.log_posteriors, batch.log_posteriors.size()));
}

} // namespace htrd
} // namespace gr
