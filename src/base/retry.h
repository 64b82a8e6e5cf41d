// Repeats a system call that a signal interrupted.
#pragma once

#include <cerrno>

#include "base/file_system.h"

namespace eddy {

template <class Call>
SysResult retry(const Call& call) {
  SysResult result = call();
  while (result == -EINTR) result = call();
  return result;
}

}  // namespace eddy
