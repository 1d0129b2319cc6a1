/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "frame_tags.h"
#include "pmt_numbers.h"

namespace gr {
namespace htrd {
namespace {

const pmt::pmt_t FRAME_INDEX = pmt::intern("frame_index");
const pmt::pmt_t SAMPLE_OFFSET = pmt::intern("sample_offset");
const pmt::pmt_t MODULATION = pmt::intern("modulation");
const pmt::pmt_t RX_TIME = pmt::intern("rx_time");
const pmt::pmt_t SNR_DB = pmt::intern("snr_db");
const pmt::pmt_t PNR_DB = pmt::intern("pnr_db");
const pmt::pmt_t FRAME_POWER_DB = pmt::intern("frame_power_db");
const pmt::pmt_t SCALING = pmt::intern("scaling");
const pmt::pmt_t NONE = pmt::intern("none");

constexpr size_t LONGEST_NAME = 100; // characters

// The character that begins at `at`, which is moved behind it; -1 for what is no UTF-8.
int32_t next_character(const std::string& text, size_t& at)
{
    const auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80)
        return lead;
    const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || at + more > text.size())
        return -1;
    int32_t found = lead & (0x3F >> more);
    for (int each = 0; each < more; each++) {
        const auto next = static_cast<unsigned char>(text[at++]);
        if ((next & 0xC0) != 0x80)
            return -1;
        found = found << 6 | (next & 0x3F);
    }
    return found;
}

bool is_printable(int32_t character)
{
    const bool is_control = character < 0x20 || (character >= 0x7F && character <= 0xA0);
    const bool is_separator = character >= 0x2028 && character <= 0x202F;
    const bool is_surrogate = character >= 0xD800 && character <= 0xDFFF;
    return !is_control && !is_separator && !is_surrogate && character <= 0x10FFFF;
}

// Printable text of 1 to 100 characters
bool is_name(const std::string& text)
{
    size_t at = 0, count = 0;
    for (; at < text.size(); count++)
        if (count == LONGEST_NAME || !is_printable(next_character(text, at)))
            return false;
    return count > 0;
}

} // namespace

void frame_tags::read(const std::vector<tag_t>& tags,
                      uint64_t start,
                      std::vector<frame_facts>& facts)
{
    for (size_t row = 0; row < facts.size(); row++) {
        facts[row] = frame_facts();
        facts[row].frame_index = start + row;
    }
    for (const auto& tag : tags) {
        auto& own = facts.at(tag.offset - start);
        if (pmt::eq(tag.key, FRAME_INDEX)) {
            const int64_t found = position(tag);
            own.frame_index = found < 0 ? tag.offset : found;
        } else if (pmt::eq(tag.key, SAMPLE_OFFSET))
            own.sample_offset = position(tag);
        else if (pmt::eq(tag.key, MODULATION))
            own.truth = name_of(tag.value);
        else if (pmt::eq(tag.key, RX_TIME))
            own.rx_time = tag.value;
        else if (pmt::eq(tag.key, SNR_DB))
            own.snr_db = number_of(tag.value);
        else if (pmt::eq(tag.key, PNR_DB))
            own.pnr_db = number_of(tag.value);
        else if (pmt::eq(tag.key, FRAME_POWER_DB))
            own.frame_power_db = number_of(tag.value);
        else if (pmt::eq(tag.key, SCALING))
            own.as_is = pmt::eqv(tag.value, NONE);
    }
}

frame_facts frame_tags::of_signal(const pmt::pmt_t& dictionary)
{
    frame_facts found;
    const auto truth = pmt::dict_ref(dictionary, MODULATION, pmt::PMT_NIL);
    if (!pmt::is_null(truth))
        found.truth = name_of(truth);
    found.pnr_db = number_of(pmt::dict_ref(dictionary, PNR_DB, pmt::PMT_NIL));
    return found;
}

// A symbol that can name a class; null for any other PMT.
pmt::pmt_t frame_tags::name_of(const pmt::pmt_t& value)
{
    if (d_known_name && pmt::eq(value, d_known_name))
        return value;
    if (!pmt::is_symbol(value) || !is_name(pmt::symbol_to_string(value))) {
        ignored(MODULATION, "printable text of at most 100 characters");
        return nullptr;
    }
    d_known_name = value;
    return value;
}

int64_t frame_tags::position(const tag_t& tag)
{
    const int64_t found = position_of(tag.value);
    if (found < 0)
        ignored(tag.key, "whole numbers from 0 on");
    return found;
}

void frame_tags::ignored(const pmt::pmt_t& key, const std::string& wanted)
{
    const std::string name = pmt::symbol_to_string(key);
    d_warn("tag " + name, "tags " + name + " are ignored that are not " + wanted);
}

} // namespace htrd
} // namespace gr
