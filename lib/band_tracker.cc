/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "band_tracker.h"
#include "decibels.h"
#include <boost/math/special_functions/gamma.hpp>
#include <algorithm>
#include <numeric>

namespace gr {
namespace htrd {
namespace {

// As in robust_amc.frontend.detect
constexpr double FLOOR_QUANTILE = 0.25; // of the bins, which only hold noise
constexpr double MEMORY = 0.9;          // of the floor, from one spectrum to the next
constexpr double EDGE = 0.15;           // of the signal's level, where its band ends

bool overlap(const std::pair<int, int>& one, const std::pair<int, int>& other)
{
    return one.first <= other.second && other.first <= one.second;
}

} // namespace

band_tracker::band_tracker(const detector_settings& settings)
    : d_settings(settings),
      d_expected(boost::math::gamma_p_inv(double(settings.averaged), FLOOR_QUANTILE) /
                 settings.averaged),
      d_sorted(settings.bins)
{
    set_levels(settings.open_db, settings.close_db);
}

void band_tracker::set_levels(double open_db, double close_db)
{
    d_opens = from_db(open_db);
    d_stays = from_db(std::min(open_db, close_db));
}

const std::vector<detection>& band_tracker::push(const float* power, uint64_t start)
{
    d_found.clear();
    follow(power);
    if (d_floor > 0)
        assign(power, start);
    const uint64_t patience = d_settings.bridged_spectra * d_settings.size();
    for (track& signal : d_tracks) {
        signal.is_over = start - signal.last > patience;
        signal.is_over ? end(signal) : cut(signal);
    }
    drop_what_is_over();
    return d_found;
}

const std::vector<detection>& band_tracker::finish()
{
    d_found.clear();
    for (track& signal : d_tracks)
        end(signal);
    d_tracks.clear();
    return d_found;
}

// The power of the noise in a bin, from the spectra so far
void band_tracker::follow(const float* power)
{
    // Between two values of the sorted spectrum, as NumPy's quantile
    const double place = FLOOR_QUANTILE * (d_settings.bins - 1);
    const int below = place;
    std::copy_n(power, d_settings.bins, d_sorted.begin());
    const auto lower = d_sorted.begin() + below;
    std::nth_element(d_sorted.begin(), lower, d_sorted.end());
    const double upper = *std::min_element(lower + 1, d_sorted.end());
    const double now = (*lower + (place - below) * (upper - *lower)) / d_expected;
    // Quickly down: after silence, or a signal as wide as the band, the noise is what is
    // left
    d_floor = d_floor < 0 || now < d_floor ? now : MEMORY * d_floor + (1 - MEMORY) * now;
}

// Go on with the signals that are still there, and begin those that are new.
void band_tracker::assign(const float* power, uint64_t start)
{
    for (track& signal : d_tracks) {
        const double sum =
            std::accumulate(power + signal.low, power + signal.high + 1, 0.0);
        if (sum > d_stays * d_floor * (signal.high + 1 - signal.low))
            signal.last = start;
    }
    find_runs(power);
    d_without_place.clear();
    for (const run& each : d_runs)
        if (!join(each, start))
            begin(each, start);
    d_without_place.swap(d_without_place_before);
    for (track& signal : d_tracks) {
        for (int bin = 0; bin < d_settings.bins; bin++)
            signal.power[bin] += power[bin];
        signal.floor += d_floor;
        signal.spectra++;
    }
}

// First and last bin of what is above the level that opens, small gaps taken along
void band_tracker::find_runs(const float* power)
{
    const double level = d_opens * d_floor;
    d_runs.clear();
    for (int bin = 0; bin < d_settings.bins; bin++) {
        if (!(power[bin] > level))
            continue;
        if (d_runs.empty() || bin - d_runs.back().second - 1 > d_settings.bridged_bins)
            d_runs.emplace_back(bin, bin);
        else
            d_runs.back().second = bin;
    }
}

// Whether these bins are those of a signal that goes on. What turns out to be one signal
// is the longest of them; of the others no more comes, which is told where a part was.
bool band_tracker::join(const run& found, uint64_t start)
{
    track* mine = nullptr;
    int low = found.first, high = found.second;
    for (track& each : d_tracks) {
        if (!overlap(found, { each.low, each.high }))
            continue;
        low = std::min(low, each.low);
        high = std::max(high, each.high);
        if (!mine) {
            mine = &each;
            continue;
        }
        if (each.found)
            end(each);
        each.is_over = true;
    }
    if (!mine)
        return false;
    mine->low = low;
    mine->high = high;
    mine->last = start;
    drop_what_is_over();
    return true;
}

void band_tracker::drop_what_is_over()
{
    const auto is_over = [](const track& signal) { return signal.is_over; };
    d_tracks.erase(std::remove_if(d_tracks.begin(), d_tracks.end(), is_over),
                   d_tracks.end());
}

void band_tracker::begin(const run& found, uint64_t start)
{
    if (d_tracks.size() < size_t(d_settings.most)) {
        track made;
        made.start = made.last = start;
        made.low = found.first;
        made.high = found.second;
        made.power.resize(d_settings.bins);
        d_tracks.push_back(std::move(made));
        return;
    }
    d_without_place.push_back(found);
    // One that was there in the spectrum before has been counted
    d_left_out += std::none_of(d_without_place_before.begin(),
                               d_without_place_before.end(),
                               [&](const run& each) { return overlap(each, found); });
}

// The part of a signal that is complete, when it goes on after it
void band_tracker::cut(track& signal)
{
    const uint64_t part = d_settings.part() * d_settings.size();
    while (stop_of(signal) - signal.start > part) {
        detection made;
        made.start = signal.start;
        made.stop = signal.start + part;
        made.is_last = false;
        const bool is_signal = measure(signal, made) && made.snr >= d_stays;
        if (is_signal) {
            add(signal, made);
            // Bins that it has left may be another signal's
            signal.low = made.low;
            signal.high = made.high;
        }
        signal.start += part;
        signal.length += part;
        for (double& each : signal.power)
            each /= 2;
        signal.floor /= 2;
        signal.spectra /= 2;
    }
}

void band_tracker::end(track& signal)
{
    detection made;
    made.start = signal.start;
    made.stop = stop_of(signal);
    const int64_t length = signal.length + (made.stop - made.start);
    const bool is_signal = measure(signal, made) && made.snr >= d_stays &&
                           length >= d_settings.shortest * d_settings.size();
    if (is_signal || signal.found)
        add(signal, made);
}

// Band, SNR and noise of a signal; false when there is nothing but noise in its bins.
bool band_tracker::measure(const track& signal, detection& made) const
{
    made.low = signal.low;
    made.high = signal.high;
    made.floor = signal.spectra > 0 ? signal.floor / signal.spectra : floor();
    const auto over = [&](int bin) { return signal.power[bin] - signal.floor; };
    double peak = 0, top = 0;
    int count = 0;
    for (int bin = signal.low; bin <= signal.high; bin++)
        peak = std::max(peak, over(bin));
    if (!(peak > 0))
        return false;
    for (int bin = signal.low; bin <= signal.high; bin++)
        if (over(bin) >= peak / 2) {
            top += over(bin);
            count++;
        }
    const double level = EDGE * top / count;
    while (!(over(made.low) > level))
        made.low++;
    while (!(over(made.high) > level))
        made.high--;
    double sum = 0;
    for (int bin = made.low; bin <= made.high; bin++)
        sum += over(bin);
    made.snr = sum / (made.high + 1 - made.low) / signal.floor;
    return true;
}

void band_tracker::add(track& signal, detection& made)
{
    if (!signal.found)
        signal.id = d_next_id++;
    signal.found = true;
    made.id = signal.id;
    d_found.push_back(made);
}

} // namespace htrd
} // namespace gr
