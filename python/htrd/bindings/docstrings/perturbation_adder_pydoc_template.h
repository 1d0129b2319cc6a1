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



 static const char *__doc_gr_htrd_perturbation_adder = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_perturbation_adder_0 = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_perturbation_adder_1 = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_make = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_pnr_db = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_set_pnr_db = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_snr_db = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_set_snr_db = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_psr_db = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_set_psr_db = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_enabled = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_set_enabled = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_achieved_pnr_db = R"doc()doc";


 static const char *__doc_gr_htrd_perturbation_adder_achieved_psr_db = R"doc()doc";

  
