/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_API_H
#define INCLUDED_HTRD_API_H

#include <gnuradio/attributes.h>

#ifdef gnuradio_htrd_EXPORTS
#define HTRD_API __GR_ATTR_EXPORT
#else
#define HTRD_API __GR_ATTR_IMPORT
#endif

#endif /* INCLUDED_HTRD_API_H */
