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



 static const char *__doc_gr_htrd_signal_detector = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_signal_detector_0 = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_signal_detector_1 = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_make = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_center_frequency = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_set_center_frequency = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_open_db = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_set_open_db = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_close_db = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_set_close_db = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_samples = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_signals = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_sent = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_capped = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_left_out = R"doc()doc";


 static const char *__doc_gr_htrd_signal_detector_losses = R"doc()doc";

  
