/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_SIGNAL_DETECTOR_H
#define INCLUDED_HTRD_SIGNAL_DETECTOR_H

#include <gnuradio/block.h>
#include <gnuradio/htrd/api.h>
#include <cstdint>
#include <memory>

namespace gr {
namespace htrd {

/*!
 * \brief Finds the signals in a band, several at a time, and sends the samples of each.
 * \ingroup htrd
 *
 * \details
 * Input: complex samples of the band. There is no stream output.
 *
 * A spectrum is the average of some transforms; the noise is that of its lowest quarter
 * of bins, followed slowly. Neighboring bins above a level are a signal, which goes on as
 * long as there is more than noise in them. These are the rules and the numbers of
 * robust_amc.frontend.detect.SignalDetector. Samples that are not finite count as zero.
 *
 * Message port signals (out): a PDU when a signal has ended, and whenever it has lasted
 * for another `longest` samples. Its samples, complex64, are moved to 0 Hz and decimated
 * to about ten times the signal's width. Its dictionary:
 *
 * - burst_id (uint64), the same for all parts of a signal, from 0 on; is_last (bool)
 * - start_offset, end_offset (uint64), the part's first sample in the stream, from the
 * start of the flowgraph, and the one after its last; both to a spectrum
 * - start_time (double), in seconds: from the first rx_time tag on the radio's time, else
 * from the start of the flowgraph; rx_time, the same as a tuple (uint64 seconds, double
 * fraction), only where the radio's time is known
 * - duration (double), of the part in seconds
 * - sample_rate (double), of the PDU's samples in Hz
 * - center_frequency (double), what lies at 0 Hz in the PDU, in Hz; relative_frequency
 * (double), the same from the middle of the band
 * - bandwidth (double), between the points of 15 % of the signal's density, in Hz
 * - snr_db (double), in that bandwidth; noise_density (double) in dB(FS)/Hz, where
 * samples of magnitude 1 have 0 dB(FS)
 *
 * Message port spectra (out): at most spectra_rate PDUs per second of the stream: the
 * average of all spectra since the last one, a f32vector of `bins` values in dB(FS), from
 * -sample_rate/2 on, with 0 Hz at bins/2; and a dictionary of sample_rate,
 * center_frequency, noise_density (double), start_offset and end_offset (uint64).
 *
 * Message port status (out): with the first samples, then about once a second, and at the
 * end, a dictionary of samples, signals, sent, left_out, capped and losses (uint64, so
 * far), tracked (uint64, signals that go on) and noise_density (double).
 *
 * All running signals end where samples are missing (a tag overflow, or a tag rx_time
 * with another time than counted), where the first rx_time comes, and where the center
 * frequency changes (a tag rx_freq, or the setter).
 */
class HTRD_API signal_detector : virtual public gr::block
{
public:
    typedef std::shared_ptr<signal_detector> sptr;

    /*!
     * \param sample_rate of the band in samples per second, 0.001 to 1e12; 1: frequencies
     * are in cycles a sample, and times in samples
     * \param center_frequency of the middle of the band in Hz
     * \param bins of a spectrum, even, 16 to 65536; a signal narrower than some of them
     * is as wide as these
     * \param averaged transforms in a spectrum: bins times these, at most 2^24 samples,
     * are the shortest burst
     * \param open_db over the noise, where a bin is a signal's
     * \param close_db over the noise, above which the mean of a signal's bins has to
     * stay; the mean over all of its time too, or it is taken for interference; at most
     * open_db
     * \param bridged_bins below their level within a signal
     * \param bridged_spectra without it, after which a signal has ended; at most 2^24
     * samples
     * \param shortest spectra of a signal; what is shorter is taken for interference
     * \param longest samples of a PDU, before decimation; at least `shortest` spectra, at
     * most 2^24. Whole spectra are sent
     * \param most signals at a time; further ones are counted
     * \param spectra_rate maximum number of PDUs on spectra per second of the stream; 0:
     * none
     * \param max_rate maximum number of PDUs on signals per second of the stream, on
     * average; what is above it is counted, and half of it is kept for signals that have
     * ended. The last part of a signal of which others were sent always passes. 0: no cap
     *
     * \throws std::invalid_argument for a value out of range
     */
    static sptr make(double sample_rate = 1.0,
                     double center_frequency = 0.0,
                     int bins = 512,
                     int averaged = 8,
                     double open_db = 6.0,
                     double close_db = 3.0,
                     int bridged_bins = 3,
                     int bridged_spectra = 2,
                     int shortest = 2,
                     int longest = 262144,
                     int most = 64,
                     double spectra_rate = 10.0,
                     double max_rate = 100.0);

    /*!
     * \brief Frequency of the middle of the band in Hz, as set or as tagged.
     */
    virtual double center_frequency() const = 0;

    /*!
     * \brief Says that the radio is tuned to another frequency, from the next samples on;
     * from any thread. Running signals end.
     * \param center_frequency in Hz
     * \throws std::invalid_argument when it is not finite or beyond 1e15
     */
    virtual void set_center_frequency(double center_frequency) = 0;

    /*!
     * \brief Level in dB over the noise where a bin is a signal's.
     */
    virtual double open_db() const = 0;

    /*!
     * \brief Sets that level, from the next samples on; from any thread.
     * \param open_db in dB; below close_db, signals close at it too
     * \throws std::invalid_argument when it is not above 0, or infinite
     */
    virtual void set_open_db(double open_db) = 0;

    /*!
     * \brief Level in dB over the noise above which a signal's mean has to stay.
     */
    virtual double close_db() const = 0;

    /*!
     * \brief Sets that level, from the next samples on; from any thread.
     * \param close_db in dB; above open_db, signals close at open_db
     * \throws std::invalid_argument when it is not above 0, or infinite
     */
    virtual void set_close_db(double close_db) = 0;

    /*!
     * \brief Samples looked at so far, in whole spectra.
     */
    virtual uint64_t samples() const = 0;

    /*!
     * \brief Signals that have ended so far.
     */
    virtual uint64_t signals() const = 0;

    /*!
     * \brief PDUs of signals and their parts sent so far.
     */
    virtual uint64_t sent() const = 0;

    /*!
     * \brief PDUs not sent so far because of max_rate.
     */
    virtual uint64_t capped() const = 0;

    /*!
     * \brief Signals so far for which there was no place among `most`.
     */
    virtual uint64_t left_out() const = 0;

    /*!
     * \brief Places so far where samples were missing.
     */
    virtual uint64_t losses() const = 0;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_SIGNAL_DETECTOR_H */
