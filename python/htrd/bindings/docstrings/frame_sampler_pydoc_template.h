/*
 * Copyright 2026 Free Software Foundation, Inc.
 *
 * This file is part of GNU Radio
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 */
#include "pydoc_macros.h"
#define D(...) DOC(gr, htrd, __VA_ARGS__)
/*
  This file contains placeholders for docstrings for the Python bindings.
  Do not edit! These were automatically extracted during the binding process
  and will be overwritten during the build process
 */



 static const char *__doc_gr_htrd_frame_sampler = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_frame_sampler_0 = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_frame_sampler_1 = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_make = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_hop = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_set_hop = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_squelch_db = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_set_squelch_db = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_max_rate = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_set_max_rate = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_delivered = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_squelched = R"doc()doc";


 static const char *__doc_gr_htrd_frame_sampler_capped = R"doc()doc";

  
