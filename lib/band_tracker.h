/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_BAND_TRACKER_H
#define INCLUDED_HTRD_BAND_TRACKER_H

#include "detector_settings.h"
#include <cstdint>
#include <utility>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief A signal, or a part of one, whose samples are there.
 */
struct detection {
    uint64_t id = 0;
    uint64_t start = 0; // its first sample
    uint64_t stop = 0;  // the one after its last
    bool is_last = true;
    int low = 0; // its first and its last bin
    int high = 0;
    double snr = 0;   // power over that of the noise in these bins
    double floor = 0; // mean power of the noise in a bin
};

/*!
 * \brief Tells from the spectra of a band where signals begin and end.
 *
 * It does what robust_amc.frontend.detect.SignalDetector does. Besides, a signal that
 * goes on comes in parts, and what there was before the latest part counts half with each
 * further one, for its band and for its SNR.
 */
class band_tracker
{
public:
    explicit band_tracker(const detector_settings& settings);

    //! Levels over the noise in dB; a signal closes at the lower one.
    void set_levels(double open_db, double close_db);

    //! Take a spectrum, `bins` values, 0 Hz in the middle, of the samples from `start`
    //! on, where the last one ended; what has ended with it. Valid until the next call.
    const std::vector<detection>& push(const float* power, uint64_t start);

    //! The signals that go on: the stream has ended, or is not what it was.
    const std::vector<detection>& finish();

    //! Forget the noise: that of another band may be stronger.
    void forget() { d_floor = -1; }

    //! Power of the noise in a bin; 0 before the first spectrum.
    double floor() const { return d_floor < 0 ? 0 : d_floor; }

    //! Signals that go on.
    size_t tracked() const { return d_tracks.size(); }

    //! Signals so far for which there was no place.
    uint64_t left_out() const { return d_left_out; }

    //! Blocks of `size` samples that a part may reach back when it is found.
    static size_t reach(const detector_settings& settings)
    {
        return settings.part() + settings.bridged_spectra + 2;
    }

private:
    typedef std::pair<int, int> run; // first and last bin

    // A signal that goes on: the bins it has held, and its spectra added up
    struct track {
        uint64_t start; // of the part at hand
        uint64_t last;  // spectrum in which it was there
        int low, high;
        std::vector<double> power;
        double floor = 0;
        double spectra = 0;
        int64_t length = 0; // samples of all parts before
        bool found = false; // a part of it was
        bool is_over = false;
        uint64_t id = 0;
    };

    void follow(const float* power);
    void assign(const float* power, uint64_t start);
    void find_runs(const float* power);
    bool join(const run& found, uint64_t start);
    void drop_what_is_over();
    void begin(const run& found, uint64_t start);
    void cut(track& signal);
    void end(track& signal);
    bool measure(const track& signal, detection& made) const;
    void add(track& signal, detection& made);
    uint64_t stop_of(const track& signal) const
    {
        return signal.last + d_settings.size();
    }

    const detector_settings d_settings;
    const double d_expected; // lower quartile of averaged noise of mean power 1
    double d_opens = 0;
    double d_stays = 0;
    double d_floor = -1;
    std::vector<track> d_tracks; // oldest first
    std::vector<run> d_runs;
    std::vector<run> d_without_place;        // in this spectrum
    std::vector<run> d_without_place_before; // in the one before
    std::vector<float> d_sorted;
    std::vector<detection> d_found;
    uint64_t d_left_out = 0;
    uint64_t d_next_id = 0;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_BAND_TRACKER_H */
