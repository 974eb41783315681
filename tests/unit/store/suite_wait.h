/* The shared tests of waits, windows, limits and memories. */
#pragma once

#include "tests/unit/store/suite.h"

extern const struct CMUnitTest suite_wait[];
extern const size_t suite_wait_n;
