// EDDY_TRY: return the error of a Status or Result; EDDY_TRY_ASSIGN: or bind its value.
//
//   EDDY_TRY(file.sync());
//   EDDY_TRY_ASSIGN(auto header, read_header(bytes));
#pragma once

#include "eddy/result.h"

#define EDDY_CONCAT_INNER(a, b) a##b
#define EDDY_CONCAT(a, b) EDDY_CONCAT_INNER(a, b)

#define EDDY_TRY(expression)                                      \
  do {                                                            \
    auto eddy_status = (expression);                              \
    if (!eddy_status.ok()) return std::move(eddy_status).error(); \
  } while (false)

#define EDDY_TRY_ASSIGN(target, expression) \
  EDDY_TRY_ASSIGN_NAMED(EDDY_CONCAT(eddy_result_, __LINE__), target, expression)
#define EDDY_TRY_ASSIGN_NAMED(name, target, expression) \
  auto name = (expression);                             \
  if (!name.ok()) return std::move(name).error();       \
  target = std::move(name).value()
