/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_SAMPLE_HISTORY_H
#define INCLUDED_HTRD_SAMPLE_HISTORY_H

#include <gnuradio/gr_complex.h>
#include <volk/volk_alloc.hh>
#include <cstdint>

namespace gr {
namespace htrd {

/*!
 * \brief The latest samples of a stream, in blocks that each lie in one piece.
 */
class sample_history
{
public:
    //! \param size samples of a block
    //! \param blocks that are kept
    sample_history(size_t size, size_t blocks)
        : d_size(size), d_blocks(blocks), d_samples(size * blocks)
    {
    }

    //! Forget all; the next block begins at `offset` in the stream.
    void restart(uint64_t offset) { d_origin = d_end = offset; }

    //! Where the next block has to be written. The oldest one is lost.
    gr_complex* next() { return d_samples.data() + place(d_end); }

    //! The next block has been written.
    void advance() { d_end += d_size; }

    //! Offset in the stream of what comes next.
    uint64_t end() const { return d_end; }

    //! The sample at `offset`; those after it follow, to the end of its block.
    const gr_complex* at(uint64_t offset) const
    {
        return d_samples.data() + place(offset);
    }

    //! Samples from `offset` to the end of its block.
    size_t room(uint64_t offset) const { return d_size - (offset - d_origin) % d_size; }

private:
    size_t place(uint64_t offset) const
    {
        return (offset - d_origin) % (d_size * d_blocks);
    }

    size_t d_size;
    size_t d_blocks;
    volk::vector<gr_complex> d_samples;
    uint64_t d_origin = 0;
    uint64_t d_end = 0;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_SAMPLE_HISTORY_H */
